"""The fields of limits in the forms of trunks and accounts, which only operators see."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, cast

from agents.panel.operations.limits import LimitSettings
from agents.panel.page import PageContext
from agents.panel.pages.parts.forms import Problems, optional_number
from schemas.directory.account import Account
from schemas.directory.limits import LIMITS
from schemas.directory.trunk import Trunk

LIMIT_LABELS: Final = {
    "segments_per_second": "Segments per second",
    "requests_per_second": "Requests per second",
    "segments_per_day": "Segments per day",
    "spend_per_day": "Spend per day",
    "spend_currency": "Currency of the spend",
    "messages_per_number": "Messages per number",
    "number_window_minutes": "Minutes for a number",
    "messages_per_range": "Messages per number range",
    "range_window_minutes": "Minutes for a range",
    "same_text_minutes": "Minutes between equal texts",
}
_PRICE: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)

LimitFields = Mapping[str, str]
"""What somebody typed, by attribute; nothing where the form has no such fields."""


def limits_of(entry: Trunk | Account) -> LimitFields:
    """Return the fields of an entry as it is."""
    return {name: _text(getattr(entry, name)) for name in LIMITS}


def _text(limit: object) -> str:
    if isinstance(limit, Decimal):
        return f"{limit:f}"
    return "" if limit is None else str(limit)


def posted_limits(context: PageContext) -> LimitFields:
    """Return the fields as they were posted."""
    return {name: context.text(name) for name in LIMITS if name in context.form}


def limit_settings(typed: LimitFields, problems: Problems) -> LimitSettings:
    """Return what is to be set, or note problems."""
    settings: dict[str, object] = {}
    for name, text in typed.items():
        if name == "spend_currency":
            settings[name] = text.strip().upper() or None
        elif name == "spend_per_day":
            settings[name] = _optional_price(text, problems, name)
        else:
            settings[name] = optional_number(text, problems, name)
    return cast("LimitSettings", settings)


def _optional_price(text: str, problems: Problems, field: str) -> Decimal | None:
    if not text.strip():
        return None
    if _PRICE.fullmatch(text.strip()):
        return Decimal(text.strip())
    problems.setdefault(field, []).append("must be a number, with a point before its decimals")
    return None
