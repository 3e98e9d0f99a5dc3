"""What a trunk's callbacks show who they are by: credentials and the key of a client certificate, sealed.

Under a key that panel and callback hold.
"""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar, Final, NamedTuple

from pipeline.directory.sealing import SecretSealer, opened, resealed
from pipeline.errors import RuleViolated, SecretUnreadable
from pipeline.http.tls import tls_context
from schemas.directory.callback_options import CallbackOptions
from schemas.directory.trunk import Trunk

MAX_CREDENTIAL_LENGTH: Final = 4096
MAX_KEY_LENGTH: Final = 16_384


class CallbackSealer(SecretSealer):
    """Seals and opens the secrets of trunks' callbacks."""

    NOUN: ClassVar = "callback"
    SETTING: ClassVar = "SMSOUT_CALLBACK_KEY_FILE"
    HEADER: ClassVar = """\
# Keys that open what trunks' callbacks show who they are by, one a line: name and 32 bytes in base64. The first one
# seals new secrets, all of them open old ones. Panel and callback need this file; back it up apart from the directory
# ("Keys" in docs/directory.md).
"""


class CallbackSecrets(NamedTuple):
    """A trunk's secrets in clear: a password of Basic, or a Bearer token; the key of the client certificate."""

    password: str | None = None
    token: str | None = None
    client_key: str | None = None


def secrets_of(trunk: Trunk, sealer: CallbackSealer | None) -> CallbackSecrets:
    """Return a trunk's secrets. Raises `SecretUnreadable`."""
    sealed = () if trunk.callbacks is None else trunk.callbacks.secrets or ()
    return CallbackSecrets(**opened(trunk.id, sealed, sealer, CallbackSealer))


def with_secrets(
    trunk_id: str, options: CallbackOptions, given: Mapping[str, str], sealer: CallbackSealer | None
) -> CallbackOptions:
    """Return the options with secrets that are given in clear: others stay, and an empty one goes.

    Raises `RuleViolated` (`secrets/<name>`) for one that is none or cannot be sealed.
    """
    held = options.secrets or ()
    kept = next((it for it in held if it.name == "client_key"), None)
    if sealer is not None and kept is not None and "client_key" not in given:
        with suppress(SecretUnreadable):  # its time comes when it is to be used
            given = {**given, "client_key": sealer.open(trunk_id, kept)}
    if problems := clear_problems(given, options.client_certificate):
        raise RuleViolated(problems)
    return options.model_copy(update={"secrets": resealed(trunk_id, held, given, sealer, CallbackSealer)})


def clear_problems(given: Mapping[str, str], certificate: str | None) -> list[tuple[str, str]]:
    """Return what is wrong with secrets in clear (`secrets/<name>`), and that certificate and key are no pair."""
    problems = [(f"secrets/{name}", it) for name, value in given.items() if (it := _problem(name, value)) is not None]
    key = given.get("client_key")
    if not problems and key and certificate:
        try:
            tls_context(None, certificate, key)
        except ValueError as error:
            problems.append(("secrets/client_key", str(error)))
    return problems


def tls_of(options: CallbackOptions, secrets: CallbackSecrets) -> ssl.SSLContext | None:
    """Return whom a trunk's callbacks trust and who they are, None where that is as usual. Raises `ValueError`."""
    if options.ca is None and options.client_certificate is None:
        return None
    return tls_context(options.ca, options.client_certificate, secrets.client_key)


def _problem(name: str, value: str) -> str | None:
    if name not in CallbackSecrets._fields:
        return "is no secret of callbacks"
    if name == "client_key":
        return None if len(value) <= MAX_KEY_LENGTH else f"must not be longer than {MAX_KEY_LENGTH} characters"
    if len(value) > MAX_CREDENTIAL_LENGTH:
        return f"must not be longer than {MAX_CREDENTIAL_LENGTH} characters"
    if name == "token" and not all("!" <= character <= "~" for character in value):
        return "must be printable ASCII without spaces"
    return None if value.isprintable() else "must not hold control characters"
