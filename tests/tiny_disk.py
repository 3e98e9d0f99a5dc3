"""A file system of a few megabytes that a test fills."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class TinyDisk:
    """What is mounted on `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, leave_bytes: int = 0) -> None:
        """Leave room for so much and no more."""
        piece = bytes(4096)
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(piece)
            except OSError:
                pass
            file.truncate(max(0, file.tell() - leave_bytes))

    def clear(self) -> None:
        """Give the room back."""
        self._ballast.unlink()


@contextmanager
def tiny_disk(folder: Path, megabytes: int = 4) -> Iterator[TinyDisk]:
    """Mount one; skips the test where that is not allowed."""
    folder.mkdir(parents=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here: it takes root")
    try:
        yield TinyDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=True)
