"""What a trunk's form or a request sets of its callbacks."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

from pipeline.directory.callback_secrets import CallbackSealer, with_secrets
from pipeline.errors import RuleViolated
from schemas.directory.callback_options import CallbackEvent, CallbackOptions
from schemas.urls import punycoded

_PEMS: Final = ("ca", "client_certificate")


class CallbackSettings(TypedDict, total=False):
    """What is left out stays as it is; None, and an empty text, list or object, is as usual.

    `secrets` are in clear, by name: those that are not there stay, and an empty one goes.
    """

    events: Sequence[CallbackEvent] | None
    headers: Mapping[str, str] | None
    username: str | None
    ca: str | None
    client_certificate: str | None
    secrets: Mapping[str, str]
    failover_url: str | None
    failover_after: int | None
    batch: bool | None


def changed_options(
    trunk_id: str, options: CallbackOptions | None, settings: CallbackSettings, sealer: CallbackSealer | None
) -> CallbackOptions | None:
    """Return the options with `settings`; None where all is as usual. Raises `RuleViolated` for secrets."""
    update: dict[str, Any] = {name: it or None for name, it in settings.items() if name != "secrets"}
    if update.get("events"):
        update["events"] = tuple(update["events"])
    if update.get("headers"):
        update["headers"] = {name.strip(): value.strip() for name, value in update["headers"].items()}
    if update.get("failover_url"):
        update["failover_url"] = punycoded(update["failover_url"].strip())
    for name in _PEMS:
        if update.get(name):
            update[name] = _with_line_feeds(update[name])
    secrets = {name: _with_line_feeds(it) for name, it in settings.get("secrets", {}).items()}
    try:
        changed = (options or CallbackOptions()).model_copy(update=update)
        return with_secrets(trunk_id, changed, secrets, sealer).written
    except RuleViolated as error:
        raise RuleViolated([(f"callbacks/{where}", what) for where, what in error.problems]) from None


def _with_line_feeds(text: str) -> str:
    """Return a text with the line ends of certificates: a browser sends others."""
    return text.replace("\r\n", "\n")
