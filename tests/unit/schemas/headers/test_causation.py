"""Repetitions are told by where they come from, and nothing else is taken for one."""

import pytest

from schemas.headers.causation import METADATA_LIMIT, Causation, causation_of, from_metadata, to_metadata


@pytest.mark.parametrize(
    ("causation", "seen", "repeated"),
    [
        (Causation(1, 10, 0, 500), None, False),
        (Causation(1, 10, 0, 500), Causation(1, 10, 0, 500), True),
        (Causation(1, 10, 1, 500), Causation(1, 10, 0, 500), False),
        (Causation(1, 10, 1, 500), Causation(1, 11, 0, 501), True),
        (Causation(1, 11, 0, 501), Causation(1, 10, 7, 500), False),
        # The topic was made anew: it counts from 0, later.
        (Causation(1, 0, 0, 900), Causation(1, 10, 0, 500), False),
    ],
)
def test_only_what_is_not_beyond_the_highest_one_is_a_repetition(
    causation: Causation, seen: Causation | None, repeated: bool
) -> None:
    """Offset and place within the record decide, and a later time says that counting began anew."""
    assert causation.repeats(seen) is repeated


def test_headers_and_metadata_survive_anything() -> None:
    """What cannot be read is not known; more than fits is cut to the latest."""
    causation = Causation(3, 7, 1, 99)
    assert causation_of([("other", b"x"), causation.header()]) == causation
    for value in (b"", b"1:2:3", b"a:b:c:d", b"\xff", b"1:2:3:4:5"):
        assert causation_of([("origin", value)]) is None
    many = {n: Causation(n, 10**12, 999, 10**12 + n) for n in range(1000)}
    text = to_metadata(many)
    assert len(text) <= METADATA_LIMIT
    kept = from_metadata(text)
    assert kept
    assert all(many[n] == it for n, it in kept.items())
    assert max(kept) == 999
