"""Secrets of carriers: AES-256-GCM under a key that panel, delivery and receipts hold, bound to carrier and name.

A key of its own, apart from that of trunk passwords: delivery and receipts must open these, and have no business with
those.
"""

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag

from pipeline.directory.key_file import SealingKey, ciphers_of, keys_of_file
from pipeline.errors import ConfigurationError, SecretUnreadable
from schemas.directory.carrier import Carrier, SealedSecret

SETTING: Final = "SMSOUT_CARRIER_KEY_FILE"

_NONCE_BYTES: Final = 12
_HEADER: Final = """\
# Keys that open the secrets of carriers, one a line: name and 32 bytes in base64. The first one seals new secrets, all
# of them open old ones. Panel, delivery and receipts need this file; back it up apart from the directory ("Keys" in
# docs/directory.md).
"""


class CarrierSealer:
    """Seals and opens carriers' secrets. The first of `keys` seals, all open."""

    def __init__(self, keys: Sequence[SealingKey]) -> None:
        self._ciphers = ciphers_of(keys)
        self._current_key_id = keys[0].key_id

    @classmethod
    def from_file(cls, path: Path, *, make: bool) -> Self:
        """Read the keys; `make` says whether a file that is not there is made. Raises `ConfigurationError`."""
        return cls(keys_of_file(path, SETTING, _HEADER if make else None))

    def seal(self, carrier_id: str, name: str, secret: str) -> SealedSecret:
        """Return a secret of a carrier as the directory holds it."""
        nonce, key_id = os.urandom(_NONCE_BYTES), self._current_key_id
        sealed = self._ciphers[key_id].encrypt(nonce, secret.encode(), _bound_to(carrier_id, name, key_id))
        return SealedSecret(name=name, sealed=base64.b64encode(nonce + sealed).decode(), key_id=key_id)

    def open(self, carrier_id: str, secret: SealedSecret) -> str:
        """Return a secret. Raises `SecretUnreadable` for one that was changed, is another's, or whose key we lack."""
        cipher = self._ciphers.get(secret.key_id)
        if cipher is None:
            raise SecretUnreadable(f"the secret {secret.name} is sealed with the key {secret.key_id!r}, which we lack")
        try:
            sealed = base64.b64decode(secret.sealed, validate=True)
            bound_to = _bound_to(carrier_id, secret.name, secret.key_id)
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to).decode()
        except (InvalidTag, ValueError) as error:
            raise SecretUnreadable(f"the secret {secret.name} was changed, or is another carrier's") from error


def secrets_of(carrier: Carrier, sealer: CarrierSealer | None) -> Mapping[str, str]:
    """Return a carrier's secrets by name; without a sealer only of one that has none. Raises `SecretUnreadable`."""
    if not carrier.secrets:
        return {}
    if sealer is None:
        raise SecretUnreadable(f"there is no key for the secrets of carriers ({SETTING})")
    return {it.name: sealer.open(carrier.id, it) for it in carrier.secrets}


def opening_sealer(path: Path | None) -> CarrierSealer | None:
    """Return the sealer of a process that only opens; None where the installation has no key for carriers.

    Raises `ConfigurationError` for a file that is there and cannot be used.
    """
    if path is None:
        return None
    if not path.exists():
        raise ConfigurationError(f"the key file {path} ({SETTING}) is not there: the panel makes it")
    return CarrierSealer.from_file(path, make=False)


def _bound_to(carrier_id: str, name: str, key_id: str) -> bytes:
    return f"carrier|{carrier_id}|{name}|{key_id}".encode()
