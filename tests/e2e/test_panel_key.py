"""Only the panel's process can read the key that reveals passwords; the panel comes back when it is killed."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.systems import running_system

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def open_files_of(pid: int) -> set[str]:
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(str(descriptor.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="other processes can be looked into on Linux only")
def test_the_key_is_the_panels_alone(tmp_path: Path) -> None:
    """No other process has its path in the environment or the file open; its mode is 0600."""
    with running_system(tmp_path) as ready:
        pids: dict[str, int] = ready["pids"]
        key_file = next((tmp_path / "data").rglob("password-keys"))
        assert oct(key_file.stat().st_mode & 0o777) == "0o600"
        secret = key_file.read_text().split()[-1].encode()
        assert str(key_file).encode() in environment_of(pids["panel"])
        for name, pid in pids.items():
            if name != "panel":
                assert b"SMSOUT_KEY_FILE" not in environment_of(pid), name
            assert secret not in environment_of(pid), name
            assert str(key_file) not in open_files_of(pid), name

        os.kill(pids["panel"], signal.SIGKILL)
        assert pids["panel"] != _panel_after_restart(Path(ready["ready_file"]), pids["panel"])["pids"]["panel"]


def _panel_after_restart(ready_file: Path, killed: int) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        content: dict[str, Any] = json.loads(ready_file.read_text())
        if content["pids"]["panel"] not in (None, killed):
            return content
        time.sleep(0.1)
    raise AssertionError("the panel did not come back")
