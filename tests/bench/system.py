"""The system under load: `smsout up` with sinks in the simulator's place, as processes that are ended by pid."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
READY_WITHIN_SECONDS: Final = 240.0  # the first start of a broker may have to fetch it
STOP_WITHIN_SECONDS: Final = 60.0


class SinkClient:
    """Talks to a running sink (tests/bench/sink.py)."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.url = f"http://127.0.0.1:{port}"

    def reset(self, watch: str | None = None) -> None:
        """Count from 0 again, and keep the bodies that hold `watch`."""
        self._ask("/reset", json.dumps({"watch": watch}).encode())

    def stats(self) -> dict[str, dict[str, Any]]:
        """Return the counters of `carrier` and `callback`."""
        found: dict[str, dict[str, Any]] = self._ask("/stats")
        return found

    def watched(self) -> list[tuple[str, float, str]]:
        """Return path, time of the monotonic clock, and body of every watched POST."""
        return [(path, at, body) for path, at, body in self._ask("/watched")]

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        with urllib.request.urlopen(self.url + path, data=body, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def sink() -> Iterator[SinkClient]:
    """Run a sink."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.sink"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield SinkClient(process.pid, int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(STOP_WITHIN_SECONDS)
        process.stdout.close()


class System(NamedTuple):
    """A running `smsout up`."""

    pid: int
    ready_file: Path
    started_in_seconds: float

    def ready(self) -> dict[str, Any]:
        """Return what is running now."""
        content: dict[str, Any] = json.loads(self.ready_file.read_text())
        return content


@contextmanager
def system(
    folder: Path,
    carrier_url: str,
    callback_url: str,
    environment: Mapping[str, str] | None = None,
    root: Path | None = None,
) -> Iterator[System]:
    """Run `smsout up` with its data in `folder`, and `environment` beside ours: of this checkout, or that at `root`.

    Raises `RuntimeError`, with its last lines, when it does not start."""
    ready_file, log = folder / "ready.json", folder / "up.log"
    smsout = Path(sys.executable).with_name("smsout") if root is None else root / ".venv/bin/smsout"
    command = [
        str(smsout), "up", "--data-dir", str(folder / "data"), "--ports", "auto",
        "--ready-file", str(ready_file),
        "--carrier-url", carrier_url, "--callback-url", callback_url,
    ]  # fmt: skip
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=root or ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
    try:
        while not ready_file.exists():
            if process.poll() is not None or time.monotonic() - started > READY_WITHIN_SECONDS:
                raise RuntimeError("`smsout up` did not become ready:\n" + log.read_text(errors="replace")[-4000:])
            time.sleep(0.05)
        yield System(process.pid, ready_file, time.monotonic() - started)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def alive(pid: int) -> bool:
    """Tell whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
