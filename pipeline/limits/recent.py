"""How often something has been within the last minutes, for many of them at once.

Times are the broker's for submissions, so that whoever looks at the same messages sees the same.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Collection
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
    """What has been lately, in the order in which it became known. 100 to 200 bytes an entry.

    Times need not be in order: partitions are not worked on side by side, and a clock may be put back. So what counts
    for a message is what is less than a span away from it, before or after: then no span of time has more than may be
    in it, whichever message was looked at first.
    """

    __slots__ = ("_keys", "_of_key", "_times", "span_ms")

    def __init__(self) -> None:
        self.span_ms = 0
        """The span that is asked about; 0 while nobody has said."""
        self._keys: deque[int] = deque()
        self._times: deque[int] = deque()
        self._of_key: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._times)

    def count(self, key: int, at_ms: int, span_ms: int) -> int:
        """Return how often `key` has been less than `span_ms` before or after `at_ms`.

        What is two spans away is forgotten: so far behind another partition may be, or ahead.
        """
        self.span_ms = span_ms
        times = self._times
        while times and abs(times[0] - at_ms) >= 2 * span_ms:
            self.forget(1)
        known = self._of_key.get(key)
        return 0 if known is None else bisect_left(known, at_ms + span_ms) - bisect_right(known, at_ms - span_ms)

    def add(self, key: int, at_ms: int) -> None:
        """Note that it is."""
        self._keys.append(key)
        self._times.append(at_ms)
        known = self._of_key.get(key)
        if known is None:
            self._of_key[key] = [at_ms]
        else:
            insort(known, at_ms)

    def take_back(self, key: int, at_ms: int) -> None:
        """Take the latest entry off that is this one; others may have become known since."""
        if at_ms in self._of_key.get(key, ()):
            keys, times = self._keys, self._times
            place = next(i for i in range(len(keys) - 1, -1, -1) if keys[i] == key and times[i] == at_ms)
            del keys[place], times[place]
            self._take_off(key, at_ms)

    def forget_old(self) -> None:
        """Forget what is two spans before the newest, where nobody asks: a look at all of it."""
        if self.span_ms and self._times:
            newest = max(self._times)
            while newest - self._times[0] >= 2 * self.span_ms:
                self.forget(1)

    def forget(self, entries: int) -> None:
        """Forget so many of those that have been known for longest."""
        for _ in range(min(entries, len(self._times))):
            self._take_off(self._keys.popleft(), self._times.popleft())

    def _take_off(self, key: int, at_ms: int) -> None:
        known = self._of_key[key]
        if len(known) == 1:
            del self._of_key[key]
        else:
            del known[bisect_left(known, at_ms)]


class Recent:
    """What has lately gone out of a trunk, or of an account."""

    __slots__ = ("windows",)

    def __init__(self) -> None:
        self.windows: dict[Guard, Window] = {}

    def __len__(self) -> int:
        return sum(map(len, self.windows.values()))

    def window(self, guard: Guard) -> Window:
        """Return what is counted for a guard; a new one begins to count now."""
        found = self.windows.get(guard)
        if found is None:
            found = self.windows[guard] = Window()
        return found

    def narrow_to(self, guards: Collection[Guard]) -> None:
        """Forget what nobody asks about: it takes memory. Who asks again later begins anew."""
        if not self.windows.keys() <= set(guards):
            self.windows = {guard: it for guard, it in self.windows.items() if guard in guards}

    def add(self, keys: Keys, at_ms: int, guards: Collection[Guard] = tuple(Guard)) -> None:
        """Note what has gone out."""
        for guard in guards:
            if (key := keys.under(guard)) is not None:
                self.window(guard).add(key, at_ms)

    def take_back(self, keys: Keys, at_ms: int) -> None:
        """Forget what has gone out."""
        for guard, window in self.windows.items():
            if (key := keys.under(guard)) is not None:
                window.take_back(key, at_ms)

    def forget_old(self) -> None:
        """Forget what can stop nobody any more."""
        for window in self.windows.values():
            window.forget_old()

    def shrink(self, most: int) -> int:
        """Forget of the oldest what there is beyond so many entries; return how many they were."""
        before = len(self)
        if before > most:
            for window in self.windows.values():
                window.forget(len(window) - len(window) * most // before)
        return before - len(self)
