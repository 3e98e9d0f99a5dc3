"""Which of an agent's processes this is: a number and an identity that two living processes never share.

The broker lets a static member that comes back take over at once what it had (KIP-345), and cannot tell whether the one
that had it is dead or only stopped for a while. So an identity is used again only by whoever proves that its last
holder is dead: the holder has a lock on a file (flock(2)), which the kernel drops with the process and not before.
Whoever finds the file locked takes the next number, and becomes a member like any other, which the group admits when
the one that does not answer has run out of its session.

A copied file proves nothing, nor does one of another machine or from before a restart of this one: the file says where
it was written, and elsewhere a new identity is made.
"""

import errno
import fcntl
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from uuid import uuid4

import structlog

from pipeline.disk import is_full
from pipeline.errors import ConfigurationError, DiskFull
from pipeline.state_file import boot_id

log = structlog.get_logger(__name__)

MAX_SLOTS: Final = 1024
_TAKEN: Final = (errno.EAGAIN, errno.EACCES)


@dataclass(frozen=True, slots=True)
class Slot:
    """`number` names files and connections: 0, 1, ... of the agent's processes that share a folder.

    `identity` is the static member's, in every group that the process is in: 32 hex digits. `lock` is the open file
    that proves that this process lives; -1 without a folder.
    """

    number: int
    identity: str
    lock: int = -1

    @classmethod
    def take(cls, folder: Path | None, agent: str) -> Self:
        """Take the lowest number that no living process has, with its identity if its last holder is surely dead.

        Without a folder nothing can be proved: the identity is new each time, and after a kill the group waits for
        the session of the one before to end. Raises `ConfigurationError` where the folder cannot be used, and
        `DiskFull` where it has no room for one file more.
        """
        if folder is None:
            return cls(0, uuid4().hex)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for number in range(MAX_SLOTS):
                lock = _lock(folder / f"{agent}-{number}.slot")
                if lock is not None:
                    return cls(number, _identity(lock), lock)
        except OSError as error:
            if is_full(error):
                raise DiskFull(f"{folder} (SMSOUT_STATE_DIR) has no room for the slots of {agent}") from error
            raise ConfigurationError(
                f"{folder} (SMSOUT_STATE_DIR) cannot hold the slots of {agent}: {error}"
            ) from error
        raise ConfigurationError(f"{folder} (SMSOUT_STATE_DIR) has {MAX_SLOTS} processes of {agent}")

    def member(self, group: str) -> str:
        """Return the id of the static member that this process is in `group`."""
        return f"{group}-{self.identity}"

    def free(self) -> None:
        """Let another process have it; the end of this one does the same."""
        if self.lock >= 0:
            os.close(self.lock)


def _lock(path: Path) -> int | None:
    """Return the locked file, None when another process has it."""
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(opened)
        if error.errno in _TAKEN:
            return None
        raise
    return opened


def _identity(lock: int) -> str:
    """Return the identity that the file holds if it was written here, else a new one that is written first."""
    here = _here(lock)
    with suppress(ValueError, TypeError, KeyError):  # empty, torn by a power cut, or not ours
        written = json.loads(os.pread(lock, 4096, 0))
        if here is not None and written["here"] == here and len(bytes.fromhex(written["identity"])) == 16:
            return str(written["identity"])
    identity = uuid4().hex
    content = json.dumps({"identity": identity, "here": here}).encode()
    os.ftruncate(lock, 0)
    try:
        os.pwrite(lock, content, 0)
    except OSError as error:
        if not is_full(error):
            raise
        # The lock alone keeps others out. Whoever has the slot next finds no identity, and makes one of its own.
        log.warning("slot_not_written", error=str(error))
    return identity


def _here(lock: int) -> str | None:
    """Return what tells this file, on this machine since its start, from every copy of it; None where nothing does."""
    if not (boot := boot_id()):
        return None
    at = os.fstat(lock)
    return f"{boot} {at.st_dev} {at.st_ino}"
