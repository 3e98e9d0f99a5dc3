"""Attacks on the log-in, in virtual time: who has the right password gets in, and guessing stays slow."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from agents.panel.security.devices import Devices
from agents.panel.security.log_in import CodeAwaited, LoggedIn, LogInRefused, LogIns
from agents.panel.security.passwords import AT_ONCE, MAX_WAITING, TooBusy
from agents.panel.security.sessions import Sessions
from agents.panel.security.throttle import PACE_SECONDS, UNPACED_GUESSES, Throttle
from tests.fakes.virtual_time import VirtualLoop
from tests.unit.agents.panel.office import PASSWORD, Office

CHECK_SECONDS = 0.05
ATTACK_SECONDS = 240.0
VICTIM, OTHER = "owner@example.com", "member@example.com"
FORTY = [f"192.0.2.{number}" for number in range(40)]


class SlowHasher:
    """Checks as `Passwords` does, two at a time and so many waiting, in virtual time; counts what it was asked."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self.checked: Counter[bool] = Counter()

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, password_hash: str | None, password: str) -> bool:
        if self._waiting >= MAX_WAITING:
            raise TooBusy
        self._waiting += 1
        try:
            async with self._turn:
                await asyncio.sleep(CHECK_SECONDS)
        finally:
            self._waiting -= 1
        right = password_hash == f"hash of {password}"
        self.checked[right] += 1
        return right


class Siege:
    """A panel's log-in, and who comes to it."""

    def __init__(self, office: Office) -> None:
        loop = asyncio.get_running_loop()
        self.hasher = SlowHasher()
        self.log_ins = LogIns(
            office.operations, self.hasher, Sessions(1e9, 1e9, loop.time), Throttle(loop.time),
            Devices(b"k" * 32, loop.time),
        )  # fmt: skip
        self.broken_in: list[str] = []

    async def guess(self, address: str, names: Callable[[int], str], pause: float = 0.7) -> None:
        """Guess from an address until cancelled, as fast as it is answered."""
        for number in range(10**9):
            outcome = await self.log_ins.log_in(names(number), f"guess {number}", address)
            if isinstance(outcome, LoggedIn):
                self.broken_in.append(address)
            await asyncio.sleep(pause)

    async def come(
        self, name: str, address: str, device: str = ""
    ) -> tuple[LoggedIn | CodeAwaited | LogInRefused, float]:
        """Log in with the right password; return what came of it, and how long it took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        return await self.log_ins.log_in(name, PASSWORD, address, device), loop.time() - began


def besieged(
    office: Office, main: Callable[[Siege], Awaitable[None]], *guesses: tuple[str, Callable[[int], str]]
) -> None:
    """Run `main` while somebody guesses from addresses."""

    async def run() -> None:
        siege = Siege(office)
        attack = [asyncio.create_task(siege.guess(address, names)) for address, names in guesses]
        await main(siege)
        for task in attack:
            assert not task.done()
            task.cancel()
        await asyncio.gather(*attack, return_exceptions=True)
        assert siege.broken_in == []

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())


AT_ONE: list[tuple[str, Callable[[int], str]]] = [(address, lambda _: VICTIM) for address in FORTY]
SPRAY: list[tuple[str, Callable[[int], str]]] = [
    (address, lambda number, address=address: f"{number}-{address}@example.com")  # type: ignore[misc]
    for address in [f"198.51.100.{n}" for n in range(150)]
]


@pytest.mark.parametrize("guesses", [AT_ONE, SPRAY, AT_ONE + SPRAY], ids=["one-name", "spray", "both"])
def test_who_has_the_right_password_gets_in(office: Office, guesses: list[tuple[str, Callable[[int], str]]]) -> None:
    """From an address that is new each time, all through the attack, within seconds: nothing of it was seen before."""

    async def main(siege: Siege) -> None:
        waited = []
        for number in range(40):
            await asyncio.sleep(ATTACK_SECONDS / 40)
            outcome, seconds = await siege.come(VICTIM, f"203.0.113.{number}")
            assert isinstance(outcome, LoggedIn), outcome
            waited.append(seconds)
        assert max(waited) <= PACE_SECONDS + 1.0

    besieged(office, main, *guesses)


def test_who_mistypes_gets_in_all_the_same(office: Office) -> None:
    """Two wrong ones first, from one's own address, while forty others guess at the name."""

    async def main(siege: Siege) -> None:
        await asyncio.sleep(60)
        for _ in range(2):
            outcome = await siege.log_ins.log_in(VICTIM, "mistyped", "203.0.113.1")
            assert isinstance(outcome, LogInRefused)
            assert outcome.status == 401
            await asyncio.sleep(5)
        outcome, seconds = await siege.come(VICTIM, "203.0.113.1")
        assert isinstance(outcome, LoggedIn)
        assert seconds <= 10

    besieged(office, main, *AT_ONE)


def test_a_known_browser_gets_in_from_behind_the_attackers_address(office: Office) -> None:
    """At once, though nobody else does from there any more, and whatever the spray leaves of the checks."""

    async def main(siege: Siege) -> None:
        before, _ = await siege.come(VICTIM, "203.0.113.1")
        assert isinstance(before, LoggedIn)
        await asyncio.sleep(120)
        refused, _ = await siege.come(VICTIM, FORTY[0])
        assert isinstance(refused, LogInRefused)
        outcome, seconds = await siege.come(VICTIM, FORTY[0], before.device)
        assert isinstance(outcome, LoggedIn)
        assert seconds <= 3 * CHECK_SECONDS
        stranger, _ = await siege.come(OTHER, FORTY[0], before.device)
        assert isinstance(stranger, LogInRefused), "a cookie is its user's alone"

    besieged(office, main, *AT_ONE, *SPRAY)


def test_a_stolen_cookie_is_no_licence_to_guess(office: Office) -> None:
    """Its own failures slow it down as an address's do."""

    async def main(siege: Siege) -> None:
        before, _ = await siege.come(VICTIM, "203.0.113.1")
        assert isinstance(before, LoggedIn)
        outcomes = [
            await siege.log_ins.log_in(VICTIM, "guess", f"203.0.113.{number}", before.device) for number in range(9)
        ]
        assert [it.status for it in outcomes if isinstance(it, LogInRefused)] == [401] * 5 + [429] * 4

    besieged(office, main)


def test_guessing_at_one_name_stays_slow(office: Office) -> None:
    """However many addresses take part: after the first ones there is a guess every two seconds at most."""

    async def main(siege: Siege) -> None:
        await asyncio.sleep(ATTACK_SECONDS)
        assert siege.hasher.checked[False] <= UNPACED_GUESSES + ATTACK_SECONDS / PACE_SECONDS + 1

    many = [(f"198.51.{n // 200}.{n % 200}", lambda _: VICTIM) for n in range(400)]
    besieged(office, main, *many)


def test_a_spray_leaves_the_checks_of_people_who_are_logged_in(office: Office) -> None:
    """To change a password needs one: of the two places strangers have one."""

    async def main(siege: Siege) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(20):
            await asyncio.sleep(1.0)
            began = loop.time()
            assert await siege.hasher.verify(f"hash of {PASSWORD}", PASSWORD)
            assert loop.time() - began <= 2 * CHECK_SECONDS

    besieged(office, main, *SPRAY)
