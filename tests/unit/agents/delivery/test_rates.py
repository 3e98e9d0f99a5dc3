"""Limits by directory and partitions."""

from agents.delivery.rates import Rates
from pipeline.carriers.profile_form.limits import LimitsForm
from pipeline.posting.peers.limit import Limit
from schemas.directory.entry import key_of
from tests.builders import account, carrier, directory_of, trunk, uuid
from tests.fakes.clock import Clock


def test_a_process_has_the_part_of_its_partitions() -> None:
    """Of carriers and trunks alike; with none of the partitions half of what one stands for."""
    limited = carrier(segments_per_second=60, burst=24)
    rates = Rates(directory_of(limited, trunk(11, segments_per_second=120), trunk(12)), Clock())
    rates.own(6, 12)
    assert rates.follow()
    found = rates.of_carrier(limited)
    assert found is not None
    assert found.per_second == 30
    by_trunk = rates.of_trunk(uuid(11))
    assert isinstance(by_trunk, Limit)
    assert by_trunk.per_second == 60
    assert rates.of_trunk(uuid(12)) is None
    for partitions, expected in ((12, 60), (3, 15), (0, 60 / 24)):
        rates.own(partitions, 12)
        assert found.per_second == expected


def test_the_lower_one_of_a_carriers_and_its_profiles_limit_counts() -> None:
    """The carrier's own burst goes before the profile's."""
    rates = Rates(directory_of(), Clock())
    rates.own(1, 1)
    for own, profile, expected in ((None, 0.5, 0.5), (10, 0.5, 0.5), (10, 30.0, 10), (None, None, None)):
        found = rates.of_carrier(carrier(segments_per_second=own), LimitsForm(segments_per_second=profile))
        assert (found and found.per_second) == expected


def test_it_follows_the_directory() -> None:
    """A trunk's limit comes, changes and goes; nothing is looked through while nothing changes."""
    directory = directory_of(trunk(11, segments_per_second=10))
    rates = Rates(directory, Clock())
    rates.own(1, 1)
    assert rates.follow()
    assert not rates.follow()
    limit = rates.of_trunk(uuid(11))
    assert isinstance(limit, Limit)
    for number, value in enumerate((trunk(11, segments_per_second=20), trunk(11)), 5):
        directory.apply(key_of(value), value.to_bytes(), number)
        assert rates.follow()
        left = rates.of_trunk(uuid(11))
        assert (left is limit) if number == 5 else left is None
    assert limit.per_second == 20
    assert rates.of_carrier(carrier()) is None


def test_the_trunks_of_an_account_share_its_limit() -> None:
    """Beside those of each: a segment takes of both, and what the account has not goes to nobody."""
    clock = Clock()
    entries = account(segments_per_second=10), trunk(11, segments_per_second=100), trunk(12)
    rates = Rates(directory_of(*entries), clock)
    rates.own(1, 1)
    assert rates.follow()
    both, only = rates.of_trunk(uuid(11)), rates.of_trunk(uuid(12))
    assert both is not None
    assert isinstance(only, Limit)
    assert only.per_second == 10
    clock.now += 60
    assert both.is_free
    both.take()
    assert (both.is_free, only.is_free) == (False, False)
    both.give_back()
    assert (both.is_free, only.is_free) == (True, True)
