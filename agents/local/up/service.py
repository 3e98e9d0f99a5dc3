"""One process that is kept running: started again with backoff when it ends, watched until it is ready."""

import asyncio
import signal
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from agents.local.child import TAIL_LINES, Child
from agents.local.launch import Launch
from agents.runtime import EXIT_CONFIGURATION
from pipeline.errors import SmsoutError

FIRST_DELAY_SECONDS: Final = 0.2  # a killed agent works again within 3 s, most of which is its own start
LONGEST_DELAY_SECONDS: Final = 10.0
HEALTHY_AFTER_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.1


class Backoff:
    """How long to wait before the next start: doubles with every life that was short."""

    def __init__(self) -> None:
        self._next = FIRST_DELAY_SECONDS

    def after(self, lived_seconds: float, *, killed_in_health: bool = False) -> float:
        """Return the delay after a life of `lived_seconds`.

        One that was ready and was ended by SIGKILL from outside is no sign that the next will fail too.
        """
        if lived_seconds >= HEALTHY_AFTER_SECONDS or killed_in_health:
            self._next = FIRST_DELAY_SECONDS
        delay = self._next
        self._next = min(delay * 2, LONGEST_DELAY_SECONDS)
        return delay


class CannotGoOn(SmsoutError):
    """A process has ended that cannot be started again as it was."""

    code = "cannot-go-on"
    stage = "up"


class Service:
    """A named process, over all its lives.

    `is_ready` is asked while a life is not ready yet; `changed` is called with every new pid. `lost_with_it` says
    what the end of its life destroys: then there is no other life, and `run` raises `CannotGoOn`.
    """

    def __init__(
        self,
        name: str,
        launch: Launch,
        is_ready: Callable[[], Awaitable[bool]],
        say: Callable[[str, str], None],
        changed: Callable[[], None],
        *,
        stop_seconds: float,
        lost_with_it: str | None = None,
    ) -> None:
        self.name = name
        self.pid: int | None = None
        self.ready = asyncio.Event()
        """Set while the current life is ready."""
        self.hopeless = asyncio.Event()
        """Set when it ended over its configuration before it was ever ready: another start will not help."""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        """The last lines that its process wrote, over all lives."""
        self._launch = launch
        self._is_ready = is_ready
        self._tell = say
        self._changed = changed
        self._stop_seconds = stop_seconds
        self._lost_with_it = lost_with_it
        self._stopping = asyncio.Event()
        self._child: Child | None = None
        self._was_ever_ready = False

    def _say(self, line: str) -> None:
        self._tell(self.name, line)

    def _pass_on(self, line: str) -> None:
        self.tail.append(line)
        self._say(line)

    async def run(self) -> None:
        """Keep it running until `begin_stop`."""
        backoff, clock = Backoff(), asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = clock()
            code, was_ready = await self._live()
            if self._stopping.is_set():
                return
            if self._lost_with_it and was_ready:
                raise CannotGoOn(f"{self.name} ended ({described(code)}), and with it {self._lost_with_it}")
            delay = backoff.after(clock() - began, killed_in_health=was_ready and code == -signal.SIGKILL)
            self._say(f"ended: {described(code)}; starts again in {delay:g} s")
            if code == EXIT_CONFIGURATION and not self._was_ever_ready:
                self.hopeless.set()
            # A failpoint is for one life: the next one is to show that it gets over it.
            self._launch = replace(self._launch, environment={**self._launch.environment, "SMSOUT_FAILPOINT": None})
            await self._pause(delay)

    async def _live(self) -> tuple[int, bool]:
        """Start it and see it through; return its exit code and whether it was ready."""
        try:
            self._child = child = await Child(self._launch, self._pass_on).start()
        except OSError as error:
            self._say(f"cannot be started: {error}")
            return EXIT_CONFIGURATION, False
        self.pid = child.pid
        self._changed()
        ended = asyncio.create_task(child.wait())
        watching = asyncio.create_task(self._watch())
        told = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await child.stop(self._stop_seconds)
            return await ended, self.ready.is_set()
        finally:
            self.ready.clear()
            for task in (watching, told):
                task.cancel()

    async def _watch(self) -> None:
        began = asyncio.get_running_loop().time()
        while not await self._is_ready():  # noqa: ASYNC110  # another process has no event to wait for
            await asyncio.sleep(POLL_SECONDS)
        again = " again" if self._was_ever_ready else ""
        self._say(f"is ready{again}, {asyncio.get_running_loop().time() - began:.1f} s after its start")
        self._was_ever_ready = True
        self.ready.set()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    def begin_stop(self) -> None:
        """Let `run` stop the process and return."""
        self._stopping.set()

    def kill(self) -> None:
        """End it at once."""
        self._stopping.set()
        if self._child is not None:
            self._child.signal(signal.SIGKILL)


def described(code: int) -> str:
    """Return an exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
