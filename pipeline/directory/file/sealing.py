"""Secrets of carriers and of trunks' callbacks as a file has them: in clear, sealed as an export has it, or not."""

from collections.abc import Callable, Iterable
from typing import Any

from pipeline.directory.callback_secrets import CallbackSealer, clear_problems
from pipeline.directory.carrier_secrets import CarrierSealer
from pipeline.directory.file.form import CallbackOptionsForm, SecretForm
from pipeline.directory.sealing import SecretSealer, unsealable
from schemas.directory.carrier import Carrier
from schemas.directory.sealed_secret import SealedSecret
from schemas.directory.trunk import Trunk

Note = Callable[[tuple[str | int, ...], str], None]
"""Takes the path of a problem below the entry, and the problem."""


def carrier_secrets(
    forms: Iterable[SecretForm] | None,
    carrier_id: str,
    before: Carrier | None,
    sealer: CarrierSealer | None,
    note: Note,
) -> tuple[Any, ...] | None:
    """Return a carrier's secrets; left out altogether they stay as they are."""
    if forms is None:
        return None if before is None else before.secrets
    return _sealed(forms, carrier_id, sealer, CarrierSealer, ("secrets",), note)


def callback_options(
    form: CallbackOptionsForm, trunk_id: str, before: Trunk | None, sealer: CallbackSealer | None, note: Note
) -> dict[str, Any] | None:
    """Return what a trunk says of its callbacks; secrets that are left out stay where the rest still needs them."""
    values = {name: it for name, it in form if it and name != "secrets"}
    if form.secrets is None:
        held = () if before is None or before.callbacks is None else before.callbacks.secrets or ()
        secrets: tuple[Any, ...] | None = tuple(it for it in held if _is_needed(it, form)) or None
    else:
        given = {it.name: it.value for it in form.secrets if it.value}
        places = {it.name: index for index, it in enumerate(form.secrets)}
        for where, what in clear_problems(given, form.client_certificate):
            note(("callbacks", "secrets", places[where.partition("/")[2]], "value"), what)
        secrets = _sealed(form.secrets, trunk_id, sealer, CallbackSealer, ("callbacks", "secrets"), note)
    if secrets:
        values["secrets"] = secrets
    return values or None


def _is_needed(secret: SealedSecret, form: CallbackOptionsForm) -> bool:
    if secret.name == "client_key":
        return form.client_certificate is not None
    return (secret.name == "password") == (form.username is not None)


def _sealed(
    forms: Iterable[SecretForm],
    owner_id: str,
    sealer: SecretSealer | None,
    kind: type[SecretSealer],
    path: tuple[str, ...],
    note: Note,
) -> tuple[Any, ...] | None:
    found: list[dict[str, Any]] = []
    for index, form in enumerate(forms):
        if form.value is None:
            found.append({"name": form.name, "sealed": form.sealed or "", "key_id": form.key_id or ""})
        elif sealer is None:
            note((*path, index, "value"), unsealable(kind))
        else:
            found.append(dict(sealer.seal(owner_id, form.name, form.value)))
    return tuple(found) or None
