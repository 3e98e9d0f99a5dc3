"""What a customer calls a message: a reference of its own, and tags. Both come back wherever the message is told of.

The rules are the same at each way in, and are asked where the model of a submission is not: by admission, which says of
every problem where it is, and by the message log, which reads without models.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from schemas.address import unseen

MAX_REFERENCE_LENGTH: Final = 100
MAX_TAGS: Final = 10
MAX_TAG_LENGTH: Final = 50


def reference_problem(reference: object) -> str | None:
    """Return what is wrong with a reference, or None."""
    return _problem(reference, MAX_REFERENCE_LENGTH)


def tags_problems(tags: object) -> Iterator[tuple[int | None, str]]:
    """Yield what is wrong with tags: the place of the tag, None for all of them, and the problem in words."""
    if not isinstance(tags, Sequence) or isinstance(tags, str):
        yield None, "must be an array of strings"
    elif len(tags) > MAX_TAGS:
        yield None, f"must be {MAX_TAGS} at most, not {len(tags)}"
    else:
        for place, tag in enumerate(tags):
            if problem := _problem(tag, MAX_TAG_LENGTH) or ("is there twice" if tag in tags[:place] else None):
                yield place, problem


def are_labels(reference: str | None, tags: Sequence[str] | None) -> bool:
    """Tell whether a submission may have these."""
    return (reference is None or reference_problem(reference) is None) and (
        tags is None or next(tags_problems(tags), None) is None
    )


def named(reference: str | None, tags: Sequence[str] | None) -> dict[str, Any]:
    """Return what a message is called as members of its attributes in JSON: those that there are."""
    members = {} if reference is None else {"client_reference": reference}
    return {**members, "tags": list(tags)} if tags else members


def _problem(text: object, max_length: int) -> str | None:
    if not isinstance(text, str):
        return "must be a string"
    if not text:
        return "must not be empty"
    if len(text) > max_length:
        return f"must not be longer than {max_length} characters"
    if text.isascii() and text.isprintable() and text == text.strip():
        return None
    if (odd := unseen(text)) is None:
        return None
    return f"must not hold control or invisible characters, nor begin or end with a space; {odd}"


def _seen(text: str) -> str:
    if (odd := unseen(text)) is not None:
        raise ValueError(odd)
    return text


def _unrepeated(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(tags)) < len(tags):
        raise ValueError("a tag is there twice")
    return tags


ClientReference = Annotated[str, Field(min_length=1, max_length=MAX_REFERENCE_LENGTH), AfterValidator(_seen)]
"""Any text without characters that cannot be seen."""

Tag = Annotated[str, Field(min_length=1, max_length=MAX_TAG_LENGTH), AfterValidator(_seen)]
Tags = Annotated[
    tuple[Tag, ...],
    Field(max_length=MAX_TAGS, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_unrepeated),
]
"""Some of those, each once."""
