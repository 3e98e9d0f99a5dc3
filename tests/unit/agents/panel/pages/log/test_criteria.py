"""What the form above the log asks for: numbers as people write them, and names of senders."""

from datetime import UTC, datetime

import pytest

from agents.panel.pages.log.criteria import read_criteria

NOW = datetime(2026, 11, 22, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("", ()),
        ("+1 (212)555-1234", ("1", "2125551234")),
        ("12125551234; 12125551235 12125551235", ("12125551234", "12125551235")),
        ("My Shop-24", ("My Shop-24",)),
        (" A.B & Co , 12345,+1(212)555-1234", ("A.B & Co", "12345", "12125551234")),
    ],
)
def test_sources_are_numbers_or_names(text: str, sources: tuple[str, ...]) -> None:
    """Blanks separate numbers, which lose their ornaments; a name has both inside, and a comma ends it."""
    assert read_criteria({"source": text}, NOW).search.sources == sources
    containing = read_criteria({"source": text, "source_is": "contains"}, NOW).search
    assert (containing.sources, containing.sources_containing) == ((), sources)
