"""How often something has been within the last minutes, for many of them at once.

Times are the broker's for submissions, so that whoever looks at the same messages sees the same.
"""

from collections import deque
from typing import Final, NamedTuple

from schemas.address import is_short_code
from schemas.state.screening import Guard

RANGE: Final = 10_000
"""Numbers of a range: what carriers assign at once in most countries, and what one leases for pumping."""


class Keys(NamedTuple):
    """What a message is counted under, by guard; a text that nobody asks about has none."""

    number: int
    range: int
    same_text: int | None

    @classmethod
    def of(cls, number: str, text: str | None) -> "Keys":
        """Return the keys of a message to a number; `text` names its text in hexadecimal digits."""
        # A short code may begin with 0, and is alone.
        short = is_short_code(number)
        digits = -int(f"1{number}") if short else int(number)
        # Of integers alone, hash() is the same in every process.
        return cls(
            digits, digits if short else digits // RANGE, None if text is None else hash((digits, int(text, 16)))
        )

    def under(self, guard: Guard) -> int | None:
        """Return the key for a guard."""
        if guard is Guard.NUMBER:
            return self.number
        return self.range if guard is Guard.RANGE else self.same_text


class Window:
    """What has been lately, the oldest first. About 130 bytes an entry."""

    __slots__ = ("_counts", "_keys", "_times")

    def __init__(self) -> None:
        self._times: deque[int] = deque()
        self._keys: deque[int] = deque()
        self._counts: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._times)

    def count(self, key: int, at_ms: int, span_ms: int) -> int:
        """Return how often `key` has been in the `span_ms` up to `at_ms`; what was before them is forgotten."""
        times = self._times
        if times and times[-1] - at_ms > span_ms:
            self.forget(len(times))  # the broker's clock was put back: nobody waits until it is there again
        while times and times[0] <= at_ms - span_ms:
            self.forget(1)
        return self._counts.get(key, 0)

    def add(self, key: int, at_ms: int) -> None:
        """Note that it is; times do not go back."""
        self._times.append(max(at_ms, self._times[-1]) if self._times else at_ms)
        self._keys.append(key)
        self._counts[key] = self._counts.get(key, 0) + 1

    def take_back(self, key: int) -> None:
        """Take the latest entry off, if it is this one."""
        if self._keys and self._keys[-1] == key:
            self._times.pop()
            self._discount(self._keys.pop())

    def forget(self, entries: int) -> None:
        """Forget so many of the oldest."""
        for _ in range(min(entries, len(self._times))):
            self._times.popleft()
            self._discount(self._keys.popleft())

    def _discount(self, key: int) -> None:
        count = self._counts[key] - 1
        if count:
            self._counts[key] = count
        else:
            del self._counts[key]
