"""What differs from carrier to carrier, and is filled in for each."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from pipeline.carriers.profile_form.base import Form, Slug, Words


class ParameterKind(StrEnum):
    """What a parameter may hold."""

    TEXT = "text"
    NUMBER = "number"
    URL = "url"
    CHOICE = "choice"


class ParameterForm(Form):
    """Something that differs from carrier to carrier. Without `default`, and unless it is `optional`, it is needed."""

    about: Words
    kind: ParameterKind = ParameterKind.TEXT
    choices: Annotated[tuple[Slug, ...], Field(max_length=50)] = ()
    default: Annotated[str, Field(max_length=8192)] | None = None
    optional: bool = False
    multiline: bool = False
    """It has several lines, as a certificate does: forms give it room."""

    @model_validator(mode="after")
    def _choices_belong_to_a_choice(self) -> Self:
        if (self.kind is ParameterKind.CHOICE) != bool(self.choices):
            raise ValueError("choices belong to a parameter of kind choice, and to no other")
        if self.default is not None and self.choices and self.default not in self.choices:
            raise ValueError("the default is none of the choices")
        return self

    @property
    def needed(self) -> bool:
        """Whether a carrier without it cannot work."""
        return self.default is None and not self.optional


class SecretForm(Form):
    """A parameter that nobody may read: it is kept sealed."""

    about: Words
    optional: bool = False
    multiline: bool = False
