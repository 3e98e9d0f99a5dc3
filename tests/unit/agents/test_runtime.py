"""An agent's process from outside: what it answers, what it logs, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

import pytest

from agents.exit_codes import EXIT_CONFIGURATION, EXIT_SOFTWARE, EXIT_UNAVAILABLE
from agents.local.ports import free_port

PROGRAM = """
import asyncio, logging, os, threading
from agents.runtime import Agent, run
from pipeline.errors import (
    BrokerUnreachable, ConfigurationError, DiskFull, LogUnavailable, NotAcknowledged, StateLost, Stuck
)
from pipeline.settings import PepperSettings

async def main(agent: Agent) -> None:
{body}

run("practice", main)
"""

SERVE = """
able = asyncio.Event()
agent.ready = able.is_set
asyncio.get_running_loop().add_signal_handler({toggle}, able.set)
print("serving", flush=True)
await agent.stopping.wait()
print("draining", flush=True)
await asyncio.sleep(0.3)
print("drained", flush=True)
"""


@contextmanager
def process(body: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run an agent whose main coroutine has this body."""
    indented = "\n".join("    " + line for line in body.strip().splitlines())
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(body=indented)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "SMSOUT_LOG_LEVEL": "info", **environment},
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def ends(body: str, **environment: str) -> tuple[int, list[dict[str, object]]]:
    """Run it to its end; return the exit code and what it logged, every line of which must be JSON."""
    with process(body, **environment) as running:
        output, _ = running.communicate(timeout=60)
        return running.returncode, [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize(
    ("body", "code", "event"),
    [
        ("return", 0, "stopped"),
        ("raise BrokerUnreachable('no broker at 127.0.0.1:1')", EXIT_UNAVAILABLE, "broker_unreachable"),
        ("raise ConfigurationError('SMSOUT_X is wrong')", EXIT_CONFIGURATION, "bad_configuration"),
        ("PepperSettings()", EXIT_CONFIGURATION, "bad_configuration"),
        ("raise LogUnavailable('the database does not answer')", EXIT_UNAVAILABLE, "message_log_unavailable"),
        ("raise DiskFull('/state has no room')", EXIT_UNAVAILABLE, "disk_full"),
        ("raise OSError(28, 'No space left on device')", EXIT_UNAVAILABLE, "disk_full"),
        ("raise StateLost('the keys are lost') from OSError(28, 'No space left on device')", EXIT_UNAVAILABLE,
         "disk_full"),
        ("raise OSError(5, 'Input/output error')", EXIT_SOFTWARE, "failed"),
        ("raise Stuck('nothing moves')", EXIT_SOFTWARE, "failed"),
        ("raise NotAcknowledged('silent')", EXIT_SOFTWARE, "failed"),
        ("raise RuntimeError('unexpected')", EXIT_SOFTWARE, "failed"),
        ("asyncio.current_task().cancel(); await asyncio.sleep(9)", EXIT_SOFTWARE, "failed"),
        ("raise ExceptionGroup('tasks', [ExceptionGroup('', [BrokerUnreachable('no')])])", EXIT_UNAVAILABLE,
         "broker_unreachable"),
    ],
)  # fmt: skip
def test_the_exit_code_says_what_kind_of_end_it_was(body: str, code: int, event: str) -> None:
    """sysexits.h codes, and a last log line that names the agent and the cause."""
    returned, logged = ends(body)
    assert (returned, logged[-1]["event"], logged[-1]["agent"]) == (code, event, "practice")


def test_a_failure_is_logged_with_its_stable_code() -> None:
    """Operators search for it; the traceback is in the same line."""
    _, logged = ends("raise Stuck('7 records wait')")
    assert (logged[-1]["code"], logged[-1]["level"]) == ("stuck", "critical")
    assert "7 records wait" in str(logged[-1]["exception"])


def test_a_failed_agent_ends_although_a_thread_lives_on() -> None:
    """A library's thread that never ends must not keep a failed process from being restarted."""
    body = "threading.Thread(target=threading.Event().wait).start()\nraise RuntimeError('unexpected')"
    assert ends(body)[0] == EXIT_SOFTWARE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has SCHED_BATCH")
def test_an_agent_interrupts_nobody() -> None:
    """Under load it works on what has gathered."""
    _, logged = ends("logging.warning('%s', os.sched_getscheduler(0))")
    assert str(os.SCHED_BATCH) in [it["event"] for it in logged]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says in /proc what would be dumped")
def test_an_agents_memory_lands_on_no_disk() -> None:
    """Secrets are in it: no file, nothing for a crash handler, and the same for whatever the agent starts."""
    look = (
        "import resource; from pathlib import Path; "
        "print(resource.getrlimit(resource.RLIMIT_CORE), Path('/proc/self/coredump_filter').read_text().strip())"
    )
    body = f"import subprocess\nexec({look!r}, {{}})\nsubprocess.run([{sys.executable!r}, '-c', {look!r}], check=True)"
    with process(body, PYTHONUNBUFFERED="1") as running:
        output, _ = running.communicate(timeout=60)
    assert output.count("(0, 0) 00000000") == 2


def test_a_bad_setting_is_named() -> None:
    """The process does not start with a setting that it cannot read."""
    returned, logged = ends("return", SMSOUT_METRICS_PORT="minus one")
    assert returned == EXIT_CONFIGURATION
    assert "metrics_port" in str(logged[-1])


def test_libraries_log_json_too_and_do_not_repeat_themselves() -> None:
    """One format for every line, warnings and up, and the same complaint once."""
    _, logged = ends("for n in range(5): logging.getLogger('library').warning('broker %s is down', n)\n"
                     "logging.getLogger('library').info('chatter')")  # fmt: skip
    lines = [(line["event"], line["level"]) for line in logged if line.get("logger") == "library"]
    assert lines == [("broker 0 is down", "warning")]


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_health_and_drain() -> None:
    """Alive at once, ready when the agent says so, and on SIGTERM it drains and exits with 0."""
    port = free_port()
    with process(SERVE.format(toggle=int(signal.SIGUSR1)), SMSOUT_METRICS_PORT=str(port)) as running:
        assert running.stdout is not None
        while running.stdout.readline() != "serving\n":
            assert running.poll() is None
        assert get(port, "/healthz") == (200, "alive\n")
        assert get(port, "/readyz") == (503, "not ready\n")
        running.send_signal(signal.SIGUSR1)
        while get(port, "/readyz") != (200, "ready\n"):
            assert running.poll() is None
        status, metrics = get(port, "/metrics")
        assert (status, "process_cpu_seconds_total" in metrics) == (200, True)
        running.send_signal(signal.SIGTERM)
        while running.stdout.readline() != "draining\n":
            assert running.poll() is None
        assert get(port, "/readyz") == (503, "not ready\n")
        output, _ = running.communicate(timeout=60)
        assert output.splitlines()[0] == "drained"
        assert running.returncode == 0


def test_a_log_on_a_full_disk_ends_no_work() -> None:
    """Lines are lost; what the agent does goes on to its end."""
    body = "import structlog; structlog.get_logger().error('lost'); os.write(2, b'worked')"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(body="    " + body)],
            stdout=full, stderr=subprocess.PIPE, check=False, env={**os.environ}, timeout=60,
        )  # fmt: skip
    assert b"worked" in done.stderr
    assert b"Traceback" not in done.stderr
