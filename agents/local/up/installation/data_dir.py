"""The data directory of `smsout up`: one owner at a time, secrets for their owner's eyes, one broker's data."""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from pipeline.errors import ConfigurationError
from pipeline.settings import PepperSettings, ReceiptKeySettings, weak_pepper, weak_receipt_key

M = TypeVar("M", bound=BaseModel)

PEPPER_BYTES: Final = 32
RECEIPT_KEY_BYTES: Final = 32
BROKER: Final = "apache"
_CANNOT: Final = "the data directory {path} (--data-dir) cannot be used: {error}"


class DataDir:
    """A folder that this process alone uses until it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.log_file = self.path / "logs" / "up.log"
        self.carrier_ledger = self.path / "carrier-ledger.jsonl"
        self.key_file = Path(os.environ.get("SMSOUT_KEY_FILE") or self.path / "secrets" / "password-keys")
        self.carrier_key_file = Path(
            os.environ.get("SMSOUT_CARRIER_KEY_FILE") or self.path / "secrets" / "carrier-keys"
        )
        self.callback_key_file = Path(
            os.environ.get("SMSOUT_CALLBACK_KEY_FILE") or self.path / "secrets" / "callback-keys"
        )
        self.pepper_file = self.path / "secrets" / "pepper"
        self._receipt_key_file = self.path / "secrets" / "receipt-key"
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

    def broker_folder(self) -> Path:
        """Return where the broker keeps its data.

        Raises `ConfigurationError` over the data of a broker that an earlier version had, which this one cannot read.
        """
        known = self._broker_file.read_text().strip() if self._broker_file.exists() else None
        if known is None:
            write_private(self._broker_file, BROKER + "\n")
        elif known != BROKER:
            raise ConfigurationError(
                f"{self.path} holds the data of the broker `{known}`, which an earlier version of smsout ran and "
                f"Apache Kafka cannot read: choose another --data-dir"
            )
        return self.path / "broker-data" / BROKER

    def pepper(self) -> SecretStr | None:
        """Return SMSOUT_PEPPER or, without it, what this folder keeps; None when it keeps none.

        Raises `ConfigurationError` for one that is no pepper any more, pydantic's error for the setting.
        """
        if "SMSOUT_PEPPER" in os.environ:
            return PepperSettings().pepper
        try:
            pepper = self.pepper_file.read_text(errors="replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"the pepper file {self.pepper_file} cannot be read: {error}") from error
        if (problem := weak_pepper(pepper)) is not None:
            raise ConfigurationError(f"the pepper in {self.pepper_file} {problem}")
        return SecretStr(pepper)

    def keep_pepper(self, pepper: SecretStr) -> None:
        """Keep a new pepper: durable before the first password is made with it."""
        self.pepper_file.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(self.pepper_file, pepper.get_secret_value() + "\n")

    def receipt_key(self) -> SecretStr:
        """Return SMSOUT_RECEIPT_KEY or, without it, what this folder keeps; made at the first start.

        One that has gone costs no more than the receipts of what is on its way. Raises `ConfigurationError` for one
        that is no key any more, pydantic's error for the setting.
        """
        if "SMSOUT_RECEIPT_KEY" in os.environ:
            return ReceiptKeySettings().receipt_key
        file = self._receipt_key_file
        try:
            key = file.read_text(errors="replace").strip()
        except FileNotFoundError:
            file.parent.mkdir(mode=0o700, exist_ok=True)
            key = secrets.token_urlsafe(RECEIPT_KEY_BYTES)
            write_private(file, key + "\n")
        except OSError as error:
            raise ConfigurationError(f"the receipt key file {file} cannot be read: {error}") from error
        if (problem := weak_receipt_key(key)) is not None:
            raise ConfigurationError(f"the receipt key in {file} {problem}")
        return SecretStr(key)


def new_pepper() -> SecretStr:
    """Return a pepper that nobody has had."""
    return SecretStr(secrets.token_urlsafe(PEPPER_BYTES))


def read_private(path: Path, model: type[M]) -> M | None:
    """Return what a JSON file holds; None when there is none. Raises `ConfigurationError`."""
    try:
        return model.model_validate_json(path.read_bytes()) if path.exists() else None
    except (OSError, ValidationError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


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
