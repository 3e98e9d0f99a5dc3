"""How often something has been lately."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.limits.recent import Keys, Window
from schemas.state.screening import Guard

SPAN = 100
TEXT, OTHER = "0123456789abcdef", "0123456789abcdee"


@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), max_size=60))
def test_it_is_what_counting_all_of_it_says(steps: list[tuple[int, int]]) -> None:
    """At every moment, for each key; and what is too old takes no memory."""
    window, gone, now = Window(), list[tuple[int, int]](), 0
    for key, later in steps:
        now += later
        gone = [it for it in gone if it[1] > now - SPAN]
        assert window.count(key, now, SPAN) == sum(it[0] == key for it in gone)
        assert len(window) == len(gone)
        window.add(key, now)
        gone.append((key, now))


def test_a_clock_that_steps_back_keeps_nobody_waiting_longer_than_the_window() -> None:
    """By less than that it counts on; by more it begins anew, and does not wait until that time is there again."""
    window = Window()
    window.add(1, 1000)
    window.add(1, 950)
    assert window.count(1, 950, SPAN) == 2
    assert window.count(1, 1099, SPAN) == 2
    assert window.count(1, 1100, SPAN) == 0
    window.add(1, 1100)
    assert window.count(1, 900, SPAN) == 0


def test_the_latest_can_be_taken_back() -> None:
    """And nothing else."""
    window = Window()
    window.add(1, 10)
    window.add(2, 11)
    window.take_back(1)
    assert (window.count(1, 12, SPAN), window.count(2, 12, SPAN)) == (1, 1)
    window.take_back(2)
    window.take_back(1)
    assert len(window) == 0


def test_keys_tell_numbers_ranges_and_texts_apart() -> None:
    """A range is all but the last four digits, and numbers of another length are in another."""
    one = Keys.of("15551230001", TEXT)
    assert one.range == Keys.of("15551239999", None).range
    assert one.range != Keys.of("15551240001", None).range
    assert one.range != Keys.of("155512300010", None).range
    assert one.same_text == Keys.of("15551230001", TEXT).same_text
    assert len({one.same_text, Keys.of("15551230001", OTHER).same_text, Keys.of("15551230002", TEXT).same_text}) == 3
    assert [one.under(it) for it in Guard] == [one.number, one.range, one.same_text]
    assert Keys.of("15551230001", None).under(Guard.SAME_TEXT) is None


def test_a_short_code_is_a_range_of_its_own() -> None:
    """Codes next to each other belong to nobody together, and one with a 0 before it is another one."""
    codes = [Keys.of(it, None) for it in ("123", "0123", "124", "12345", "12346")]
    assert len({it.number for it in codes}) == len({it.range for it in codes}) == 5
    assert not {it.number for it in codes} & {Keys.of("15551230001", None).number, Keys.of("15551230001", None).range}
