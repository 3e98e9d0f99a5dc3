"""A PostgreSQL of the tests' own: on a free port, in a folder that goes with it. Debian's package has the programs."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.local.ports import free_port

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
def running_postgres(port: int | None = None, *, owner: str = USER, password: str | None = None) -> Iterator[str]:
    """Run a server; gives out the URL of its only database, without the password. Skips where there is none.

    With a `password` it asks for it, as the container does: the database is named for its `owner` then.
    """
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
        port = port or free_port()
        if password is not None:
            (folder / "password").write_text(password)
        access = ["-A", "trust"] if password is None else ["-A", "scram-sha-256", "--pwfile", str(folder / "password")]
        subprocess.run(
            [
                str(programs / "initdb"), "-D", str(data), *access, "-U", owner, "-E", "UTF8", "--locale", "C",
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
            if password is None:
                yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
                return
            subprocess.run(
                [str(programs / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", owner, owner],
                check=True, env={**os.environ, "PGPASSWORD": password},
            )  # fmt: skip
            yield f"postgresql://{owner}@127.0.0.1:{port}/{owner}"
        finally:
            server.terminate()
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
