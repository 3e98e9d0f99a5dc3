"""How what a carrier reports of messages is read."""

from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.carriers.profile_form.answers import Conditions, SourceForm
from pipeline.carriers.profile_form.base import Form, as_list
from pipeline.carriers.profile_form.questions import PollForm
from schemas.messages.dlr import RECEIPT_STATES


class TimeForm(SourceForm):
    """Where a time is found, and how it is written: RFC 3339, seconds or milliseconds since 1970, or strptime's form.

    One without a zone is UTC.
    """

    written: Annotated[str, Field(max_length=64)] = "rfc3339"


class AnswerForm(Form):
    """What the carrier wants to hear when it has reported; without one it hears how many reports were stored."""

    body: Annotated[str, Field(max_length=1000)]


Sources = Annotated[tuple[SourceForm, ...], BeforeValidator(as_list), Field(min_length=1, max_length=5)]


def _known_state(word: str) -> str:
    if word not in RECEIPT_STATES:
        raise ValueError(f"is no state: {', '.join(RECEIPT_STATES)}")
    return word


State = Annotated[str, AfterValidator(_known_state)]
"""One of SMPP's words."""


class ReceiptsForm(Form):
    """How what the carrier reports is read. Of several sources the first that is found counts; of states, is known.

    `each` leads to a list of reports (a JSON pointer, or an XPath); what does not pass `only` is no report. `states`
    are the carrier's words, in upper or lower case alike; SMPP's own need not be listed. `errors` are codes that say
    more than the word does. `other` is for words that are not listed; without it they are refused.
    With `poll` the carrier is asked, and a report without an id is about what was asked for.
    """

    poll: PollForm | None = None
    each: SourceForm | None = None
    only: Conditions = ()
    id: Sources | None = None
    state: Sources
    states: Annotated[dict[str, State], Field(max_length=200)] = Field(default_factory=dict)
    other: State | None = None
    error: Sources | None = None
    errors: Annotated[dict[str, State], Field(max_length=500)] = Field(default_factory=dict)
    done_at: TimeForm | None = None
    answer: AnswerForm | None = None

    @model_validator(mode="after")
    def _is_about_something(self) -> Self:
        if self.id is None and (self.poll is None or self.each is not None):
            raise ValueError("id is missing: only the answer to a question about one message needs none")
        return self
