"""When something was last used."""

from datetime import UTC, datetime, timedelta

from agents.panel.operations.people.last_uses import LastUses


def test_a_use_is_noted_to_the_minute_and_kept() -> None:
    """A busy key costs one write a minute; what was kept is there after a restart."""
    now, kept = datetime(2026, 1, 1, tzinfo=UTC), list[tuple[str, datetime]]()
    uses = LastUses(lambda: now)
    uses.keep = lambda key, at: kept.append((key, at))
    begin = now
    for _ in range(130):
        uses.note("apikey", "k")
        now += timedelta(seconds=1)
    assert kept == [("apikey:k", begin + timedelta(minutes=n)) for n in range(3)]
    assert uses.of("apikey", "k") == begin + timedelta(minutes=2)
    again = LastUses(lambda: now)
    assert again.of("apikey", "k") is None
    again.load(*kept[-1])
    assert again.of("apikey", "k") == begin + timedelta(minutes=2)
