"""What every entry must be, of whatever kind: something that its readers take."""

from collections.abc import Iterator
from typing import Final

from pydantic import ValidationError

from pipeline.directory.rules.changes import Problem
from pipeline.directory.values import name_problem
from schemas.address import pattern_problem
from schemas.directory.entry import DirectoryEntry
from schemas.topics import MAX_RECORD_BYTES
from schemas.urls import url_problem

MAX_ENTRY_BYTES: Final = MAX_RECORD_BYTES - 4096  # room for the key and the batch around it


def unreadable(key: str, entry: DirectoryEntry) -> Iterator[Problem]:
    """Iterate over what no reader would take: `model_copy` and `model_construct` do not validate."""
    try:
        value = entry.to_bytes()
        type(entry).from_bytes(value)
    except ValidationError as error:
        for part in error.errors(include_url=False):
            yield "/".join([key, *map(str, part["loc"])]), pattern_problem(part)
    except ValueError as error:  # what pydantic raises when it cannot even write it
        yield key, f"cannot be written: {error}"
    else:
        if len(value) > MAX_ENTRY_BYTES:
            yield key, f"takes {len(value)} bytes of at most {MAX_ENTRY_BYTES}: list fewer sources, or allow any DID"


def readable_texts(key: str, entry: DirectoryEntry, besides: set[str]) -> Iterator[Problem]:
    """Iterate over what is wrong with the texts of an entry that has something worse elsewhere.

    So that people are told all at once.
    """
    for attribute, problem_of in (("name", name_problem), ("url", url_problem), ("callback_url", url_problem)):
        value = getattr(entry, attribute, None)
        where = f"{key}/{attribute}"
        if isinstance(value, str) and where not in besides and (problem := problem_of(value)) is not None:
            yield where, problem
