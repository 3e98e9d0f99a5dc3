"""Trunk passwords and signing secrets: made here, never chosen by people.

A password is a random machine credential, so a keyed hash checks it without the cost of a password KDF. What ingress
needs to check it (the verifier and the pepper) is kept apart from what the panel needs to show it (the sealed copy
and the key file): whoever takes one process does not get the passwords of the other.
"""

import base64
import hmac
import os
import secrets
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag

from pipeline.directory.key_file import SealingKey, ciphers_of, keys_of_file
from pipeline.errors import SecretUnreadable
from schemas.directory.trunk import CallbackSecret, PasswordVerifier

MAX_PASSWORD_LENGTH: Final = 256  # ours have 32; anything longer is refused at the cost of a usual check
USERNAME_LENGTH: Final = 16
USERNAME_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # no 0/o, 1/l/i: usernames are read out on the phone
PASSWORD_BYTES: Final = 24
CALLBACK_SECRET_BYTES: Final = 32

_NONCE_BYTES: Final = 12
_KEY_FILE_HEADER: Final = """\
# Keys that reveal trunk passwords, one a line: name and 32 bytes in base64. The first one seals new passwords, all of
# them open old ones. Back this file up apart from the directory; see "Keys" in docs/directory.md.
"""
_NOBODY: Final = ("00000000-0000-0000-0000-000000000000", 1, "0" * 64)


class PasswordSealer:
    """Encrypts passwords for the panel's eye icon: AES-256-GCM, bound to the trunk and the password's version.

    `keys` are at least one; the first seals, all open.
    """

    def __init__(self, keys: Sequence[SealingKey]) -> None:
        self._ciphers = ciphers_of(keys)
        self.current_key_id = keys[0].key_id

    def seal(self, trunk_id: str, version: int, password: str) -> str:
        """Return base64 of nonce and ciphertext, under the key `current_key_id`."""
        nonce = os.urandom(_NONCE_BYTES)
        bound_to = _bound_to(trunk_id, version, self.current_key_id)
        sealed = self._ciphers[self.current_key_id].encrypt(nonce, password.encode(), bound_to)
        return base64.b64encode(nonce + sealed).decode()

    def open(self, trunk_id: str, verifier: PasswordVerifier) -> str:
        """Return the password.

        Raises `SecretUnreadable` when the sealed copy was changed, was made for another trunk, version or key, or
        when its key is not among ours.
        """
        return self.open_text(trunk_id, verifier.version, verifier.sealed, verifier.key_id)

    def open_text(self, identity: str, version: int, sealed_text: str, key_id: str) -> str:
        """Return what `seal` was given with this identity and version; raises as `open` does."""
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SecretUnreadable(f"the secret of {identity} is sealed with the key {key_id!r}, which we do not have")
        try:
            sealed = base64.b64decode(sealed_text, validate=True)
            nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            opened = cipher.decrypt(nonce, ciphertext, _bound_to(identity, version, key_id))
        except (InvalidTag, ValueError) as error:  # binascii.Error is a ValueError
            raise SecretUnreadable(
                f"the sealed secret of {identity} was changed, or belongs to another entry, version or key"
            ) from error
        return opened.decode()

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read the keys, or make the file with one new key (mode 0600) when there is none.

        Raises `ConfigurationError` when the file cannot be used or anybody but its owner may touch it.
        """
        return cls(keys_of_file(path, "SMSOUT_KEY_FILE", _KEY_FILE_HEADER))


def new_password_verifier(
    trunk_id: str, version: int, pepper: bytes, sealer: PasswordSealer, *, username: str | None = None
) -> tuple[PasswordVerifier, str]:
    """Return a new credential and its password, which exists nowhere else in clear.

    `version` counts up with every regeneration. Without `username` a new one is made.
    """
    if username is None:
        username = "".join(secrets.choice(USERNAME_ALPHABET) for _ in range(USERNAME_LENGTH))
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    verifier = PasswordVerifier(
        username=username,
        version=version,
        hmac=_password_hmac(trunk_id, version, password, pepper),
        sealed=sealer.seal(trunk_id, version, password),
        key_id=sealer.current_key_id,
    )
    return verifier, password


def verify(verifier: PasswordVerifier, trunk_id: str, password: str, pepper: bytes) -> bool:
    """Tell whether `password` is the one; whether the verifier is still in its grace period is the caller's question.

    Takes the same time right or wrong, and any text as a password: lone surrogates and megabytes are just wrong.
    """
    return hmac.compare_digest(_password_hmac(trunk_id, verifier.version, password, pepper), verifier.hmac)


def verify_against_nobody(password: str, pepper: bytes) -> bool:
    """Do the work of `verify` for a username that nobody has, and return False."""
    trunk_id, version, nothing = _NOBODY
    return hmac.compare_digest(_password_hmac(trunk_id, version, password, pepper), nothing) and False


def new_callback_secret() -> CallbackSecret:
    """Return a new secret in Standard Webhooks' form."""
    return CallbackSecret(secret="whsec_" + base64.b64encode(os.urandom(CALLBACK_SECRET_BYTES)).decode())


def _password_hmac(trunk_id: str, version: int, password: str, pepper: bytes) -> str:
    if len(password) > MAX_PASSWORD_LENGTH:
        password = "\0"  # noqa: S105  # what no trunk has as its password
    # Id and version hold no NUL and the password comes last, so no two triples give the same bytes.
    framed = f"{trunk_id}\0{version}\0{password}".encode("utf-8", "surrogatepass")
    keyed = _keyed(pepper).copy()
    keyed.update(framed)
    return keyed.hexdigest()


@lru_cache(maxsize=4)
def _keyed(pepper: bytes) -> hmac.HMAC:
    # Copying a state that has the key in it costs half of what starting from the key does.
    return hmac.new(pepper, digestmod="sha256")


def _bound_to(trunk_id: str, version: int, key_id: str) -> bytes:
    return f"{trunk_id}|{version}|{key_id}".encode()
