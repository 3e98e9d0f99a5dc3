"""One process of an agent: started with the environment that a test chooses, ended in every way that there is."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

import aiohttp

from agents.local.child import TETHER
from agents.local.ports import free_port
from tests import systems
from tests.brokers import REPOSITORY

READY_LIMIT_SECONDS: Final = 60.0  # a machine that runs other tests too
END_LIMIT_SECONDS: Final = 40.0
POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Life:
    """How a process is run.

    `failpoint` is where it dies (docs/testing.md). `variant` names a change that tests/crash/sabotaged.py makes to it:
    a protection taken away, or a place to die that the product has no name for. `settings` are added to its
    environment.
    """

    failpoint: str | None = None
    variant: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def after_death(self, failpoint: str | None = None) -> "Life":
        """Return how it is started again: a failpoint is for one life, a lacking protection stays away."""
        return replace(self, failpoint=failpoint)


class AgentProcess:
    """A running process. `settings` are its environment beside ours."""

    def __init__(self, agent: str, life: Life, settings: Mapping[str, str], log_file: Path) -> None:
        self.agent = agent
        self.life = life
        self.log_file = log_file
        self.metrics_url = f"http://127.0.0.1:{(port := free_port())}"
        program = [sys.executable, "-P", "-m", f"agents.{agent}"]
        if life.variant is not None:
            program = [sys.executable, "-m", "tests.crash.sabotaged", agent, life.variant]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SMSOUT_")}
        environment |= {"SMSOUT_METRICS_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        environment |= {**settings, **life.settings}
        if life.failpoint is not None:
            environment["SMSOUT_FAILPOINT"] = life.failpoint
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), "9", *program],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=REPOSITORY,
                start_new_session=True,
            )  # fmt: skip
        self.started_at = time.monotonic()
        systems.running[self.pid] = log_file

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        code = self._process.poll()
        if code is not None:
            systems.running.pop(self.pid, None)
        return code

    async def ready(self, session: aiohttp.ClientSession) -> Self:
        """Wait until it can do its work, or until it has ended."""
        deadline = time.monotonic() + READY_LIMIT_SECONDS
        while self.exit_code is None:
            try:
                async with session.get(f"{self.metrics_url}/readyz") as answer:
                    if answer.status == 200:
                        return self
            except aiohttp.ClientError:
                pass  # it does not listen yet
            assert time.monotonic() < deadline, f"{self.agent} is not ready:\n{systems.tail(self.log_file)}"
            await asyncio.sleep(POLL_SECONDS)
        return self

    async def ended(self, limit_seconds: float = END_LIMIT_SECONDS) -> int:
        """Wait for its end; return the exit code."""
        deadline = time.monotonic() + limit_seconds
        while (code := self.exit_code) is None:
            assert time.monotonic() < deadline, f"{self.agent} still runs after {limit_seconds:g} s"
            await asyncio.sleep(POLL_SECONDS)
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended."""
        if self.exit_code is None:
            self._process.send_signal(number)

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def stop(self, limit_seconds: float = END_LIMIT_SECONDS) -> int:
        """End it as an operator would; return the exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended(limit_seconds)
