"""Child processes and how the supervisor keeps them: with small programs in place of agents."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from agents.local.child import MAX_LINE_BYTES, Child
from agents.local.launch import Launch
from agents.local.up.supervision.service import LONGEST_DELAY_SECONDS, Backoff, Service, described
from agents.local.up.supervision.supervisor import DidNotStart, Supervisor
from pipeline.errors import ConfigurationError
from tests.systems import is_alive


def python(code: str, **environment: str | None) -> Launch:
    return Launch((sys.executable, "-I", "-S", "-c", code), environment)


WAITS = "import time; print('up', flush=True); time.sleep(60)"
DRAINS = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print('drained', flush=True), sys.exit(0)))
print('up', flush=True)
time.sleep(60)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True)
time.sleep(60)
"""


class Log:
    """What services say, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._new = asyncio.Event()

    def say(self, name: str, line: str) -> None:
        self.lines.append((name, line))
        self._new.set()

    async def until(self, enough: Callable[[list[tuple[str, str]]], bool]) -> None:
        async with asyncio.timeout(20):
            while not enough(self.lines):
                self._new.clear()
                await self._new.wait()


@pytest.fixture
def log() -> Log:
    return Log()


def service(log: Log, name: str, launch: Launch, changed: Callable[[], None] | None = None) -> Service:
    """A service that is ready when it has said `up` once in its current life."""

    async def is_ready() -> bool:
        return made._child is not None and "up" in made._child.tail

    made = Service(
        name, launch, is_ready, log.say, changed or (lambda: log.say("supervisor", "changed")), stop_seconds=10.0
    )
    return made


async def test_output_comes_line_by_line_and_noise_is_left_out() -> None:
    """stdout and stderr arrive as lines, an unfinished last one too; lines with a noise word are dropped."""
    lines: list[str] = []
    launch = Launch(
        (sys.executable, "-c", r"import sys; sys.stdout.write('one\r\nnoisy two\n'); sys.stdout.flush(); "
         r"sys.stderr.write('th\xffree\nfour')"),
        noise=("noisy",),
    )  # fmt: skip
    child = await Child(launch, lines.append).start()
    assert await child.wait() == 0
    assert lines == list(child.tail) == ["one", "thÿree", "four"]


async def test_an_endless_line_is_passed_on_in_parts() -> None:
    """A child that never writes a newline does not fill our memory."""
    size = 3 * MAX_LINE_BYTES
    lines: list[str] = []
    child = await Child(python(f"print('x' * {size}, end='')"), lines.append).start()
    assert await child.wait() == 0
    assert sum(map(len, lines)) == size
    assert max(map(len, lines)) <= 2 * MAX_LINE_BYTES


async def test_environment_is_added_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value is set, a None takes an inherited variable away."""
    monkeypatch.setenv("SMSOUT_PEPPER", "secret")
    lines: list[str] = []
    code = "import os; print(os.environ.get('SMSOUT_PEPPER'), os.environ.get('SMSOUT_METRICS_PORT'))"
    child = await Child(python(code, SMSOUT_PEPPER=None, SMSOUT_METRICS_PORT="3"), lines.append).start()
    await child.wait()
    assert lines == ["None 3"]


async def test_a_child_has_a_session_of_its_own() -> None:
    """Ctrl-C at the terminal goes to the foreground process group, which a child is not in."""
    lines: list[str] = []
    child = await Child(python("import os; print(os.getsid(0) == os.getpid() == os.getpgid(0))"), lines.append).start()
    await child.wait()
    assert lines == ["True"]


async def test_a_deaf_child_is_killed_after_the_limit() -> None:
    """SIGTERM first; one that ignores it is ended by SIGKILL."""
    up = asyncio.Event()
    child = await Child(python(DEAF), lambda line: up.set()).start()
    await up.wait()
    assert await child.stop(0.1) == -signal.SIGKILL


