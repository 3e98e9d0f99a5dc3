"""What the form above the log says: times in a zone, numbers, trunk, campaign, status; and the search that this is."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from agents.panel.pages.parts.times import UTC_NAME, typed_time, zone_of
from pipeline.errors import Refused
from pipeline.message_log.reading.message import LogState
from pipeline.message_log.reading.search import MAX_VALUES, Cursor, Search
from schemas.messages.status import DeliveryName

FIELDS: Final = (
    "find", "range", "from", "to", "zone", "source", "source_is", "destination", "destination_is", "trunk", "campaign",
    "status",
)  # fmt: skip
RANGES: Final = (
    ("", "Any time"), ("today", "Today"), ("yesterday", "Yesterday"), ("week", "This week"), ("month", "This month"),
    ("last_month", "Previous month"), ("custom", "From and to"),
)  # fmt: skip
MODES: Final = (("", "Equals"), ("contains", "Contains"))
STATUSES: Final = (
    ("", "Any"), *((it.value, it.value) for it in (
        LogState.SUCCESS, LogState.FAILED, LogState.ROUTING_ERROR, LogState.QUEUED, LogState.SCHEDULED,
        LogState.IN_PROGRESS, LogState.CANCELED,
    )), ("not_sent", "Failed or Routing error"), ("delivered", "Delivered"), ("undelivered", "Not delivered"),
)  # fmt: skip
MAX_CHARACTERS: Final = 400
_DELIVERED: Final = (DeliveryName.DELIVERED.value,)
_UNDELIVERED: Final = tuple(it.value for it in DeliveryName if it is not DeliveryName.DELIVERED)


@dataclass(frozen=True, slots=True)
class Criteria:
    """The form as it was typed, and what is wrong with it by field."""

    fields: Mapping[str, str]
    zone: ZoneInfo
    search: Search
    after: Cursor | None = None
    problems: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def is_filtered(self) -> bool:
        """Whether anything narrows the log down."""
        return any(value for name, value in self.fields.items() if name not in ("zone", "source_is", "destination_is"))

    def query(self, **changes: str) -> str:
        """Return the form as a query, with changes; empty without any field."""
        left = {name: value for name, value in {**self.fields, **changes}.items() if value}
        return f"?{urlencode(left)}" if left else ""


def read_criteria(query: Mapping[str, str], now: datetime) -> Criteria:
    """Read the form above the log."""
    fields = typed_fields(query, FIELDS)
    problems: dict[str, list[str]] = {}
    zone = _zone(fields)
    since, until = _stretch(fields, zone, now, problems)
    sources, source_parts = _numbers(fields, "source", problems)
    destinations, destination_parts = _numbers(fields, "destination", problems)
    status = fields["status"]
    if status not in dict(STATUSES):
        fields["status"] = status = ""
    states: tuple[str, ...] = ()
    if status in set(LogState):
        states = (status,)
    elif status == "not_sent":
        states = (LogState.FAILED.value, LogState.ROUTING_ERROR.value)
    search = Search(
        trunk_ids=(fields["trunk"],) if fields["trunk"] else (),
        since=since,
        until=until,
        sources=sources,
        sources_containing=source_parts,
        destinations=destinations,
        destinations_containing=destination_parts,
        campaign_ids=(fields["campaign"],) if fields["campaign"] else (),
        numbers_containing=tuple(digits_of(fields["find"])) if not _LETTER.search(fields["find"]) else (),
        or_references=(fields["find"],) if fields["find"] else (),
        states=states,
        delivery_statuses={"delivered": _DELIVERED, "undelivered": _UNDELIVERED}.get(status, ()),
    )
    return Criteria(fields, zone, search, cursor_of(query), problems)


def typed_fields(query: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return what somebody has typed into fields, as far as it is any use."""
    return {name: query.get(name, "").strip()[:MAX_CHARACTERS].replace("\0", "") for name in names}


def cursor_of(query: Mapping[str, str]) -> Cursor | None:
    """Return where a page begins; None, the first one, also for what is no place."""
    try:
        return Cursor.parse(text) if (text := query.get("after", "")) else None
    except Refused:
        return None


def _zone(fields: dict[str, str]) -> ZoneInfo:
    name = fields["zone"]
    zone = zone_of(name)
    fields["zone"] = "" if zone is None or name == UTC_NAME else name
    return ZoneInfo(UTC_NAME) if zone is None else zone


def _stretch(
    fields: dict[str, str], zone: ZoneInfo, now: datetime, problems: dict[str, list[str]]
) -> tuple[datetime | None, datetime | None]:
    """Return the times between which messages are wanted; days begin at midnight of the zone."""
    kind = fields["range"]
    if kind not in dict(RANGES):
        fields["range"] = kind = ""
    if not kind and (fields["from"] or fields["to"]):
        fields["range"] = kind = "custom"
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today.replace(day=1)
    if kind == "custom":
        since, until = _typed(fields, "from", zone, problems), _typed(fields, "to", zone, problems)
        if since is not None and until is not None and since >= until:
            problems.setdefault("to", []).append("must be later than the beginning")
        return since, until
    found = {
        "today": (today, None),
        "yesterday": (today - timedelta(days=1), today),
        "week": (today - timedelta(days=today.weekday()), None),
        "month": (first, None),
        "last_month": ((first - timedelta(days=1)).replace(day=1), first),
    }
    since, until = found.get(kind, (None, None))
    return _utc(since), _utc(until)


def _typed(fields: Mapping[str, str], name: str, zone: ZoneInfo, problems: dict[str, list[str]]) -> datetime | None:
    if not (text := fields[name]):
        return None
    found = typed_time(text, zone)
    if isinstance(found, str):
        problems.setdefault(name, []).append(found)
        return None
    return found


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


def _numbers(
    fields: Mapping[str, str], name: str, problems: dict[str, list[str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = digits_of(fields[name])
    if len(found) > MAX_VALUES:
        problems.setdefault(name, []).append(f"names more than {MAX_VALUES} numbers")
        return (), ()
    return ((), tuple(found)) if fields[f"{name}_is"] == "contains" else (tuple(found), ())


def digits_of(text: str) -> list[str]:
    """Return the numbers of a list; people write a plus, dots, dashes and brackets into them, and blanks between.

    What has a letter is a sender's name, in which all of these count.
    """
    found: list[str] = []
    for listed in text.replace(";", ",").split(","):
        named = _LETTER.search(listed) is not None
        found += [listed.strip()] if named else [part.translate(_ORNAMENTS) for part in listed.split()]
    return list(dict.fromkeys(part for part in found if part))


_LETTER: Final = re.compile(r"[^\W\d_]")
"""What has one is no number: it is looked for among references alone, for which there is an index."""
_ORNAMENTS: Final = str.maketrans("", "", "+().-/")
