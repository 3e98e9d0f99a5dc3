"""How an answer is read: where something is found in it, and what it means."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.carriers.outcome import ErrorClass
from pipeline.carriers.profile_form.base import Form, as_list, as_texts


class SourceForm(Form):
    """Where a value is found: one of `json`, `xpath`, `field`, `text`. `pattern` takes a part of it."""

    json_: Annotated[str | None, Field(alias="json")] = None
    xpath: str | None = None
    field: str | None = None
    text: str | None = None
    pattern: str | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set & {"json_", "xpath", "field", "text"}) != 1:
            raise ValueError("is one of json (a pointer), xpath, field, text (a pattern)")
        return self


class ConditionForm(SourceForm):
    """What must be true of a value: all that are found, or `any` of them, `equals` one of these, or `matches`.

    With neither it has to be there, with `absent` it must not.
    """

    equals: Annotated[tuple[str, ...], BeforeValidator(as_texts)] | None = None
    matches: str | None = None
    any: bool = False
    absent: bool = False


Conditions = Annotated[tuple[ConditionForm, ...], BeforeValidator(as_list), Field(max_length=10)]


class Verdict(StrEnum):
    """What an answer says."""

    ACCEPTED = "accepted"
    PERMANENT = ErrorClass.PERMANENT.value
    OPERATOR = ErrorClass.OPERATOR.value
    THROTTLED = ErrorClass.THROTTLED.value
    NOT_SENT = ErrorClass.NOT_SENT.value
    IN_DOUBT = ErrorClass.IN_DOUBT.value


Statuses = Annotated[
    tuple[Annotated[str, Field(pattern=r"^([1-5]xx|[1-5][0-9]{2}|any)$")], ...],
    BeforeValidator(as_texts),
    Field(min_length=1, max_length=50),
]


class RuleForm(Form):
    """One row of the table of answers: the first that fits decides.

    `in_progress`: the carrier is still at work on an earlier POST of the same segment; the row counts only where the
    carrier's policy is to send again with the key. `error` finds a code for people to read; `says` are words for them.
    """

    status: Statuses
    body: Conditions = ()
    outcome: Verdict
    message_id: SourceForm | None = None
    error: SourceForm | None = None
    says: Annotated[str, Field(max_length=100)] | None = None
    in_progress: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.message_id is not None and self.outcome is not Verdict.ACCEPTED:
            raise ValueError("message_id belongs to the outcome accepted")
        if self.in_progress and self.outcome is not Verdict.IN_DOUBT:
            raise ValueError("in_progress belongs to the outcome in_doubt")
        return self


Rules = Annotated[tuple[RuleForm, ...], Field(min_length=1, max_length=100)]
