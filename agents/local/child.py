"""A child process: in a session of its own, tied to our life, each line of its output under its name."""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from agents.local.launch import Launch

TETHER: Final = Path(__file__).with_name("tether.py")
MAX_LINE_BYTES: Final = 65_536  # a line that never ends must not fill our memory
TAIL_LINES: Final = 40


class Child:
    """One life of one process. `say` gets each line of its output, without the newline."""

    def __init__(self, launch: Launch, say: Callable[[str], None]) -> None:
        self._launch = launch
        self._say = say
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        """The last lines of its output."""

    async def start(self) -> Self:
        """Start it. Ctrl-C at the terminal does not reach it, because it has a session of its own."""
        environment = dict(os.environ)
        for name, value in self._launch.environment.items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        tether = (sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), str(self._launch.dies_with_us))
        self._process = await asyncio.create_subprocess_exec(
            *tether,
            *self._launch.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        self._reading = asyncio.create_task(self._read_lines())
        return self

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Its exit code (negative: the signal that ended it), None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end and its last line; return the exit code."""
        code = await self._process.wait()
        # A process that it has left behind may hold the pipe open for ever.
        await asyncio.wait([self._reading], timeout=1.0)
        self._reading.cancel()
        return code

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens when it has ended."""
        if self.exit_code is None:
            self._process.send_signal(number)

    async def stop(self, limit_seconds: float) -> int:
        """Ask it to end with SIGTERM, make it end with SIGKILL after the limit; return the exit code."""
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(limit_seconds):
                return await self.wait()
        except TimeoutError:
            self._say(f"does not stop within {limit_seconds:g} s and is killed")
            self.signal(signal.SIGKILL)
            return await self.wait()

    async def _read_lines(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        rest = b""
        while block := await stream.read(MAX_LINE_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                self._pass_on(line)
            if len(rest) > MAX_LINE_BYTES:
                self._pass_on(rest)
                rest = b""
        if rest:
            self._pass_on(rest)

    def _pass_on(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        if any(noise in text for noise in self._launch.noise):
            return
        self.tail.append(text)
        self._say(text)
