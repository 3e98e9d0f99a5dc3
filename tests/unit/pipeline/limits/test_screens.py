"""What is held of what has gone out, and that it does not grow without end."""

import pytest

from pipeline.limits.counts import Position
from pipeline.limits.guards import Guarded, Stop
from pipeline.limits.recent import Keys
from pipeline.limits.screens import MOST_IN_RECORD, Screens
from schemas.state.screening import Guard, Screening
from tests.builders import uuid

NUMBER = "15551230001"
KEY = 0, uuid(11)
STOP = Stop(Guard.NUMBER, 5, 10)
STOPS = tuple(Stop(it, 5, 10) for it in Guard)


def by(trunk: str = KEY[1], stops: tuple[Stop, ...] = STOPS) -> tuple[Guarded, ...]:
    return (Guarded(trunk, stops),)


ALL = by()


def at(offset: int, message: int = 0) -> Position:
    return Position(offset, message, 1000 + offset)


def written(screens: Screens) -> list[Screening]:
    return [Screening.from_bytes(it.value or b"") for it, _ in screens.take_unwritten()]


def count(screens: Screens, number: str = NUMBER, key: tuple[int, str] = KEY) -> int:
    return screens.recent(key[1]).window(Guard.NUMBER).count(Keys.of(number, None).number, 2000, 100_000)


def test_what_is_written_tells_another_process_all_of_it() -> None:
    """Also when it is read twice, or in pieces that say some of it again."""
    one, other = Screens(), Screens()
    for offset in range(3):
        one.let_out(KEY, at(offset), NUMBER, None, ALL)
    first = written(one)
    one.stop(KEY, at(3), STOP)
    one.pass_over(KEY, at(4))
    one.let_out(KEY, at(5), NUMBER, None, ALL)
    rest = written(one)
    for record in [*first, *first, *rest, *rest]:
        other.learn(0, record, first_offset=0)
    assert count(one) == count(other) == 4
    assert other.decided(0, at(3)) == STOP
    assert [other.decided(0, at(offset)) for offset in (0, 4, 5)] == [None] * 3
    assert other.screened_to(*KEY) == at(5)


def test_what_an_owner_before_this_one_writes_late_is_not_counted_twice() -> None:
    """It has decided some messages that this one decides as well."""
    late, other = Screens(), Screens()
    for offset in range(4):
        late.let_out(KEY, at(offset), NUMBER, None, ALL)
    for offset in range(2):
        other.let_out(KEY, at(offset), NUMBER, None, ALL)
    records = written(other) + written(late)
    for offset in range(2, 6):
        other.let_out(KEY, at(offset), NUMBER, None, ALL)
    records += written(other)
    reader = Screens()
    for record in records:
        reader.learn(0, record, first_offset=0)
    assert count(reader) == 6


def test_only_what_can_come_again_is_kept_of_decisions() -> None:
    """What lies before the first submission that has come does not; who takes over again learns it anew."""
    one, other = Screens(), Screens()
    for offset in range(4):
        one.stop(KEY, at(offset), STOP)
    (record,) = written(one)
    other.learn(0, record, first_offset=2)
    assert [other.decided(0, at(offset)) is not None for offset in range(4)] == [False, False, True, True]
    other.take_over(0)
    assert other.decided(0, at(3)) is None


def test_what_is_taken_back_has_not_been() -> None:
    """Of a trunk that was known, and of one that was not; what is written stays."""
    screens = Screens()
    screens.let_out(KEY, at(0), NUMBER, None, ALL)
    assert screens.has_unwritten
    assert len(written(screens)) == 1
    mark = screens.mark()
    screens.let_out(KEY, at(1), NUMBER, None, ALL)
    screens.stop(KEY, at(2), STOP)
    screens.let_out((0, uuid(12)), at(3), NUMBER, None, by(uuid(12)))
    screens.undo(mark)
    assert (count(screens), len(screens), screens.has_unwritten) == (1, 1, False)
    assert screens.screened_to(*KEY) == at(0)
    assert written(screens) == []


def test_a_topic_that_was_made_anew_counts_from_its_beginning() -> None:
    """Its offsets are low and its times later: what is known of the other one still counts, but decides nothing."""
    one, other = Screens(), Screens()
    one.let_out(KEY, Position(900, 0, 1000), NUMBER, None, ALL)
    old = written(one)
    one.let_out(KEY, Position(0, 0, 1500), NUMBER, None, ALL)
    for record in [*old, *written(one)]:
        other.learn(0, record, first_offset=0)
    assert count(other) == 2
    assert other.screened_to(*KEY) == Position(0, 0, 1500)


@pytest.mark.parametrize("way", ["decided here", "read"])
def test_a_flood_to_a_million_numbers_takes_bounded_memory_and_shortens_its_own_alone(way: str) -> None:
    """The trunk that floods forgets its oldest; what little another one has is still there."""
    screens, other = Screens(most=1000), (0, uuid(12))
    screens.let_out(other, at(0), NUMBER, None, by(other[1]))
    list(screens.take_unwritten())
    for batch in range(100):
        source = screens if way == "decided here" else Screens()
        for index in range(100):
            screens_number = f"1555{batch * 100 + index:07}"
            source.let_out(KEY, at(batch, index), screens_number, None, ALL)
        for record in written(source):
            if source is not screens:
                screens.learn(0, record, first_offset=0)
        assert screens.held <= 1000 + 200 + 2 * 100
    assert count(screens, key=other) == 1
    assert count(screens, "15550009999") == 1
    assert count(screens, "15550000000") == 0
    assert screens.forgotten > 15_000


def test_many_trunks_forget_alike() -> None:
    """Nobody has much: everybody gives."""
    screens = Screens(most=100)
    for turn in range(50):
        for number in range(20):
            screens.let_out((0, uuid(number)), at(turn), NUMBER, None, by(uuid(number), (STOP,)))
        list(screens.take_unwritten())
    held = [count(screens, key=(0, uuid(number))) for number in range(20)]
    assert sum(held) <= 120
    assert max(held) - min(held) <= 3


def test_a_record_holds_no_more_than_its_topic_takes() -> None:
    """What is decided between two writes can be more."""
    screens = Screens()
    for message in range(MOST_IN_RECORD + 1):
        screens.let_out(KEY, at(0, message), NUMBER, "0" * 16, ALL)
    records = list(screens.take_unwritten())
    assert [Screening.from_bytes(it.value or b"").screened_to.message for it, _ in records] == [
        MOST_IN_RECORD - 1, MOST_IN_RECORD,
    ]  # fmt: skip
    assert max(len(it.value or b"") for it, _ in records) < 1_000_000
