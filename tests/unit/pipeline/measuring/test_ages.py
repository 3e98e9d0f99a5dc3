"""When an offset was written, from samples."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.measuring.ages import MOST, STEP_MS, Ages


def noted(times: list[int]) -> Ages:
    """Return ages that have seen offsets 0, 1, ... written at `times`, as a consumer shows them."""
    ages = Ages()
    for offset, time_ms in enumerate(times):
        if not -STEP_MS < time_ms - ages.last_ms < STEP_MS:
            ages.note(offset, time_ms)
    return ages


@given(gaps=st.lists(st.integers(0, 5000), min_size=1, max_size=300), data=st.data())
def test_it_is_as_exact_as_a_step(gaps: list[int], data: st.DataObject) -> None:
    """For every offset, in the order in which they are finished."""
    times = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    ages = noted(times)
    asked = sorted(data.draw(st.sets(st.integers(0, len(gaps) - 1))))
    assert all(abs((ages.of(offset) or 0) - times[offset]) < STEP_MS for offset in asked)


def test_it_stays_bounded_and_keeps_the_oldest() -> None:
    """A day with one record unfinished."""
    ages = noted([second * STEP_MS for second in range(86_400)])
    assert len(ages._offsets) <= MOST + 1
    assert ages.of(0) == 0
    assert abs((ages.of(80_000) or 0) - 80_000_000) < 86_400_000 / 200


def test_what_was_never_seen_has_no_age() -> None:
    """Nothing yet, or an offset from before."""
    assert Ages().of(5) is None
    ages = Ages()
    ages.note(10, 1000)
    assert ages.of(5) is None
