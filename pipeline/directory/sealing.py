"""Secrets of others that the directory holds: AES-256-GCM, each bound to its owner and its name.

Each kind has keys of its own, apart from those of trunk passwords: whoever must open one kind has no business with the
others.
"""

import base64
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final, Self

from cryptography.exceptions import InvalidTag

from pipeline.directory.key_file import SealingKey, ciphers_of, keys_of_file
from pipeline.errors import ConfigurationError, RuleViolated, SecretUnreadable
from schemas.directory.sealed_secret import SealedSecret

_NONCE_BYTES: Final = 12
_SMALLEST_SEALED: Final = _NONCE_BYTES + 16  # and the GCM tag


class SecretSealer:
    """Seals and opens secrets of one kind. The first of `keys` seals, all open."""

    NOUN: ClassVar[str]
    """Whose they are."""
    SETTING: ClassVar[str]
    """Where the key file is said."""
    HEADER: ClassVar[str]
    """The first lines of a key file."""

    def __init__(self, keys: Sequence[SealingKey]) -> None:
        self._ciphers = ciphers_of(keys)
        self._current_key_id = keys[0].key_id

    @classmethod
    def from_file(cls, path: Path, *, make: bool) -> Self:
        """Read the keys; `make` says whether a file that is not there is made. Raises `ConfigurationError`."""
        return cls(keys_of_file(path, cls.SETTING, cls.HEADER if make else None))

    @classmethod
    def making(cls, path: Path | None) -> Self | None:
        """Return the sealer of a process that seals; None where the installation has no key for this kind."""
        return None if path is None else cls.from_file(path, make=True)

    @classmethod
    def opening(cls, path: Path | None) -> Self | None:
        """Return the sealer of a process that only opens; None where the installation has no key for this kind.

        Raises `ConfigurationError` for a file that is there and cannot be used.
        """
        if path is None:
            return None
        if not path.exists():
            raise ConfigurationError(f"the key file {path} ({cls.SETTING}) is not there: the panel makes it")
        return cls.from_file(path, make=False)

    def seal(self, owner_id: str, name: str, secret: str) -> SealedSecret:
        """Return a secret as the directory holds it."""
        nonce, key_id = os.urandom(_NONCE_BYTES), self._current_key_id
        sealed = self._ciphers[key_id].encrypt(nonce, secret.encode(), self._bound_to(owner_id, name, key_id))
        return SealedSecret(name=name, sealed=base64.b64encode(nonce + sealed).decode(), key_id=key_id)

    def open(self, owner_id: str, secret: SealedSecret) -> str:
        """Return a secret. Raises `SecretUnreadable` for one that was changed, is another's, or whose key we lack."""
        cipher = self._ciphers.get(secret.key_id)
        if cipher is None:
            raise SecretUnreadable(f"the secret {secret.name} is sealed with the key {secret.key_id!r}, which we lack")
        try:
            sealed = base64.b64decode(secret.sealed, validate=True)
            bound_to = self._bound_to(owner_id, secret.name, secret.key_id)
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to).decode()
        except (InvalidTag, ValueError) as error:
            raise SecretUnreadable(f"the secret {secret.name} was changed, or is another {self.NOUN}'s") from error

    def _bound_to(self, owner_id: str, name: str, key_id: str) -> bytes:
        return f"{self.NOUN}|{owner_id}|{name}|{key_id}".encode()


def opened(
    owner_id: str, secrets: Iterable[SealedSecret], sealer: SecretSealer | None, kind: type[SecretSealer]
) -> Mapping[str, str]:
    """Return an owner's secrets by name; without a sealer only of one that has none. Raises `SecretUnreadable`."""
    if sealer is None and any(True for _ in secrets):
        raise SecretUnreadable(f"there is no key for the secrets of {kind.NOUN}s ({kind.SETTING})")
    return {it.name: sealer.open(owner_id, it) for it in secrets} if sealer is not None else {}


def resealed(
    owner_id: str,
    held: Iterable[SealedSecret],
    given: Mapping[str, str],
    sealer: SecretSealer | None,
    kind: type[SecretSealer],
) -> tuple[SealedSecret, ...] | None:
    """Return an owner's secrets after some are `given` in clear: others stay, an empty one goes; None without any.

    Raises `RuleViolated` (`secrets/<name>`) for one that cannot be sealed.
    """
    sealed = {it.name: it for it in held}
    for name, value in given.items():
        if not value:
            sealed.pop(name, None)
        elif sealer is None:
            raise RuleViolated([(f"secrets/{name}", unsealable(kind))])
        else:
            sealed[name] = sealer.seal(owner_id, name, value)
    return tuple(sealed.values()) or None


def unsealable(kind: type[SecretSealer]) -> str:
    """Say why a secret cannot be taken in where there is no key for its kind."""
    return f"cannot be kept: the installation has no key for the secrets of {kind.NOUN}s ({kind.SETTING})"


def looks_sealed(secret: SealedSecret) -> bool:
    """Tell whether a secret can have been sealed, without the key."""
    try:
        return len(base64.b64decode(secret.sealed, validate=True)) >= _SMALLEST_SEALED
    except ValueError:
        return False
