"""The generated pages of docs/reference."""

from pathlib import Path
from typing import Final

from tests.site import command_line, http, settings, topics

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "reference"


def pages() -> dict[str, str]:
    """Return the text of every page by its name."""
    return {
        "command-line.md": command_line.page(),
        "http.md": http.page(),
        "settings.md": settings.page(),
        "topics.md": topics.page(),
    }
