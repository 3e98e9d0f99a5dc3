"""A process that does not answer: told from one that is slow, killed, and started again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from agents.local.launch import Launch
from agents.local.ports import free_port
from agents.local.up.supervision import service as module
from agents.local.up.supervision.pulse import Bounds
from agents.local.up.supervision.service import Service, State
from agents.local.up.supervision.supervisor import Supervisor

SERVES = """
import asyncio, signal, sys, time
answer = b"1"

def sulk(*_):
    global answer
    answer = b"0"

def hang(*_):
    while True:
        pass

signal.signal(signal.SIGUSR1, hang)
signal.signal(signal.SIGUSR2, lambda *_: time.sleep(60))
signal.signal(signal.SIGHUP, sulk)

async def serve(reader, writer):
    writer.write(answer)
    writer.close()

async def main():
    await (await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))).serve_forever()

asyncio.run(main())
"""


class Watched:
    """A service over a process that answers on a port: `1` when it is ready, `0` when it is not."""

    def __init__(self) -> None:
        self.port = free_port()
        self.lines: list[str] = []
        self.states: list[State] = []
        self.questions = 0
        self.supervisor = Supervisor()
        launch = Launch((sys.executable, "-I", "-S", "-c", SERVES, str(self.port)))
        self.service = Service(
            "agent", launch, self.asked(b"1"), lambda _, line: self.lines.append(line), lambda: None,
            stop_seconds=10.0, is_alive=self.asked(b"0", b"1"), ask_seconds=0.05,
            state_changed=lambda: self.states.append(self.service.state),
        )  # fmt: skip

    def asked(self, *wanted: bytes) -> Callable[[], Awaitable[bool]]:
        async def ask() -> bool:
            self.questions += 1
            try:
                async with asyncio.timeout(0.2):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    try:
                        return await reader.read(1) in wanted
                    finally:
                        writer.close()
            except (OSError, TimeoutError):
                return False

        return ask

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not enough():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def watched(monkeypatch: pytest.MonkeyPatch, bounds: Bounds) -> AsyncIterator[Watched]:
    monkeypatch.setattr(module, "READY", bounds)
    made = Watched()
    made.supervisor.start([made.service])
    try:
        await made.supervisor.wait_until_ready(20)
        yield made
    finally:
        made.supervisor.kill()
        await made.supervisor.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="what uses no processor time can be told on Linux only")
@pytest.mark.parametrize(
    ("number", "bounds", "words"),
    [
        (signal.SIGSTOP, Bounds(3.0, 60.0), "stood still"),
        (signal.SIGUSR2, Bounds(3.0, 60.0), "stood still"),
        (signal.SIGUSR1, Bounds(60.0, 1.5), "did not answer"),
    ],
    ids=["stopped", "waits", "busy-loop"],
)
async def test_a_process_that_does_not_answer_is_killed_and_started_again(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, bounds: Bounds, words: str
) -> None:
    """Stopped, waiting inside of a callback, or working for ever: the log says what it was, and so does the service."""
    async with watched(monkeypatch, bounds) as made:
        first = made.service.pid
        assert first is not None
        os.kill(first, number)
        await made.until(lambda: made.service.restarts == 1 and made.service.state is State.READY)
        assert made.service.pid != first
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        assert made.states == [State.READY, State.SILENT, State.ENDED, State.STARTING, State.READY]
        assert "is silent" in made.lines
        (killed,) = [line for line in made.lines if line.endswith("and is killed")]
        assert words in killed
        assert made.service.last_end is not None
        assert made.service.last_end.startswith(f"killed by SIGKILL, because it {words}")
        assert any(line.startswith("is ready again") for line in made.lines)


async def test_a_short_stop_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as silent and goes on under the same pid: what is slow now and then is not killed."""
    async with watched(monkeypatch, Bounds(5.0, 60.0)) as made:
        pid = made.service.pid
        assert pid is not None
        for _ in range(2):
            os.kill(pid, signal.SIGSTOP)
            await made.until(lambda: made.service.state is State.SILENT)
            os.kill(pid, signal.SIGCONT)
            await made.until(lambda: made.service.state is State.READY)
        assert (made.service.pid, made.service.restarts) == (pid, 0)


async def test_who_answers_that_it_is_not_ready_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its broker may be away: that is told, and no restart would help."""
    async with watched(monkeypatch, Bounds(0.1, 0.2)) as made:
        os.kill(made.service.pid or 0, signal.SIGHUP)
        await made.until(lambda: made.service.state is State.NOT_READY)
        asked = made.questions
        await made.until(lambda: made.questions > asked + 20)
        assert (made.service.state, made.service.restarts) == (State.NOT_READY, 0)
        assert made.lines[-1] == "is not ready"
