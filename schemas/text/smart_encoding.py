"""Smart encoding: what may be changed of a text so that it takes fewer segments, and what was."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from schemas.record import WireModel
from schemas.unchecked import unchecked

MAX_CHANGES: Final = 50
"""Different changes that are told of one text."""


class SmartEncoding(StrEnum):
    """How far it goes."""

    OFF = "off"
    REPLACE = "replace"  # look-alikes, and national tables where the carrier takes them
    TRANSLITERATE = "transliterate"  # and letters that others stand in for, where that saves segments


class ChangeStep(StrEnum):
    """What a change was for."""

    COMPOSED = "composed"  # a letter and its marks, as one character: no reader sees a difference
    REPLACED = "replaced"
    TRANSLITERATED = "transliterated"


class TextChange(WireModel):
    """Something that was written otherwise wherever it stood, `count` times."""

    step: ChangeStep
    before: str
    after: str
    count: Annotated[int, Field(ge=1)]


TextChanges = Annotated[tuple[TextChange, ...], Field(min_length=1, max_length=MAX_CHANGES)]
"""In the order of the steps, and of each step as they come in the text."""

UncheckedTextChange: Final = unchecked(TextChange)


def unchecked_changes(changes: Sequence[TextChange] | None) -> Any:
    """Return changes as records that are written without checks have them."""
    return None if not changes else tuple([UncheckedTextChange(**dict(it)) for it in changes])


def changed(changes: Sequence[TextChange] | None, national_language: str | None) -> dict[str, Any]:
    """Return what has become of a text as members of its message's attributes in JSON: those that there are."""
    members: dict[str, Any] = {}
    if changes:
        members["text_changes"] = [dict(it) for it in changes]
    return members if national_language is None else {**members, "national_language": national_language}
