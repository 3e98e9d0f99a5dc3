"""How the carrier is asked what it has, and what became of it."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.carriers.profile_form.answers import Rules, Verdict
from pipeline.carriers.profile_form.base import Form, as_texts
from pipeline.carriers.profile_form.requests import BodyForm, RequestForm


class QueryForm(Form):
    """How to ask whether the carrier has a segment: accepted it has, not_sent it has not; else it stays in doubt."""

    method: Literal["GET", "POST"] = "GET"
    urls: Annotated[tuple[str, ...], Field(min_length=1, max_length=8), BeforeValidator(as_texts)]
    headers: dict[str, Any] = Field(default_factory=dict)
    query: dict[str, Any] = Field(default_factory=dict)
    body: BodyForm | None = None
    answers: Rules

    @model_validator(mode="after")
    def _settles_or_not(self) -> Self:
        for rule in self.answers:
            if rule.outcome not in (Verdict.ACCEPTED, Verdict.NOT_SENT, Verdict.IN_DOUBT):
                raise ValueError("an answer to a question is accepted, not_sent or in_doubt")
        return self


class PollForm(RequestForm):
    """How to ask what became of what the carrier has taken: `{carrier_message_id}` is what it calls it.

    A 2xx is read as a pushed report is; one that says nothing final, and any other answer, is asked for again. The
    first question comes `every_seconds` after the POST, each other one after as long as all before it, an hour at most.
    """

    every_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    method: Literal["GET", "POST"] = "GET"
