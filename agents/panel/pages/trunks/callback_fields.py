"""The fields of a trunk's form that say how it wants to be told, as they are typed, and what they set."""

from dataclasses import dataclass, field
from typing import Final

from agents.panel.operations.trunks.callback_settings import CallbackSettings
from agents.panel.page import PageContext
from agents.panel.pages.parts.forms import Problems, choice, optional_number
from pipeline.directory.callback_secrets import CallbackSecrets
from schemas.directory.callback_options import CallbackEvent, CallbackOptions

EVENT_WORDS: Final = (
    (CallbackEvent.SENT, "Sent", "handed to the carrier"),
    (CallbackEvent.NOT_SENT, "Not sent", "refused, failed or given up"),
    (CallbackEvent.DELIVERED, "Delivered", "the handset has it"),
    (CallbackEvent.NOT_DELIVERED, "Not delivered", "failed, expired or unknown"),
)
AUTHORIZATIONS: Final = (("", "None"), ("basic", "Username and password (Basic)"), ("bearer", "Token (Bearer)"))
LABELS: Final = {
    "callbacks/events": "Events",
    "callbacks/headers": "Headers",
    "callbacks/batch": "Batches",
    "callbacks/failover_url": "Failover URL",
    "callbacks/failover_after": "Failed attempts before it",
    "callbacks/username": "Username",
    "callbacks/password": "Password",
    "callbacks/token": "Token",
    "callbacks/ca": "Certificate authority",
    "callbacks/client_certificate": "Client certificate",
    "callbacks/client_key": "Key of the certificate",
}
_PASSWORD, _TOKEN, _KEY = CallbackSecrets._fields


@dataclass(frozen=True, slots=True)
class CallbackFields:
    """What somebody typed; with nothing in it all is as usual.

    `secrets` are those that were typed, by name: nothing of them is shown again. `kept` are those that are there.
    """

    events: tuple[str, ...] = tuple(CallbackEvent)
    headers: str = ""
    authorization: str = ""
    username: str = ""
    ca: str = ""
    client_certificate: str = ""
    kept: frozenset[str] = frozenset()
    secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    failover_url: str = ""
    failover_after: str = ""
    batch: bool = False

    @classmethod
    def of_options(cls, options: CallbackOptions | None) -> "CallbackFields":
        """Return the fields of what a trunk has."""
        if options is None:
            return cls()
        names = frozenset(secret.name for secret in options.secrets or ())
        return cls(
            tuple(options.events or CallbackEvent),
            "\n".join(f"{name}: {value}" for name, value in (options.headers or {}).items()),
            "basic" if options.username else "bearer" if _TOKEN in names else "",
            options.username or "",
            options.ca or "",
            options.client_certificate or "",
            names,
            failover_url=options.failover_url or "",
            failover_after=str(options.failover_after or ""),
            batch=bool(options.batch),
        )

    @classmethod
    def of_request(cls, context: PageContext) -> "CallbackFields | None":
        """Return the fields as they were posted; None where the form had none of them."""
        if "callbacks" not in context.form:
            return None
        typed = ((name, context.text(f"callbacks/{name}")) for name in (_PASSWORD, _TOKEN, _KEY))
        return cls(
            tuple(context.texts("callbacks/events")),
            context.text("callbacks/headers"),
            choice(context.text("callbacks/authorization"), dict(AUTHORIZATIONS)),
            context.text("callbacks/username"),
            context.text("callbacks/ca"),
            context.text("callbacks/client_certificate"),
            frozenset(context.texts("callbacks/kept")),
            tuple((name, value) for name, value in typed if value.strip()),
            context.text("callbacks/failover_url"),
            context.text("callbacks/failover_after"),
            context.text("callbacks/batch") == "on",
        )

    @property
    def is_usual(self) -> bool:
        """Whether there is nothing to see: the section may stay closed."""
        return self == USUAL

    def settings(self) -> CallbackSettings:
        """Return what is to be set; what `problems` finds is left out."""
        chosen = [event for event in CallbackEvent if event in self.events]
        secrets = dict(self.secrets)
        # What belongs to the other choice goes with it, and a key with its certificate.
        if self.authorization != "basic":
            secrets[_PASSWORD] = ""
        if self.authorization != "bearer":
            secrets[_TOKEN] = ""
        if not self.client_certificate.strip() and _KEY not in secrets:
            secrets[_KEY] = ""
        return CallbackSettings(
            events=None if len(chosen) == len(CallbackEvent) else chosen,
            headers=dict(_pair(line) for line in self._lines() if ":" in line),
            username=self.username.strip() if self.authorization == "basic" else None,
            ca=_pem(self.ca),
            client_certificate=_pem(self.client_certificate),
            secrets=secrets,
            failover_url=self.failover_url.strip() or None,
            failover_after=optional_number(self.failover_after, {}, ""),
            batch=self.batch,
        )

    def problems(self) -> Problems:
        """Return what cannot be said in settings."""
        found: Problems = {}
        if not set(self.events) & set(CallbackEvent):
            found["callbacks/events"] = ["must be one at least; leave the Callback URL empty to be told of nothing"]
        pairs = [_pair(line) for line in self._lines()]
        bad = [line for line in self._lines() if ":" not in line]
        names = [name for name, _ in pairs]
        if bad:
            found["callbacks/headers"] = [f"{bad[0][:32]!r} is no `Name: value`"]
        elif len(set(names)) < len(names):
            found["callbacks/headers"] = ["a name is there twice"]
        optional_number(self.failover_after, found, "callbacks/failover_after")
        if self.authorization == "basic" and not self.username.strip():
            found["callbacks/username"] = ["must not be empty"]
        if self.authorization == "bearer" and _TOKEN not in {*self.kept, *dict(self.secrets)}:
            found["callbacks/token"] = ["must not be empty"]
        return found

    def _lines(self) -> list[str]:
        return [line for line in map(str.strip, self.headers.splitlines()) if line]


USUAL: Final = CallbackFields()


def placed(problems: Problems) -> Problems:
    """Return problems by the fields that there are: what is wrong with one header stands at all of them."""
    found: Problems = {}
    for where, texts in problems.items():
        attribute, _, part = where.removeprefix("callbacks/").partition("/")
        if attribute == "secrets":
            attribute, part = part, ""
        if not where.startswith("callbacks/"):
            found.setdefault(where, []).extend(texts)
        else:
            name = part.removesuffix("/[key]")
            found.setdefault(f"callbacks/{attribute}", []).extend(f"{name}: {it}" if name else it for it in texts)
    return found


def _pem(text: str) -> str:
    return text.strip() + "\n" if text.strip() else ""


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()
