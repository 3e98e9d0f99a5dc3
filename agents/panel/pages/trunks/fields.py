"""The fields of an HTTP OUT trunk's form, as they are typed, and what they set."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agents.panel.operations.trunks.trunks import TrunkSettings
from agents.panel.page import PageContext
from agents.panel.pages.forms import Problems, by_field, optional_number, phone_digits
from pipeline.directory.values import name_problem, normalize_networks
from pipeline.errors import RuleViolated
from pipeline.urls import punycoded, url_problem
from schemas.address import MSISDN
from schemas.directory.trunk import Trunk

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
    "segments_per_second": "Segments per second",
}

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
    segments_per_second: str | None = None
    """None where the form has no such field: it is for operators."""

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
            "" if trunk.segments_per_second is None else str(trunk.segments_per_second),
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
            context.text("segments_per_second") if "segments_per_second" in context.form else None,
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
        if self.segments_per_second is not None:
            settings["segments_per_second"] = optional_number(self.segments_per_second, {}, "")
        return settings

    def problems(self) -> Problems:
        """Return what makes a trunk unreadable, which the directory's rules look no further than; with it the rest."""
        name = self.name.strip()
        bad = [it for it in self.settings()["allowed_sources"] if not MSISDN.fullmatch(it)]
        found: Problems = {}
        if not name:
            found["name"] = ["must not be empty"]
        elif len(name) > MAX_NAME:
            found["name"] = [f"must not have more than {MAX_NAME} characters"]
        optional_number(self.segments_per_second or "", found, "segments_per_second")
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
