"""Where things lie in a picture."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.panel.pages.log.chart import HEIGHT, LEAST, MAX_LABELS, MAX_LINES, stacked

KINDS = (("good", "sent"), ("bad", "not sent"))
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
counts_over_time = st.lists(st.tuples(*[st.integers(0, 10**7)] * 2), max_size=70)


@given(counts=counts_over_time, minutes=st.sampled_from([1, 30, 240, 1440]))
def test_nothing_lies_outside_and_heights_follow_counts(counts: list[tuple[int, int]], minutes: int) -> None:
    """Bars stand beside each other, parts on each other; the highest reaches into the upper half."""
    width = timedelta(minutes=minutes)
    chart = stacked([NOON + n * width for n in range(len(counts))], width, counts, KINDS)
    assert [bar.x for bar in chart.bars] == sorted(bar.x for bar in chart.bars)
    assert all(bar.x >= 0 and bar.x + bar.width <= 100.01 for bar in chart.bars)
    for bar, row in zip(chart.bars, counts, strict=True):
        assert [part.kind for part in bar.parts] == [kind for (kind, _), n in zip(KINDS, row, strict=True) if n]
        below = HEIGHT
        for part in bar.parts:
            assert part.height >= LEAST
            assert part.y + part.height == pytest.approx(below, abs=0.02)
            below = part.y
        assert below >= -len(KINDS) * LEAST  # what is too small to see is drawn higher than it is
    most = max(map(sum, counts), default=0)
    if most:
        assert min(part.y for bar in chart.bars for part in bar.parts) <= HEIGHT / 2
    assert any(bar.parts for bar in chart.bars) is (most > 0)
    assert 1 < len(chart.lines) <= MAX_LINES + 1
    assert chart.lines[0].label == "0"
    assert len(chart.labels) <= MAX_LABELS + 1
    assert all(0 <= label.x <= 100 for label in chart.labels)


def test_a_bar_says_its_time_and_counts() -> None:
    """For those who point at it."""
    chart = stacked([NOON, NOON + timedelta(minutes=30)], timedelta(minutes=30), [(1200, 3), (0, 0)], KINDS)
    assert [bar.words for bar in chart.bars] == [
        "2026-11-29 12:00 to 12:30: 1,200 sent, 3 not sent",
        "2026-11-29 12:30 to 13:00: none",
    ]


@pytest.mark.parametrize(
    ("most", "labels"), [(1, "0 1"), (7, "0 2 4 6 8"), (90, "0 50 100"), (1_300, "0 500 1,000 1,500")]
)
def test_lines_are_round_numbers(most: int, labels: str) -> None:
    """At most four above the ground."""
    chart = stacked([NOON], timedelta(days=1), [(most, 0)], KINDS)
    assert " ".join(line.label for line in chart.lines) == labels
