"""A list cut into pages: what is asked for, and the part that is shown with how much there is in all."""

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


@dataclass(frozen=True, slots=True)
class Paging:
    """Page `number` (from 1) of `size` items (to `MAX_SIZE`); `sort` names an order, descending after a minus."""

    sort: str = ""
    number: int = 1
    size: int = 50

    def cut(self, items: Iterable[Item]) -> Slice[Item]:
        """Return this page of `items` as they come; one beyond the end is empty."""
        found, number, size = list(items), max(1, self.number), min(max(1, self.size), MAX_SIZE)
        start = (number - 1) * size
        return Slice(tuple(found[start : start + size]), len(found), number, size)

    def cut_sorted(self, items: Iterable[Item], orders: Mapping[str, Callable[[Item], Any]]) -> Slice[Item]:
        """Return this page of `items` in the order that is asked for; an unknown one is the first of `orders`."""
        sort, name = self.sort, self.sort.removeprefix("-")
        if name not in orders:
            sort = name = next(iter(orders))
        return self.cut(sorted(items, key=orders[name], reverse=sort.startswith("-")))


FIRST_PAGE: Final = Paging()


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key by which `trunk 2` comes before `trunk 10`."""
    parts = _NUMBERS.split(name_key(name))
    # Digits as text: first how many there are, then what they are, so that thousands of them cost no arithmetic.
    return tuple(
        (len(part.lstrip("0")), part.lstrip("0")) if index % 2 else (0, part) for index, part in enumerate(parts)
    )
