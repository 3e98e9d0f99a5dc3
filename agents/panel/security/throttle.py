"""How often somebody may guess a password: after a few failures each next attempt has to wait twice as long.

Who guesses is an address (IPv6: its /64, which one customer has) or a browser that its user has logged in with before.
Each waits for its own failures only: whoever guesses at a name from forty addresses slows down those forty, and not
the person whose name it is. Over all addresses together the guesses at one name are paced, never refused (`Turns`).
What is counted is bounded; the longest unseen are forgotten.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple

MAX_KEYS: Final = 10_000
"""Addresses, browsers and names that are remembered, each."""
FORGOTTEN_AFTER_SECONDS: Final = 900.0
FREE_ATTEMPTS: Final = 5
LONGEST_WAIT_SECONDS: Final = 300.0
UNPACED_GUESSES: Final = 50
"""Failures at one name, from wherever, after which strangers' guesses at it come one by one."""
PACE_SECONDS: Final = 2.0


class Guesser(NamedTuple):
    """Who is slowed down for failures."""

    kind: str
    key: str

    @classmethod
    def at(cls, ip: str | None) -> "Guesser":
        """Return the guesser at an address; None is one address, too."""
        return cls("address", _network(ip))

    @classmethod
    def with_device(cls, device: str) -> "Guesser":
        """Return the guesser with a browser that the user has logged in with."""
        return cls("device", device)


class Standing(NamedTuple):
    """How an attempt ranks among those that wait: the guesser's failures so far, and how far apart its name's are."""

    failures: int
    pace_seconds: float


class Throttle:
    """Failures by guesser and by name. `clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Apart from each other: whoever thinks of ever new names makes us forget no address.
        self._guessers = {"address": _Failures(), "device": _Failures()}
        self._names = _Failures()

    def wait_seconds(self, guesser: Guesser) -> int:
        """Return how many seconds an attempt is too early, 0 when it may be made."""
        now = self._clock()
        count, at = self._guessers[guesser.kind].get(guesser.key, now)
        if count < FREE_ATTEMPTS:
            return 0
        wait = min(2.0 ** min(count - FREE_ATTEMPTS, 30), LONGEST_WAIT_SECONDS)
        return max(0, -int(-(at + wait - now) // 1))

    def begin(self, guesser: Guesser, name: str) -> Standing:
        """Count an attempt as a failure before its password is checked: many at once are not cheaper."""
        now = self._clock()
        before = self._guessers[guesser.kind].add(guesser.key, now)
        guesses = self._names.add(_folded(name), now)
        return Standing(before, PACE_SECONDS if guesses >= UNPACED_GUESSES else 0.0)

    def succeed(self, guesser: Guesser, name: str) -> None:
        """Forget the name's failures and the attempt just counted; other failures of the guesser stay."""
        self._names.forget(_folded(name))
        self._guessers[guesser.kind].take_back(guesser.key)


class _Failures:
    """How many, and when the last one was."""

    def __init__(self) -> None:
        self._counted: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def get(self, key: str, now: float) -> tuple[int, float]:
        count, at = self._counted.get(key, (0, now))
        return (0, now) if now - at > FORGOTTEN_AFTER_SECONDS else (count, at)

    def add(self, key: str, now: float) -> int:
        """Count one more; return how many there were before."""
        count, _ = self.get(key, now)
        self._counted[key] = count + 1, now
        self._counted.move_to_end(key)
        while len(self._counted) > MAX_KEYS:
            self._counted.popitem(last=False)
        return count

    def take_back(self, key: str) -> None:
        count, at = self._counted.pop(key, (0, 0.0))
        if count > 1:
            self._counted[key] = count - 1, at

    def forget(self, key: str) -> None:
        self._counted.pop(key, None)

    def __len__(self) -> int:
        return len(self._counted)


def _folded(name: str) -> str:
    return name.strip().casefold()[:254]


def _network(ip: str | None) -> str:
    if ip is None:
        return ""
    address = ip_address(ip)
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else ip
