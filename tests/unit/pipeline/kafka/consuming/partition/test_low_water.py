"""A journal is read from where uncommitted work may have left something, and not from much earlier."""

from pipeline.kafka.consuming.partition.low_water import LowWater


def test_a_mark_does_not_pass_what_an_earlier_owner_has_begun() -> None:
    """Its entries lie before every mark of ours, until a commit covers the last record that they are about."""
    low_water = LowWater(3, begun_before=6)
    low_water.mark(90, None)  # before anything is handed out, and again after some of it
    assert low_water.for_position(0) == 3
    low_water.mark(100, 4)
    low_water.mark(110, 9)
    assert [low_water.for_position(position) for position in (0, 5, 6, 7, 9, 10)] == [3, 3, 3, 100, 100, 110]
