"""Files with the keys that seal secrets: made on first use, for their owner's eyes, and read with suspicion."""

import base64
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.errors import ConfigurationError

_KEY_BYTES: Final = 32  # AES-256
_MAX_KEY_FILE_BYTES: Final = 65_536


class SealingKey(NamedTuple):
    """A named AES-256 key."""

    key_id: str
    key: bytes


def ciphers_of(keys: Sequence[SealingKey]) -> dict[str, AESGCM]:
    """Return a cipher for each key, by its name. Raises `ConfigurationError` for keys that cannot be used."""
    if not keys:
        raise ConfigurationError("the key file holds no key")
    for key_id, key in keys:
        if len(key) != _KEY_BYTES:
            raise ConfigurationError(f"the key {key_id} must be {_KEY_BYTES} bytes long, it has {len(key)}")
    ciphers = {key_id: AESGCM(key) for key_id, key in keys}
    if len(ciphers) != len(keys):
        raise ConfigurationError("two keys have the same name")
    return ciphers


def keys_of_file(path: Path, setting: str, header: str | None) -> list[SealingKey]:
    """Read the keys; with a `header`, make the file with one new key (mode 0600) where there is none.

    `setting` names it in errors. Raises `ConfigurationError` when the file cannot be used or anybody but its owner may
    touch it.
    """
    try:
        if header is not None and not path.exists():
            _create(path, header)
        return _read(path)
    except OSError as error:
        raise ConfigurationError(f"the key file {path} ({setting}) cannot be used: {error}") from error


def _create(path: Path, header: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = base64.b64encode(os.urandom(_KEY_BYTES)).decode()
    # Written whole under another name first: a crash leaves either no key file or a complete one.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{header}k{secrets.token_hex(4)} {key}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)  # fails where a rename would overwrite what another process has just made
        except FileExistsError:
            return
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    finally:
        draft.unlink()


def _read(path: Path) -> list[SealingKey]:
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ConfigurationError(f"the key file {path} is not a regular file")
        if stat.S_IMODE(about.st_mode) & 0o077:
            raise ConfigurationError(f"others than its owner may touch the key file {path}: chmod 600 it")
        content = file.read(_MAX_KEY_FILE_BYTES + 1)
    if len(content) > _MAX_KEY_FILE_BYTES:
        raise ConfigurationError(f"the key file {path} is larger than {_MAX_KEY_FILE_BYTES} bytes")
    keys: list[SealingKey] = []
    for number, line in enumerate(content.decode(errors="replace").splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            key_id, encoded = words
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            # The line itself stays out of the message: it may hold a key.
            raise ConfigurationError(f"line {number} of the key file {path} is not a name and a base64 key") from None
        if len(key) != _KEY_BYTES:
            raise ConfigurationError(
                f"the key on line {number} of {path} must be {_KEY_BYTES} bytes, it has {len(key)}"
            )
        keys.append(SealingKey(key_id, key))
    return keys
