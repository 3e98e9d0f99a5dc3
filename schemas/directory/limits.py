"""How much trunks and accounts may send; None, everywhere, is without a limit."""

from typing import Annotated, Final

from pydantic import Field

from schemas.directory.route import Currency, Price

MAX_REQUESTS_PER_SECOND: Final = 100_000
MAX_SEGMENTS_PER_SECOND: Final = 100_000
MAX_SEGMENTS_PER_DAY: Final = 1_000_000_000
MAX_MESSAGES_PER_WINDOW: Final = 1_000_000
MAX_WINDOW_MINUTES: Final = 1440

SegmentsPerSecond = Annotated[int, Field(ge=1, le=MAX_SEGMENTS_PER_SECOND)]
RequestsPerSecond = Annotated[int, Field(ge=1, le=MAX_REQUESTS_PER_SECOND)]
SegmentsPerDay = Annotated[int, Field(ge=1, le=MAX_SEGMENTS_PER_DAY)]
SpendPerDay = Price
"""What its segments may cost, in `spend_currency`."""
SpendCurrency = Currency

MessagesPerWindow = Annotated[int, Field(ge=1, le=MAX_MESSAGES_PER_WINDOW)]
"""To one number, or to one range: to the numbers that differ in nothing but their last four digits."""
WindowMinutes = Annotated[int, Field(ge=1, le=MAX_WINDOW_MINUTES)]

WINDOWED: Final = (
    ("messages_per_number", "number_window_minutes"),
    ("messages_per_range", "range_window_minutes"),
)
"""Limits, each with the attribute that says in how many minutes."""
WINDOWS: Final = (*(window for _, window in WINDOWED), "same_text_minutes")
GUARDS: Final = (*(name for pair in WINDOWED for name in pair), "same_text_minutes")
"""What keeps a trunk from being used to send one number, or one range, more than anybody wants."""

LIMITS: Final = (
    "segments_per_second", "requests_per_second", "segments_per_day", "spend_per_day", "spend_currency", *GUARDS,
)  # fmt: skip
"""The attributes that trunks and accounts both have; only operators set them."""
