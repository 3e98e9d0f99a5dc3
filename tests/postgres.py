"""A PostgreSQL of the tests' own: on a free port, in a folder that goes with it. Debian's package has the programs."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "postgres"


def binaries() -> Path | None:
    """Return where the newest server's programs are, None when there is none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda it: int(it.parts[-3].partition(".")[0])
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).parent if on_path else None


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server; gives out the URL of its only database. Skips where there is none."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    as_root = os.geteuid() == 0  # which the server refuses to run as; the package has made a user for it
    user = USER if as_root else None
    folder = Path(tempfile.mkdtemp(prefix="smsout-postgres-"))
    try:
        if as_root:
            shutil.chown(folder, USER)
        data = folder / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        subprocess.run(
            [
                str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", USER, "-E", "UTF8", "--locale", "C",
                "--no-sync",
            ],
            check=True, capture_output=True, user=user, cwd=folder,
        )  # fmt: skip
        server = subprocess.Popen(
            [
                str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder),
                "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "logging_collector=off",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user, cwd=folder,
        )  # fmt: skip
        try:
            ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
            for _ in range(600):
                if subprocess.run(ready, check=False).returncode == 0:
                    break
                if server.poll() is not None:
                    raise RuntimeError(f"PostgreSQL has ended with {server.returncode}")
            yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
