"""What a carrier can take, and when."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from pipeline.carriers.profile_form.base import Form


class ValidityForm(Form):
    """Which validity periods the carrier takes."""

    shortest_seconds: Annotated[int, Field(ge=1)] = 1
    longest_seconds: Annotated[int, Field(ge=1)] = 7 * 86_400


class WindowForm(Form):
    """The hours of a day at which the carrier takes messages; `until` before `from` goes over midnight."""

    begins: Annotated[str, Field(alias="from", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    until: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    time_zone: str = "UTC"

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no time zone, as Europe/Berlin is one") from None
        return name


class LimitsForm(Form):
    """What the carrier can take."""

    segments_per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None
    burst: Annotated[int, Field(ge=1, le=100_000)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = None
    window: WindowForm | None = None
