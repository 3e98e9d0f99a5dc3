"""Who wants no messages of an account, in eight bytes each: lists of a million are held by every agent that decides.

A number of up to 15 digits and the day since which it is there make one integer; those of an account are sorted, with
what has changed lately beside them.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from pydantic import ValidationError

from pipeline.errors import UnreadableRecord
from schemas.address import MSISDN
from schemas.opt_out import OptOut, opt_out_key

_DAYS: Final = 1 << 14  # 44 years: 10 to the 15th times as much is just less than 64 bits hold
_FIRST_DAY: Final = date(2020, 1, 1)
_SHORTEST, _LONGEST = 7, 15
_FEW: Final = 1000


class ListedOptOut(NamedTuple):
    """A number, and since when it has been there."""

    number: str
    since: date


class _Numbers:
    """Those of one account."""

    def __init__(self) -> None:
        self._sorted = array("Q")
        self._changed: dict[int, int | None] = {}

    def put(self, number: int, day: int | None) -> None:
        self._changed[number] = day
        if len(self._changed) > max(_FEW, len(self._sorted) // 4):
            self.settle()

    def has(self, number: int) -> bool:
        if number in self._changed:
            return self._changed[number] is not None
        at = bisect_left(self._sorted, number * _DAYS)
        return at < len(self._sorted) and self._sorted[at] // _DAYS == number

    def settle(self) -> "array[int]":
        """Take what has changed among the sorted ones, and return them."""
        if self._changed:
            changed, self._changed = self._changed, {}
            stay = [it for it in self._sorted if it // _DAYS not in changed]
            stay += [number * _DAYS + day for number, day in changed.items() if day is not None]
            stay.sort()
            self._sorted = array("Q", stay)
        return self._sorted


class OptOuts:
    """The lists of all accounts. Reads never fail; `apply`, `add` and `remove` are the only changes."""

    def __init__(self) -> None:
        self._of: dict[str, _Numbers] = {}

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Apply one record. Raises `UnreadableRecord` for one that is none; what was there stays."""
        if value is None:
            account_id, _, number = (key or b"").decode(errors="replace").partition(":")
            self.remove(account_id, number)
            return
        try:
            it = OptOut.from_bytes(value)
        except ValidationError as error:
            raise UnreadableRecord(
                "schema-violation", f"{error.error_count()} problems in an opt-out", stage="opt-outs"
            ) from None
        if opt_out_key(it.account_id, it.number) != key:
            raise UnreadableRecord("key-mismatch", "the key names another opt-out", stage="opt-outs")
        self.add(it.account_id, it.number, it.opted_out_at)

    def add(self, account_id: str, number: str, at: datetime) -> None:
        """Put a number on an account's list."""
        day = min(max((at.astimezone(UTC).date() - _FIRST_DAY).days, 0), _DAYS - 1)
        self._of.setdefault(account_id, _Numbers()).put(int(number), day)

    def remove(self, account_id: str, number: str) -> None:
        """Take a number off an account's list, if it is there."""
        if account_id in self._of and MSISDN.fullmatch(number):
            self._of[account_id].put(int(number), None)

    def has(self, account_id: str, number: str) -> bool:
        """Tell whether a number is on an account's list. `number` is one that could be sent to."""
        found = self._of.get(account_id)
        return found is not None and found.has(int(number))

    def count(self, account_id: str, beginning: str = "") -> int:
        """Return how many numbers of an account's list begin with these digits."""
        return sum(end - begin for begin, end in self._stretches(account_id, beginning))

    def some(self, account_id: str, beginning: str = "", *, first: int = 0, most: int) -> Iterator[ListedOptOut]:
        """Yield numbers that begin with these digits, the short ones first, from the place `first` on."""
        numbers = self._of[account_id].settle() if account_id in self._of else array("Q")
        for begin, end in self._stretches(account_id, beginning):
            for packed in numbers[begin + first : min(end, begin + first + most)]:
                number, day = divmod(packed, _DAYS)
                yield ListedOptOut(str(number), _FIRST_DAY + timedelta(days=day))
                most -= 1
            first = max(0, first - (end - begin))

    def _stretches(self, account_id: str, beginning: str) -> Iterator[tuple[int, int]]:
        """Yield from where to where the numbers of each length lie that begin with these digits."""
        if account_id not in self._of:
            return
        numbers = self._of[account_id].settle()
        for length in range(max(_SHORTEST, len(beginning)), _LONGEST + 1):
            rest = 10 ** (length - len(beginning))
            low = int(beginning) * rest if beginning else 10 ** (length - 1)
            high = (int(beginning) + 1) * rest if beginning else 10**length
            begin = bisect_left(numbers, low * _DAYS)
            end = len(numbers) if high * _DAYS >= 1 << 64 else bisect_left(numbers, high * _DAYS)
            if begin < end:
                yield begin, end
