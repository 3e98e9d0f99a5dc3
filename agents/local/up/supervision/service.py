"""One process that is kept running: started again with backoff when it ends, and killed when it does not answer."""

import asyncio
import signal
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum
from typing import Final

from agents.exit_codes import EXIT_CONFIGURATION
from agents.local.child import TAIL_LINES, Child
from agents.local.launch import Launch
from agents.local.up.supervision.pulse import ASK_SECONDS, READY, STARTING, Pulse, processor_seconds

FIRST_DELAY_SECONDS: Final = 0.2  # a killed agent works again within 3 s, most of which is its own start
LONGEST_DELAY_SECONDS: Final = 10.0
HEALTHY_AFTER_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.1


class State(StrEnum):
    """What a process is doing, as far as it tells."""

    STARTING = "starting"
    READY = "ready"
    NOT_READY = "not ready"  # it answers, and says that it cannot do its work
    SILENT = "silent"  # it does not answer
    ENDED = "ended"  # and starts again in a moment


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


class Service:
    """A named process, over all its lives.

    It is asked all the time: `is_ready`, and when it is not, `is_alive`, which is the same question where none is
    given. `changed` is called with every new pid, `state_changed` when anything else of it has changed. `say` gets what
    becomes of it, `output` the lines that it writes.
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
        is_alive: Callable[[], Awaitable[bool]] | None = None,
        state_changed: Callable[[], None] = lambda: None,
        ask_seconds: float = ASK_SECONDS,
        output: Callable[[str, str], None] | None = None,
    ) -> None:
        self.name = name
        self.pid: int | None = None
        self.state = State.STARTING
        self.restarts = 0
        self.last_end: str | None = None
        """How its last life ended, and why; None before one has."""
        self.ready = asyncio.Event()
        """Set while the current life is ready."""
        self.hopeless = asyncio.Event()
        """Set when it ended over its configuration before it was ever ready: another start will not help."""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        """The last lines that its process wrote, over all lives."""
        self._launch = launch
        self._is_ready = is_ready
        self._is_alive = is_alive or is_ready
        self._state_changed = state_changed
        self._ask_seconds = ask_seconds
        self._tell = say
        self._tell_output = output or say
        self._changed = changed
        self._stop_seconds = stop_seconds
        self._stopping = asyncio.Event()
        self._child: Child | None = None
        self._was_ever_ready = False

    def _say(self, line: str) -> None:
        self._tell(self.name, line)

    def _pass_on(self, line: str) -> None:
        self.tail.append(line)
        self._tell_output(self.name, line)

    async def run(self) -> None:
        """Keep it running until `begin_stop`."""
        backoff, clock = Backoff(), asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = clock()
            code, was_ready, silent = await self._live()
            if self._stopping.is_set():
                return
            killed_in_health = was_ready and silent is None and code == -signal.SIGKILL
            delay = backoff.after(clock() - began, killed_in_health=killed_in_health)
            self.last_end = described(code) if silent is None else f"{described(code)}, because it {silent}"
            self._say(f"ended: {self.last_end}; starts again in {delay:g} s")
            self._enter(State.ENDED)
            if code == EXIT_CONFIGURATION and not self._was_ever_ready:
                self.hopeless.set()
            # A failpoint is for one life: the next one is to show that it gets over it.
            self._launch = replace(self._launch, environment={**self._launch.environment, "SMSOUT_FAILPOINT": None})
            await self._pause(delay)
            self.restarts += 1

    async def _live(self) -> tuple[int, bool, str | None]:
        """Start it and see it through; return its exit code, whether it was ready, and why it was killed by us."""
        try:
            self._child = child = await Child(self._launch, self._pass_on).start()
        except OSError as error:
            self._say(f"cannot be started: {error}")
            return EXIT_CONFIGURATION, False, None
        self.pid = child.pid
        ended = asyncio.create_task(child.wait())
        watching = asyncio.create_task(self._watch(child.pid))
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            self._changed()
            await asyncio.wait({ended, stopped, watching}, return_when=asyncio.FIRST_COMPLETED)
            silent = watching.result() if watching.done() else None
            if silent is not None and not ended.done():
                self._say(f"{silent} and is killed")
                child.signal(signal.SIGKILL)
            elif not ended.done():
                watching.cancel()  # who drains says that it is not ready, and that is nobody's news
                await child.stop(self._stop_seconds)
            return await ended, self.ready.is_set(), silent
        finally:
            self.ready.clear()
            for task in (watching, stopped):
                task.cancel()
            if not ended.done():  # whoever fails in our care must not go on without it
                child.signal(signal.SIGKILL)
                await ended

    async def _watch(self, pid: int) -> str:
        """Ask it until it is not to be waited for any longer; return why."""
        clock = asyncio.get_running_loop().time
        began = clock()
        pulse, bounds = Pulse(began, self._ask_seconds), STARTING
        self._enter(State.STARTING)
        while True:
            ready = await self._is_ready()
            alive = ready or await self._is_alive()
            pulse.note(clock(), answered=alive, used=None if alive else processor_seconds(pid))
            if ready and not self.ready.is_set():
                again = " again" if self._was_ever_ready else ""
                self._say(f"is ready{again}, {clock() - began:.1f} s after its start")
                self._was_ever_ready = True
                self.ready.set()
                bounds = READY
            if (why := pulse.verdict(bounds)) is not None:
                return why
            if ready:
                self._enter(State.READY)
            elif self.ready.is_set() and pulse.is_silent:
                self._enter(State.SILENT)
            elif self.ready.is_set() and alive:
                self._enter(State.NOT_READY)
            await asyncio.sleep(self._ask_seconds if self.ready.is_set() else POLL_SECONDS)

    def _enter(self, state: State) -> None:
        if state is not self.state:
            was, self.state = self.state, state
            if {was, state} <= {State.READY, State.NOT_READY, State.SILENT}:
                self._say(f"is {state}")
            self._state_changed()

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
