"""Phone numbers as they travel: E.164 digits, country code first, no plus (ITU-T E.164 section 6)."""

import re
from typing import Annotated, Final

from pydantic import StringConstraints

MSISDN_PATTERN: Final = r"^[1-9]\d{6,14}$"
MSISDN: Final = re.compile(r"[1-9][0-9]{6,14}")

# pydantic's regex engine takes \d as any Unicode digit, so the class is spelled out.
Msisdn = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{6,14}$")]
"""A number in international format, 7 to 15 digits."""


def masked(number: str) -> str:
    """Return `number` fit for a log line: the country part and the last two digits, the rest hidden."""
    return f"{number[:3]}{'*' * (len(number) - 5)}{number[-2:]}" if len(number) > 6 else "*" * len(number)