async def test_a_program_that_does_not_exist_says_so() -> None:
    """The reason reaches the output, and the exit code is not 0."""
    lines: list[str] = []
    child = await Child(Launch(("/nonexistent/program",)), lines.append).start()
    assert await child.wait() == 1
    assert lines == ["cannot run /nonexistent/program: No such file or directory"]


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(PR_SET_PDEATHSIG) is Linux's")
def test_children_do_not_outlive_a_killed_supervisor() -> None:
    """SIGKILL of the parent ends a child that would never have ended by itself."""
    parent = subprocess.Popen(
        [
            sys.executable, "-c",
            "import asyncio, sys\n"
            "from agents.local.child import Child\n"
            "from agents.local.launch import Launch\n"
            "async def main():\n"
            f"    launch = Launch((sys.executable, '-c', {DEAF!r}))\n"
            "    child = await Child(launch, lambda line: print(child.pid, flush=True)).start()\n"
            "    await child.wait()\n"
            "asyncio.run(main())\n",
        ],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    child_pid = int(parent.stdout.readline())
    assert is_alive(child_pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while is_alive(child_pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_backoff_doubles_up_to_ten_seconds_and_forgets_after_health() -> None:
    """0.2 s at first, doubling to 10 s; half a minute of life, or a kill of a healthy process, begins anew."""
    backoff = Backoff()
    delays = [backoff.after(1.0) for _ in range(8)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, LONGEST_DELAY_SECONDS, LONGEST_DELAY_SECONDS]
    assert backoff.after(29.9) == LONGEST_DELAY_SECONDS
    assert backoff.after(30.0) == 0.2
    assert backoff.after(1.0) == 0.4
    assert backoff.after(1.0, killed_in_health=True) == 0.2


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exit code 0"), (78, "exit code 78"), (-9, "killed by SIGKILL"), (-99, "killed by signal 99")],
)
def test_an_end_in_words(code: int, words: str) -> None:
    """Signals go by their names."""
    assert described(code) == words


async def test_a_killed_process_is_started_again_and_its_pid_told(log: Log) -> None:
    """After SIGKILL there is a new pid, announced, and it becomes ready."""
    supervisor = Supervisor()
    supervisor.start([kept := service(log, "agent", python(WAITS))])
    await supervisor.wait_until_ready(20)
    first = kept.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await log.until(lambda lines: lines.count(("supervisor", "changed")) == 2)
    await log.until(lambda lines: any("is ready again" in line for _, line in lines))
    assert kept.pid != first
    assert ("agent", "ended: killed by SIGKILL; starts again in 0.2 s") in log.lines
    supervisor.kill()
    await supervisor.stop()


async def test_a_failpoint_is_armed_for_one_life_only(log: Log) -> None:
    """SMSOUT_FAILPOINT reaches the first life and no later one."""
    code = "import os, sys; print(os.environ.get('SMSOUT_FAILPOINT')); sys.exit(1)"
    supervisor = Supervisor()
    supervisor.start([service(log, "agent", python(code, SMSOUT_FAILPOINT="here:1"))])
    await log.until(lambda lines: ("agent", "None") in lines)
    await supervisor.stop()
    assert [line for _, line in log.lines if line in ("here:1", "None")][:2] == ["here:1", "None"]


async def test_services_stop_in_their_order_and_drain(log: Log) -> None:
    """Each one has ended before the next one is asked to."""
    supervisor = Supervisor()
    names = ["first", "second", "third"]
    supervisor.start([service(log, "last", python(DRAINS))])
    await supervisor.wait_until_ready(20)
    supervisor.start([service(log, name, python(DRAINS)) for name in names])
    await supervisor.wait_until_ready(20)
    await supervisor.stop()
    assert [name for name, line in log.lines if line == "drained"] == [*names, "last"]


async def test_stop_ends_one_that_waits_for_its_next_start(log: Log) -> None:
    """A service between two lives is not started again once it is told to stop."""
    supervisor = Supervisor()
    supervisor.start([kept := service(log, "agent", python("raise SystemExit(1)"))])
    await log.until(lambda lines: any("starts again" in line for _, line in lines))
    await supervisor.stop()
    starts = log.lines.count(("supervisor", "changed"))
    assert not is_alive(kept.pid or 0)
    assert log.lines.count(("supervisor", "changed")) == starts


async def test_one_that_is_never_ready_fails_with_its_last_lines(log: Log) -> None:
    """The error names it and quotes what it said."""
    supervisor = Supervisor()
    supervisor.start([service(log, "well", python(WAITS)), service(log, "ill", python("print('my reason')"))])
    await log.until(lambda lines: ("ill", "my reason") in lines)
    with pytest.raises(DidNotStart, match=r"(?s)ill is not ready after 1 s.*my reason"):
        await supervisor.wait_until_ready(1)
    supervisor.kill()
    await supervisor.stop()


async def test_bad_configuration_is_not_waited_for(log: Log) -> None:
    """Exit code 78 before it was ever ready fails the start at once."""
    supervisor = Supervisor()
    code = "print('SMSOUT_X is wrong'); raise SystemExit(78)"
    supervisor.start([service(log, "agent", python(code)), service(log, "other", python(WAITS))])
    with pytest.raises(DidNotStart, match=r"(?s)agent cannot run.*SMSOUT_X is wrong"):
        await supervisor.wait_until_ready(60)
    supervisor.kill()
    await supervisor.stop()


async def test_what_breaks_the_care_of_a_process_is_told_to_the_supervisor(log: Log) -> None:
    """A ready file that cannot be written any more ends nothing in silence: the supervisor learns why."""
    starts = 0

    def full_disk() -> None:
        nonlocal starts
        starts += 1
        if starts == 2:
            raise ConfigurationError("cannot write the ready file")

    supervisor = Supervisor()
    supervisor.start([kept := service(log, "agent", python(WAITS), full_disk)])
    await supervisor.wait_until_ready(20)
    os.kill(kept.pid or 0, signal.SIGKILL)
    with pytest.raises(ConfigurationError, match=r"^cannot write the ready file$"):
        await asyncio.wait_for(asyncio.shield(supervisor.broken), 20)
    assert starts == 2
    assert not is_alive(kept.pid or 0)
    await supervisor.stop()
