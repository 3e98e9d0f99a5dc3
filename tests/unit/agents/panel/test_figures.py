"""What only the panel tells the metrics."""

from datetime import timedelta
from decimal import Decimal

from prometheus_client import REGISTRY

from agents.panel.figures import DayFigures, DirectoryFigures
from pipeline.limits.counts import DayCounts
from pipeline.metrics import MOST_TRUNKS
from schemas.directory.entry import DirectoryEntry
from schemas.state.day_count import DayCount, DayUsed, Place
from tests.builders import CREATED, account, carrier, directory_of, trunk, uuid


def told(metric: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"smsout_{metric}", labels)


def test_names_stand_beside_ids_and_follow_the_directory() -> None:
    """A name that is changed is another series; a trunk out of service has none."""
    figures = DirectoryFigures(directory_of(account(1, name="Acme"), trunk(11, name="one"), carrier(21, name="C")))
    figures.update()
    assert told("trunk_info", trunk=uuid(11), name="one", account="Acme") == 1
    assert told("carrier_info", carrier=uuid(21), name="C") == 1
    gone = directory_of(account(1), trunk(11, name="one", deleted_at=CREATED), trunk(12, name="two"))
    DirectoryFigures(gone).update()
    assert told("trunk_info", trunk=uuid(11), name="one", account="Acme") is None
    assert told("carrier_info", carrier=uuid(21), name="C") is None
    assert told("trunk_info", trunk=uuid(12), name="two", account="account 1") == 1


def test_disabled_endpoints_are_counted_without_those_out_of_service() -> None:
    """Nobody has to do anything about a deleted trunk."""
    entries = [
        trunk(11, name="a", callback_disabled_at=CREATED), trunk(12, name="b"),
        trunk(13, name="c", callback_disabled_at=CREATED, deleted_at=CREATED),
    ]  # fmt: skip
    DirectoryFigures(directory_of(account(1), *entries)).update()
    assert told("callback_disabled_endpoints") == 1


def test_a_large_directory_has_a_bounded_number_of_series() -> None:
    """As many as trunks can have series of their own."""
    many = [trunk(1000 + number, name=f"trunk {number}") for number in range(MOST_TRUNKS + 50)]
    DirectoryFigures(directory_of(account(1), *many)).update()
    shown = [it for family in REGISTRY.collect() for it in family.samples if it.name == "smsout_trunk_info"]
    assert len(shown) == MOST_TRUNKS


def test_how_much_of_a_day_is_used_up_is_told_of_limits_alone() -> None:
    """By name, for today (UTC); what is out of service, or has no limit any more, has no series."""
    counts, day = DayCounts(), CREATED.date()
    for number, segments in ((11, 80), (12, 30)):
        used = DayUsed(day=day, segments=segments, spend={"USD": Decimal(segments)})
        place = Place(offset=number, message=0)
        counts.learn(0, DayCount(trunk_id=uuid(number), account_id=uuid(1), counted_to=place, at_ms=1, used=(used,)))
    limited = trunk(11, segments_per_day=100, spend_per_day=Decimal(160), spend_currency="USD")
    entries: list[DirectoryEntry] = [
        account(1, segments_per_day=1000), limited, trunk(12), trunk(13, segments_per_day=5, deleted_at=CREATED)
    ]  # fmt: skip
    DayFigures(directory_of(*entries), counts, lambda: CREATED).update()
    shown = {
        tuple(it.labels.values()): it.value
        for family in REGISTRY.collect()
        for it in family.samples
        if it.name == "smsout_day_limit_used_ratio"
    }
    assert shown == {
        ("trunk", uuid(11), "trunk 11", "segments"): 0.8,
        ("trunk", uuid(11), "trunk 11", "spend"): 0.5,
        ("account", uuid(1), "account 1", "segments"): 0.11,
    }
    labels = {"whose": "trunk", "id": uuid(11), "name": "trunk 11", "limit": "segments"}
    DayFigures(directory_of(*entries), counts, lambda: CREATED + timedelta(days=1)).update()
    assert told("day_limit_used_ratio", **labels) == 0
    DayFigures(directory_of(account(1), trunk(11)), counts).update()
    assert told("day_limit_used_ratio", **labels) is None


def test_of_many_limits_those_that_are_used_up_most_are_told() -> None:
    """As many as trunks can have series of their own."""
    counts, many = DayCounts(), range(1000, 1000 + MOST_TRUNKS + 50)
    for number in many:
        used = DayUsed(day=CREATED.date(), segments=number)
        place = Place(offset=number, message=0)
        counts.learn(0, DayCount(trunk_id=uuid(number), account_id=uuid(1), counted_to=place, at_ms=1, used=(used,)))
    trunks = [trunk(number, segments_per_day=10_000) for number in many]
    DayFigures(directory_of(account(1), *trunks), counts, lambda: CREATED).update()
    family = next(it for it in REGISTRY.collect() if it.name == "smsout_day_limit_used_ratio")
    assert min(it.value for it in family.samples) == 0.105
    assert len(family.samples) == MOST_TRUNKS
