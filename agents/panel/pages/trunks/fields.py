"""The fields of an HTTP OUT trunk's form, as they are typed, and what they set."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, cast

from agents.panel.operations.trunks.trunks import TrunkSettings
from agents.panel.page import PageContext
from agents.panel.pages.parts.forms import Problems, by_field, phone_digits
from agents.panel.pages.parts.limit_fields import LIMIT_LABELS, LimitFields, limit_settings, limits_of, posted_limits
from agents.panel.pages.trunks import callback_fields
from agents.panel.pages.trunks.callback_fields import CallbackFields
from pipeline.countries import COUNTRIES
from pipeline.directory.values import name_problem, normalize_networks
from pipeline.errors import RuleViolated
from schemas.address import MSISDN
from schemas.directory.trunk import Trunk
from schemas.text.smart_encoding import SmartEncoding
from schemas.urls import punycoded, url_problem

MAX_NAME: Final = 100
MAX_NAMED: Final = 5
"""How many entries of a list are named when they are wrong or differ."""

LABELS: Final = {
    "name": "Friendly name",
    "callback_url": "Callback URL",
    "allowed_ips": "Allowed IP addresses",
    "blocked": "Blocked",
    "allow_any_did": "Allow any DID(s) for SMS OUT",
    "allowed_sources": "Allowed Source Addresses",
    "receipts_enabled": "Delivery receipts",
    "refused_countries": "Countries without messages",
    "callbacks": "Callbacks",
    **callback_fields.LABELS,
    **LIMIT_LABELS,
    "smart_encoding": "Smart encoding",
}

SMART_ENCODINGS: Final = {
    SmartEncoding.OFF.value: "Off: texts go out as they are",
    SmartEncoding.REPLACE.value: "Replace look-alikes: typographic quotes, dashes, spaces",
    SmartEncoding.TRANSLITERATE.value: "Transliterate letters too, where that saves segments",
}
"""What is offered, and what it says."""

_LISTED: Final = re.compile(r"[\r\n,;]+")
_SEPARATORS: Final = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class TrunkFields:
    """What somebody typed."""

    name: str
    callback_url: str = ""
    allowed_ips: str = ""
    blocked: bool = False
    allow_any_did: bool = True
    allowed_sources: str = ""
    receipts_enabled: bool = False
    refused_countries: tuple[str, ...] | None = None
    """None where the form had no countries."""
    callbacks: CallbackFields | None = callback_fields.USUAL
    limits: LimitFields = field(default_factory=dict)
    smart_encoding: str | None = None
    """None where the request has no such field: it stays as it is."""

    @classmethod
    def of_trunk(cls, trunk: Trunk) -> "TrunkFields":
        """Return the fields of a trunk as it is."""
        return cls(
            trunk.name,
            trunk.callback_url or "",
            "\n".join(trunk.allowed_ips),
            trunk.blocked,
            trunk.allow_any_did,
            "\n".join(trunk.allowed_sources),
            trunk.receipts_enabled,
            trunk.refused_countries or (),
            CallbackFields.of_options(trunk.callbacks),
            limits_of(trunk),
            (trunk.smart_encoding or SmartEncoding.OFF).value,
        )

    @classmethod
    def of_request(cls, context: PageContext) -> "TrunkFields":
        """Return the fields as they were posted."""
        return cls(
            context.text("name"),
            context.text("callback_url"),
            context.text("allowed_ips"),
            context.checked("blocked"),
            context.checked("allow_any_did"),
            context.text("allowed_sources"),
            context.checked("receipts_enabled"),
            tuple(sorted(COUNTRIES.difference(context.texts("country")))) if context.checked("countries") else None,
            CallbackFields.of_request(context),
            posted_limits(context),
            context.text("smart_encoding") if "smart_encoding" in context.form else None,
        )

    def settings(self) -> TrunkSettings:
        """Return what is to be set."""
        settings = TrunkSettings(
            name=self.name,
            callback_url=self.callback_url,
            allowed_ips=_entries(self.allowed_ips),
            allow_any_did=self.allow_any_did,
            allowed_sources=tuple(dict.fromkeys(_numbers(self.allowed_sources))),
            blocked=self.blocked,
            receipts_enabled=self.receipts_enabled,
        )
        if self.refused_countries is not None:
            settings["refused_countries"] = self.refused_countries
        if self.smart_encoding in SMART_ENCODINGS:
            settings["smart_encoding"] = SmartEncoding(self.smart_encoding)
        if self.callbacks is not None:
            settings["callbacks"] = self.callbacks.settings()
        return cast("TrunkSettings", {**settings, **limit_settings(self.limits, {})})

    def problems(self) -> Problems:
        """Return what makes a trunk unreadable, which the directory's rules look no further than; with it the rest."""
        name = self.name.strip()
        bad = [it for it in self.settings()["allowed_sources"] if not MSISDN.fullmatch(it)]
        found: Problems = {}
        if not name:
            found["name"] = ["must not be empty"]
        elif len(name) > MAX_NAME:
            found["name"] = [f"must not have more than {MAX_NAME} characters"]
        if self.callbacks is not None:
            found |= self.callbacks.problems()
        limit_settings(self.limits, found)
        if self.smart_encoding is not None and self.smart_encoding not in SMART_ENCODINGS:
            found["smart_encoding"] = ["must be one of those that are offered"]
        if bad:
            found["allowed_sources"] = [
                f"{it[:32]!r} is not a phone number in international format, like 12125551234" for it in bad[:MAX_NAMED]
            ]
        if not found:
            return {}
        if "name" not in found and (problem := name_problem(name)) is not None:
            found["name"] = [problem]
        if (url := punycoded(self.callback_url.strip())) and (problem := url_problem(url)) is not None:
            found["callback_url"] = [problem]
        try:
            normalize_networks(_entries(self.allowed_ips))
        except RuleViolated as error:
            found |= by_field(error)
        return found


def _numbers(text: str) -> Iterator[str]:
    """Return the numbers of a list; they are written as people write them, with spaces in one too."""
    for entry in filter(None, (it.strip() for it in _LISTED.split(text))):
        whole = phone_digits(entry)
        yield from [whole] if MSISDN.fullmatch(whole) else map(phone_digits, entry.split())


def _entries(text: str) -> list[str]:
    return [entry for entry in _SEPARATORS.split(text) if entry]
