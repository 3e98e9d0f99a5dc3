"""How often somebody may guess a password: after a few failures each next attempt has to wait twice as long.

Counted per address (IPv6: per /64, which one customer has) and per account name. A name is slowed down by half a
minute at most: else anybody could lock anybody out. What is counted is bounded; the longest unseen are forgotten.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

MAX_KEYS: Final = 10_000
FORGOTTEN_AFTER_SECONDS: Final = 900.0
FREE_ATTEMPTS: Final = 5
LONGEST_WAIT_SECONDS: Final = {"ip": 300.0, "name": 30.0}


class Throttle:
    """Failures by key. `clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def wait_seconds(self, ip: str | None, name: str) -> int:
        """Return how many seconds an attempt is too early, 0 when it may be made."""
        now = self._clock()
        return max(self._wait(key, now) for key in _keys(ip, name))

    def begin(self, ip: str | None, name: str) -> None:
        """Count an attempt as a failure before its password is checked: many at once are not cheaper."""
        now = self._clock()
        for key in _keys(ip, name):
            count, at = self._failures.pop(key, (0, now))
            count = 0 if now - at > FORGOTTEN_AFTER_SECONDS else count
            self._failures[key] = count + 1, now
        while len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def succeed(self, ip: str | None, name: str) -> None:
        """Forget the name's failures and the attempt just counted; other failures of the address stay."""
        for key in _keys(ip, name):
            count, at = self._failures.pop(key, (0, 0.0))
            if key[0] == "ip" and count > 1:
                self._failures[key] = count - 1, at

    def _wait(self, key: tuple[str, str], now: float) -> int:
        count, at = self._failures.get(key, (0, now))
        if count < FREE_ATTEMPTS or now - at > FORGOTTEN_AFTER_SECONDS:
            return 0
        wait = min(2.0 ** min(count - FREE_ATTEMPTS, 30), LONGEST_WAIT_SECONDS[key[0]])
        return max(0, -int(-(at + wait - now) // 1))


def _keys(ip: str | None, name: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("ip", _network(ip)), ("name", name.strip().casefold()[:254])


def _network(ip: str | None) -> str:
    if ip is None:
        return ""
    address = ip_address(ip)
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else ip
