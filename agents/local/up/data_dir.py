"""The data directory of `smsout up`: one owner at a time, secrets for their owner's eyes, one broker's data."""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Final, Self

from pydantic import SecretStr

from pipeline.errors import ConfigurationError
from pipeline.settings import PepperSettings

PEPPER_BYTES: Final = 32
_CANNOT: Final = "the data directory {path} (--data-dir) cannot be used: {error}"


class DataDir:
    """A folder that this process alone uses until it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.carrier_ledger = self.path / "carrier-ledger.jsonl"
        self.key_file = Path(os.environ.get("SMSOUT_KEY_FILE") or self.path / "secrets" / "password-keys")
        self._pepper_file = self.path / "secrets" / "pepper"
        self._broker_file = self.path / "broker"

    def open(self) -> Self:
        """Make the folder and take it. Raises `ConfigurationError`, also when another `smsout up` has it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.read(self._lock, 32).decode(errors="replace").strip() or "unknown"
                raise ConfigurationError(
                    f"another `smsout up` (process {owner}) uses the data directory {self.path}: stop it, or choose "
                    "another one with --data-dir"
                ) from None
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            raise ConfigurationError(_CANNOT.format(path=self.path, error=error)) from error
        return self

    @property
    def engine(self) -> str | None:
        """The broker engine whose data this is, None when there is none yet."""
        return self._broker_file.read_text().strip() if self._broker_file.exists() else None

    def remember_engine(self, name: str) -> None:
        """Tie the folder to an engine. Raises `ConfigurationError` when it holds another one's data."""
        known = self.engine
        if known is None:
            write_private(self._broker_file, name + "\n")
        elif known != name:
            raise ConfigurationError(
                f"{self.path} holds the data of the broker `{known}`, which `{name}` cannot read: choose another "
                f"--data-dir, or --broker {known}"
            )

    def broker_folder(self, name: str) -> Path:
        """Return where an engine keeps its data."""
        return self.path / "broker-data" / name

    def pepper(self) -> SecretStr:
        """Return SMSOUT_PEPPER or, without it, this folder's own, which is made once."""
        if "SMSOUT_PEPPER" in os.environ:
            return PepperSettings().pepper
        if not self._pepper_file.exists():
            self._pepper_file.parent.mkdir(mode=0o700, exist_ok=True)
            write_private(self._pepper_file, secrets.token_urlsafe(PEPPER_BYTES) + "\n")
        return SecretStr(self._pepper_file.read_text().strip())


def write_private(path: Path, text: str) -> None:
    """Write a whole file that its owner alone may read; a crash leaves the former one or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigurationError(f"cannot write {path}: {error}") from error
