"""What forms of a profile have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Words = Annotated[str, Field(min_length=1, max_length=2000)]


def as_list(value: object) -> object:
    """Return a list of what may be written alone: a text or a mapping."""
    return [value] if isinstance(value, str | dict) else value


def as_texts(value: object) -> object:
    """Return a list of texts, of which one may be written alone."""
    return [value] if isinstance(value, str) else value


class Form(BaseModel):
    """Base: what it does not know it refuses, without saying what it was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)
