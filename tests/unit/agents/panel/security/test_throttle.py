"""How often somebody may guess."""

import pytest

from agents.panel.security import throttle
from agents.panel.security.throttle import FREE_ATTEMPTS, UNPACED_GUESSES, Guesser, Throttle
from tests.fakes.clock import Clock

HERE = Guesser.at("192.0.2.1")


def test_guessing_gets_slower(clock: Clock) -> None:
    """Free at first, then twice as long each time, and forgotten after a while."""
    slow = Throttle(clock)
    waits = []
    for _ in range(FREE_ATTEMPTS + 4):
        waits.append(slow.wait_seconds(HERE))
        clock.now += waits[-1]
        slow.begin(HERE, "a@example.com")
    assert waits == [0] * FREE_ATTEMPTS + [1, 2, 4, 8]
    clock.now += throttle.FORGOTTEN_AFTER_SECONDS + 1
    assert slow.wait_seconds(HERE) == 0


@pytest.mark.parametrize("guesser", [HERE, Guesser.with_device("d")])
def test_whoever_guesses_waits_for_everybody(clock: Clock, guesser: Guesser) -> None:
    """Five minutes at most, whichever name comes next; nobody else waits for that."""
    slow = Throttle(clock)
    for number in range(10_000):
        slow.begin(guesser, f"{number}@example.com")
    assert slow.wait_seconds(guesser) == 300
    for other in (
        Guesser.at("192.0.2.2"),
        Guesser.at(None),
        Guesser.with_device("e"),
        Guesser.with_device("192.0.2.1"),
    ):
        assert slow.wait_seconds(other) == 0


def test_nobody_can_lock_somebody_out(clock: Clock) -> None:
    """However many addresses guess at a name, one that has not is free to try."""
    slow = Throttle(clock)
    for number in range(10_000):
        slow.begin(Guesser.at(f"192.0.{number // 250}.{number % 250}"), "victim@example.com")
    assert slow.wait_seconds(Guesser.at("198.51.100.1")) == 0
    standing = slow.begin(Guesser.at("198.51.100.1"), "Victim@example.com ")
    assert (standing.failures, standing.pace_seconds) == (0, throttle.PACE_SECONDS)


def test_guesses_at_one_name_are_paced_together(clock: Clock) -> None:
    """From so many on, until nobody has guessed for a while or the right password came."""
    slow = Throttle(clock)
    paces = [slow.begin(Guesser.at(f"192.0.2.{number}"), "a").pace_seconds for number in range(UNPACED_GUESSES + 2)]
    assert paces == [0.0] * UNPACED_GUESSES + [throttle.PACE_SECONDS] * 2
    assert slow.begin(HERE, "b").pace_seconds == 0.0
    slow.succeed(HERE, "A ")
    assert slow.begin(HERE, "a").pace_seconds == 0.0


def test_who_has_failed_more_ranks_lower(clock: Clock) -> None:
    """The failures of the guesser count, at whichever names."""
    slow = Throttle(clock)
    assert [slow.begin(HERE, name).failures for name in ("a", "b", "a")] == [0, 1, 2]
    assert slow.begin(Guesser.at("192.0.2.2"), "a").failures == 0


def test_an_ipv6_customer_is_one_address(clock: Clock) -> None:
    """A /64 has more addresses than anybody could count failures for."""
    slow = Throttle(clock)
    for number in range(20):
        slow.begin(Guesser.at(f"2001:db8::{number:x}"), f"{number}@example.com")
    assert slow.wait_seconds(Guesser.at("2001:db8::ffff")) > 0
    assert slow.wait_seconds(Guesser.at("2001:db8:0:1::1")) == 0


def test_success_forgives_the_name_and_nothing_else(clock: Clock) -> None:
    """One right password does not pay for guessing at others from the same address."""
    slow = Throttle(clock)
    for _ in range(10):
        slow.begin(HERE, "a@example.com")
    slow.succeed(HERE, "a@example.com")
    assert slow.wait_seconds(HERE) > 0
    assert slow.begin(HERE, "a@example.com").failures == 9


def test_what_is_counted_is_bounded(clock: Clock) -> None:
    """However many names an attacker thinks of, and no address is forgotten for them."""
    slow = Throttle(clock)
    for _ in range(10):
        slow.begin(HERE, "a@example.com")
    for number in range(throttle.MAX_KEYS + 100):
        slow.begin(Guesser.with_device(str(number)), str(number))
    assert len(slow._names) == len(slow._guessers["device"]) == throttle.MAX_KEYS
    assert slow.wait_seconds(HERE) > 0
