"""How often something has been lately."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.limits.recent import Keys, Window
from schemas.state.screening import Guard

SPAN = 100
TEXT, OTHER = "0123456789abcdef", "0123456789abcdee"


@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(-150, 150)), max_size=60))
def test_it_is_what_counting_all_of_it_says(steps: list[tuple[int, int]]) -> None:
    """At every moment, for each key, whichever way time goes; and what is too far away takes no memory."""
    window, gone, now = Window(), list[tuple[int, int]](), 1000
    for key, later in steps:
        now += later
        while gone and abs(gone[0][1] - now) >= 2 * SPAN:
            gone.pop(0)
        assert window.count(key, now, SPAN) == sum(it[0] == key and abs(it[1] - now) < SPAN for it in gone)
        assert len(window) == len(gone)
        window.add(key, now)
        gone.append((key, now))


@given(steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 199)), max_size=60), most=st.integers(1, 3))
def test_no_span_has_more_than_may_be_in_it_in_whichever_order_messages_come(
    steps: list[tuple[int, int]], most: int
) -> None:
    """As long as partitions are less than a window apart."""
    window, sent = Window(), list[tuple[int, int]]()
    for key, at_ms in steps:
        if window.count(key, at_ms, SPAN) < most:
            window.add(key, at_ms)
            sent.append((key, at_ms))
    for key, last in sent:
        assert sum(it[0] == key and last - SPAN < it[1] <= last for it in sent) <= most


def test_a_clock_that_is_put_back_stops_nobody_for_longer() -> None:
    """What lies a window ahead does not count, and what lies two ahead is forgotten."""
    window = Window()
    window.add(1, 1000)
    assert window.count(1, 901, SPAN) == 1
    assert window.count(1, 900, SPAN) == 0
    assert len(window) == 1
    assert window.count(1, 800, SPAN) == 0
    assert len(window) == 0


def test_what_was_added_can_be_taken_back_also_when_more_has_come() -> None:
    """Once, and nothing else."""
    window = Window()
    for key, at_ms in ((1, 10), (2, 11), (1, 12), (1, 10)):
        window.add(key, at_ms)
    window.take_back(1, 10)
    window.take_back(2, 12)
    assert (window.count(1, 12, SPAN), window.count(2, 12, SPAN)) == (2, 1)
    window.take_back(1, 10)
    window.take_back(1, 10)
    assert (window.count(1, 12, SPAN), len(window)) == (1, 2)


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
