"""A machine that has Python and nothing else: `make up` in a fresh checkout, to the first message."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.brokers import REPOSITORY
from tests.e2e.customer import Customer
from tests.systems import tail

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not os.environ.get("CI"), reason="CI runs it: it installs everything, 150 MB, a second time"),
]

HIDDEN = ("java", "javac", "mvn")
OURS = ("SMSOUT_", "JAVA_", "JDK_", "MAKE", "MFLAGS", "VIRTUAL_ENV")
READY_LIMIT_SECONDS = 240.0  # a minute on a machine of its own; here others run beside it


def checkout(folder: Path) -> Path:
    """Copy what git has, or would take, as it lies here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    return folder


def programs_without_java(folder: Path) -> str:
    """Return a PATH that leads to everything that ours leads to, but to no Java and no Maven."""
    folder.mkdir()
    for directory in filter(Path.is_dir, map(Path, os.environ["PATH"].split(os.pathsep))):
        for program in directory.iterdir():
            if program.name not in HIDDEN and not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    assert not any(shutil.which(name, path=str(folder)) for name in HIDDEN)
    return str(folder)


@contextmanager
def make_up(
    folder: Path, path: str, ready_file: Path, data: Path, log_file: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """`make up` in a session of its own, of which nothing is left at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | {"PATH": path}
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            ["make", "up", f"ARGS=--ready-file={ready_file} --data-dir={data} --ports=auto"],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


async def test_python_alone_is_enough(tmp_path: Path) -> None:
    """`make up` installs a Java and fetches Kafka; a message reaches the carrier, and everything stops in order."""
    folder, ready_file, log_file = checkout(tmp_path / "checkout"), tmp_path / "ready.json", tmp_path / "log"
    path, data = programs_without_java(tmp_path / "bin"), tmp_path / "data"
    began = time.monotonic()
    with make_up(folder, path, ready_file, data, log_file) as process:
        while not ready_file.exists():
            assert process.poll() is None, tail(log_file)
            assert time.monotonic() - began < READY_LIMIT_SECONDS, tail(log_file)
            await asyncio.sleep(0.1)
        ready = json.loads(ready_file.read_text())
        async with Customer(ready) as customer:
            message_id = await customer.send("15551234567", "Hello World!")
            (entry,) = await customer.wait_for("/carrier/ledger", lambda ledger: len(ledger) == 1)
        print(f"first message after {time.monotonic() - began:.0f} s")
        assert (entry["message_id"], entry["text"]) == (message_id, "Hello World!")
        assert Path(f"/proc/{ready['pids']['broker']}/exe").readlink().is_relative_to(folder / ".venv")
        os.kill(int((data / "lock").read_text()), signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 90) == 0, tail(log_file)
    assert not ready_file.exists()
