"""Limits of trunks and accounts in requests and responses; only operators set them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, cast

from pydantic import Field

from agents.panel.api.jsonapi import RequestModel, Shown
from agents.panel.operations.limits import LimitSettings
from schemas.directory.account import Account
from schemas.directory.limits import (
    LIMITS,
    MessagesPerWindow,
    RequestsPerSecond,
    SegmentsPerDay,
    SegmentsPerSecond,
    SpendCurrency,
    WindowMinutes,
)
from schemas.directory.trunk import Trunk


class Limits(RequestModel):
    """What trunks and accounts have in common; null lifts."""

    segments_per_second: Annotated[
        SegmentsPerSecond | None,
        Field(description="What is posted of its messages to carriers at most. Only operators set it."),
    ] = None
    requests_per_second: Annotated[
        RequestsPerSecond | None,
        Field(description="What is answered to its requests at most; beyond it 429. Only operators set it."),
    ] = None
    segments_per_day: Annotated[
        SegmentsPerDay | None,
        Field(description="What is routed of its messages on a day in UTC at most; beyond it they fail with code 100."),
    ] = None
    spend_per_day: Annotated[
        str | None,
        Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$", description="The same in money: a decimal number as text."),
    ] = None
    spend_currency: Annotated[
        SpendCurrency | None, Field(description="What the spend is in (ISO 4217): given with it, and only then.")
    ] = None
    messages_per_number: Annotated[
        MessagesPerWindow | None,
        Field(
            description="What it sends to one number at most in so many minutes; beyond it messages are refused with "
            "code 9. An account's is for all of its trunks together."
        ),
    ] = None
    number_window_minutes: Annotated[
        WindowMinutes | None, Field(description="In how many minutes: given with it, and only then.")
    ] = None
    messages_per_range: Annotated[
        MessagesPerWindow | None,
        Field(description="Likewise to all numbers together that differ in their last four digits alone."),
    ] = None
    range_window_minutes: Annotated[
        WindowMinutes | None, Field(description="In how many minutes: given with it, and only then.")
    ] = None
    same_text_minutes: Annotated[
        WindowMinutes | None,
        Field(description="For how many minutes a trunk does not send a number the same text again; likewise."),
    ] = None


class ShownLimits(Shown):
    """The same in responses; null: none."""

    segments_per_second: int | None
    requests_per_second: int | None
    segments_per_day: int | None
    spend_per_day: str | None
    spend_currency: str | None
    messages_per_number: int | None
    number_window_minutes: int | None
    messages_per_range: int | None
    range_window_minutes: int | None
    same_text_minutes: int | None


def given_limits(attributes: Mapping[str, Any]) -> LimitSettings:
    """Return the limits among what a request gives, the spend as a number."""
    given = {name: value for name, value in attributes.items() if name in LIMITS}
    if given.get("spend_per_day") is not None:
        given["spend_per_day"] = Decimal(given["spend_per_day"])
    return cast("LimitSettings", given)


def shown_limits(entry: Trunk | Account) -> dict[str, Any]:
    """Return an entry's limits as attributes of `ShownLimits`."""
    spend = entry.spend_per_day
    return {name: getattr(entry, name) for name in LIMITS} | {
        "spend_per_day": None if spend is None else format(spend, "f")
    }
