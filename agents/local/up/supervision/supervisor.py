"""All services together: started, waited for, stopped one after the other."""

import asyncio
from typing import Final

from agents.local.up.supervision.service import Service
from pipeline.errors import SmsoutError

READY_WITHIN_SECONDS: Final = 60.0


class DidNotStart(SmsoutError):
    """A process did not become ready; the message ends with the last lines it wrote."""

    code = "did-not-start"
    stage = "up"


class Supervisor:
    """Runs services; they stop in the order in which they were added, the latest `start` first.

    `broken` gets the error of a service that could not be looked after any more.
    """

    def __init__(self) -> None:
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.services: list[Service] = []
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, services: list[Service]) -> None:
        """Start services, the last of the list first."""
        self.services[:0] = services
        for service in reversed(services):
            task = asyncio.create_task(service.run(), name=service.name)
            task.add_done_callback(self._note_end)
            self._running[service.name] = task

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not self.broken.done():
            self.broken.set_exception(error)

    async def wait_until_ready(self, limit_seconds: float = READY_WITHIN_SECONDS) -> None:
        """Return when every service is ready. Raises `DidNotStart` for the first one that cannot become it."""
        deadline = asyncio.get_running_loop().time() + limit_seconds
        for service in reversed(self.services):
            while not service.ready.is_set():
                for other in self.services:
                    if other.hopeless.is_set():
                        raise DidNotStart(_with_last_lines(f"{other.name} cannot run", other))
                if (left := deadline - asyncio.get_running_loop().time()) <= 0:
                    raise DidNotStart(
                        _with_last_lines(f"{service.name} is not ready after {limit_seconds:g} s", service)
                    )
                waiting = {asyncio.create_task(service.ready.wait())} | {
                    asyncio.create_task(other.hopeless.wait()) for other in self.services
                }
                await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                for task in waiting:
                    task.cancel()

    async def stop(self) -> None:
        """Stop one service after the other; each has the time that it was given to drain."""
        for service in self.services:
            service.begin_stop()
            await asyncio.wait({self._running[service.name]})
        self.broken.cancel()

    def kill(self) -> None:
        """End all of them at once."""
        for service in self.services:
            service.kill()


def _with_last_lines(what: str, service: Service) -> str:
    lines = "\n".join(f"    {line}" for line in service.tail) or "    (nothing)"
    return f"{what}. Its last lines:\n{lines}"
