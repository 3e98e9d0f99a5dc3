"""Real brokers for tests: each on a free port with its own data, ended by pid."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from agents.local.broker.answering import answers_now
from agents.local.broker.apache import ApacheKafka
from agents.local.child import TETHER
from agents.local.launch import Launch
from agents.local.ports import free_port
from pipeline.errors import ConfigurationError

REPOSITORY: Final = Path(__file__).resolve().parents[1]
START_LIMIT_SECONDS: Final = 90.0  # a machine that runs other tests too


def share_kafka_jars() -> None:
    """Let every test, whatever its data directory, use the jars of this checkout."""
    from agents.local.broker.jar_lock import kafka_version

    os.environ.setdefault("SMSOUT_KAFKA_LIBS", str(REPOSITORY / ".smsout" / f"kafka-{kafka_version()}" / "libs"))


def apache_or_skip() -> ApacheKafka:
    """Return what runs a broker; where it cannot run skip the test, but fail in CI, where nothing may be skipped."""
    try:
        return ApacheKafka()
    except ConfigurationError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have what every test needs: {error}")
        pytest.skip(str(error))


class RunningBroker:
    """A broker process that a test may kill and start again on the same data and port."""

    def __init__(self, launch: Launch, port: int, log_file: Path) -> None:
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self.log_file = log_file
        self._launch = launch
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        tether = [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), str(int(self._launch.dies_with_us))]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*tether, *self._launch.argv],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **{name: value for name, value in self._launch.environment.items() if value}},
            )  # fmt: skip
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while not answers_now(self.bootstrap_servers):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"the broker did not start:\n{self.log_file.read_text()[-4000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it as an operator would."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


_formatted: Final[dict[str, bytes]] = {}
"""What formatting leaves behind, by path: the same for every broker of ours, and making it takes a Java of its own."""


def _prepared(data: Path, port: int) -> Launch:
    apache, logs = apache_or_skip(), data / "logs"
    is_new = not logs.exists()
    if is_new:
        for name, content in _formatted.items():
            (logs / name).parent.mkdir(parents=True, exist_ok=True)
            (logs / name).write_bytes(content)
    launch = apache.prepare(data, port)
    if is_new:
        _formatted.update({str(it.relative_to(logs)): it.read_bytes() for it in logs.rglob("*") if it.is_file()})
    return launch


@contextmanager
def running_broker(folder: Path) -> Iterator[RunningBroker]:
    """Run a broker with its data in `folder` for as long as the context lasts."""
    port = free_port()
    launch = _prepared(folder / "data", port)
    broker = RunningBroker(launch, port, folder / "broker.log")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
