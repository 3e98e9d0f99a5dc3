"""A part of a list: what a page shows, and how much there is in all."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pipeline.directory.values import name_key

Item = TypeVar("Item")

MAX_SIZE: Final = 1000
_NUMBERS: Final = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class Slice(Generic[Item]):
    """Items of page `number` (from 1), `total` being the number of items on all pages."""

    items: tuple[Item, ...]
    total: int
    number: int
    size: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least 1."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """The place of the first item in the whole list, from 1; 0 when there is none."""
        return (self.number - 1) * self.size + 1 if self.items else 0

    @property
    def last(self) -> int:
        """The place of the last item."""
        return self.first + len(self.items) - 1 if self.items else 0


def cut(items: list[Item], number: int, size: int) -> Slice[Item]:
    """Return page `number` of `items`; a page beyond the end is empty."""
    number, size = max(1, number), min(max(1, size), MAX_SIZE)
    start = (number - 1) * size
    return Slice(tuple(items[start : start + size]), len(items), number, size)


def ordered(items: Iterable[Item], sort: str, keys: Mapping[str, Callable[[Item], Any]], default: str) -> list[Item]:
    """Return `items` by a key of `keys`, descending with a minus before its name; an unknown one is `default`."""
    name = sort.removeprefix("-")
    if name not in keys:
        sort = name = default
    return sorted(items, key=keys[name], reverse=sort.startswith("-"))


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key by which `trunk 2` comes before `trunk 10`."""
    parts = _NUMBERS.split(name_key(name))
    # Digits as text: first how many there are, then what they are, so that thousands of them cost no arithmetic.
    return tuple(
        (len(part.lstrip("0")), part.lstrip("0")) if index % 2 else (0, part) for index, part in enumerate(parts)
    )
