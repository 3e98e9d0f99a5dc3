"""A picture of counts over time, as stacked bars: where everything lies in it. A template draws it as SVG.

Widths are shares of the whole in percent, heights pixels, so that it fits every screen with its letters as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

HEIGHT: Final = 160.0
"""Of the tallest bar, in pixels."""
GAP: Final = 0.2
"""Of a bar's place that is left free."""
LEAST: Final = 2.0
"""Of a part that is not empty: one message among a million is seen."""
MAX_LABELS: Final = 5
LAST_LABEL: Final = 75.0
"""Where the last one begins before that of the end: on a phone each needs a fifth of the width."""
MAX_LINES: Final = 4


class Part(NamedTuple):
    """A part of a bar: its kind, where it begins and how high it is."""

    kind: str
    y: float
    height: float


class Bar(NamedTuple):
    """A bar, with what it says in words."""

    x: float
    width: float
    parts: tuple[Part, ...]
    words: str


class Line(NamedTuple):
    """A line across, with its value."""

    y: float
    label: str


class Label(NamedTuple):
    """A time below: at which percentage, and which of its ends or middle lies there."""

    x: float
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with its lines and labels."""

    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    labels: tuple[Label, ...]
    height: float = HEIGHT


def stacked(
    begins: Sequence[datetime], width: timedelta, counts: Sequence[Sequence[int]], kinds: Sequence[tuple[str, str]]
) -> Chart:
    """Return the picture of `counts`, one row a time, one number for each of `kinds`: name and words, bottom first."""
    top = _top(max((sum(row) for row in counts), default=0))
    place = 100 / max(1, len(begins))
    bars = []
    for number, (begin, row) in enumerate(zip(begins, counts, strict=True)):
        parts, y = [], HEIGHT
        for (kind, _), count in zip(kinds, row, strict=True):
            if count:
                height = max(LEAST, count / top * HEIGHT)
                y -= height
                parts.append(Part(kind, round(y, 2), round(height, 2)))
        bars.append(
            Bar(
                round((number + GAP / 2) * place, 3), round(place * (1 - GAP), 3), tuple(parts),
                _words(begin, width, row, kinds),
            )
        )  # fmt: skip
    step = _step(top)
    values = range(0, top + 1, step)
    lines = tuple(Line(round(HEIGHT - value / top * HEIGHT, 2), f"{value:,}") for value in values)
    return Chart(tuple(bars), lines, tuple(_labels(begins, width)))


def _words(begin: datetime, width: timedelta, row: Sequence[int], kinds: Sequence[tuple[str, str]]) -> str:
    said = [f"{count:,} {words}" for (_, words), count in zip(kinds, row, strict=True) if count]
    return f"{time_words(begin, width)}: {', '.join(said) or 'none'}"


def time_words(begin: datetime, width: timedelta) -> str:
    """Return a stretch of time as it is read: a day, or from when to when."""
    if width >= timedelta(days=1):
        return f"{begin:%Y-%m-%d}"
    return f"{begin:%Y-%m-%d %H:%M} to {begin + width:%H:%M}"


def _step(top: int) -> int:
    """Return a round number of which at most `MAX_LINES` reach the top."""
    step = 1
    while top / step > MAX_LINES:
        step = _rounder(step)
    return step


def _rounder(number: int) -> int:
    """Return the next of 1, 2, 5, 10, 20, 50 ..."""
    return number * 5 // 2 if str(number)[0] == "2" else number * 2


def _top(most: int) -> int:
    """Return where the picture ends: the round number above the highest bar."""
    step = _step(max(1, most))
    return max(1, -(-most // step) * step)


def _labels(begins: Sequence[datetime], width: timedelta) -> list[Label]:
    """Return times of the day where there are not two of one name, else days, where they begin."""
    if not begins:
        return []
    of_day = begins[-1] - begins[0] < timedelta(days=1)
    form = "%H:%M" if of_day else "%m-%d"
    places = [number for number, begin in enumerate(begins) if of_day or begin.hour == begin.minute == 0]
    every = max(1, -(-len(places) // MAX_LABELS))
    found = [
        Label(round(number / len(begins) * 100, 3), "start", f"{begins[number]:{form}}") for number in places[::every]
    ]
    near_end = [it for it in found if it.x <= LAST_LABEL]
    return [*near_end, Label(100.0, "end", f"{begins[-1] + width:{form}}")] if of_day else near_end
