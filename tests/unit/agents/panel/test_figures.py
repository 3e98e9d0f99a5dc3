"""What only the panel tells the metrics."""

from prometheus_client import REGISTRY

from agents.panel.figures import DirectoryFigures
from pipeline.metrics import MOST_TRUNKS
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
