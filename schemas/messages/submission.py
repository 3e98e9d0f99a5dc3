"""What a customer or a producer asks for: one sender, 1 to 1000 destinations, one text or one for each of them.

`sms.mt.submitted` is the public topic. Its value is one `Submission` or a JSON array of up to 1000. Unknown
attributes are refused here, unlike elsewhere: an attribute that this version does not know is a wish that it would
silently not grant.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, model_validator

from schemas.identifiers import MessageId, Uuid, message_id_of_destination
from schemas.messages.destination import MAX_CONTENT_LENGTH, Destination, numbered, own_digest
from schemas.messages.examples import BULK, OWN_TEXTS, SINGLE, TEMPLATE
from schemas.messages.labels import ClientReference, Tags
from schemas.messages.timing import MAX_VALIDITY_SECONDS, MIN_VALIDITY_SECONDS
from schemas.record import Record
from schemas.text.smart_encoding import SmartEncoding
from schemas.text.template import template, template_problem, values_problems
from schemas.unchecked import unchecked
from schemas.urls import CallbackUrl

MAX_DESTINATIONS: Final = 1000  # the contract's limit for one bulk request (docs/http-api.md)
MAX_SUBMISSIONS: Final = 1000  # per record of sms.mt.submitted

# Times to calculate with: at the ends of the calendar a time to live or another time zone would not fit.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


class Submission(Record):
    """A text from one source to 1..1000 destinations, or one to each of them, on behalf of one trunk.

    `id` is optional: without it the submission's coordinates in the topic give one. `accepted_at` is optional too:
    without it the record's timestamp counts.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [SINGLE, BULK, TEMPLATE, OWN_TEXTS]},
    )

    schema_version: Literal[1] = 1
    id: Annotated[
        Uuid | None,
        Field(
            description="A UUID that names the submission. Send the same one again and every message keeps its id. "
            "With a single destination it is that message's id. Left out, it is derived from the record's topic, "
            "partition and offset."
        ),
    ] = None
    trunk_id: Annotated[Uuid, Field(description="The trunk on whose behalf the text is sent; also the record's key.")]
    source: Annotated[
        str,
        Field(
            min_length=1,
            max_length=15,
            description="The sender: a P2P-enabled DID of the account that the trunk may use, digits without a plus; "
            "or a name or short code that is registered for the account.",
        ),
    ]
    content: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MAX_CONTENT_LENGTH,
            description="The text, any Unicode but U+001B. It is sent as GSM-7 where that can carry it, else as "
            "UCS-2, in as many segments as it needs and the installation allows. Left out where each destination has "
            "its own.",
        ),
    ] = None
    destinations: Annotated[
        tuple[Destination, ...],
        Field(
            min_length=1,
            max_length=MAX_DESTINATIONS,
            description="Where it goes: one message each. A number listed twice is one message, unless both have "
            "ids, texts, values or references of their own.",
        ),
    ]
    idempotency_key: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=255,
            description="Makes repeating safe: of several submissions of one trunk with the same key within 24 hours "
            "only the first is sent. Another text, sender or destination under the same key is refused.",
        ),
    ] = None
    idempotency_digest: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9a-f]{64}$",
            description="What must be the same for a repetition (SHA-256, hex). Left out, it is taken of source, "
            "content and destinations, and of reference, tags, smart encoding, what destinations have of their own "
            "and callback URL where there are any.",
        ),
    ] = None
    client_reference: Annotated[
        ClientReference | None,
        Field(
            description="What you call it. Statuses, callbacks and the message log have it too; no control characters, "
            "nor others that cannot be seen."
        ),
    ] = None
    tags: Annotated[
        Tags | None, Field(description="What it is counted among: likewise, each once. The log is searched by them.")
    ] = None
    smart_encoding: Annotated[
        SmartEncoding | None,
        Field(description="What may be changed of the text so that it takes fewer segments; else its trunk says."),
    ] = None
    send_at: Annotated[
        AwareDatetime | None,
        Field(
            ge=EARLIEST,
            lt=LATEST,
            description="When it is to be sent (RFC 3339, with an offset), up to 35 days after the broker wrote the "
            "record; what lies before that is sent at once. Until then it can be cancelled.",
        ),
    ] = None
    validity_period: Annotated[
        int | None,
        Field(
            ge=MIN_VALIDITY_SECONDS,
            le=MAX_VALIDITY_SECONDS,
            description="For how many seconds carriers may be tried, from send_at or accepted_at on; then it has "
            "failed. Carriers that take a validity period get what is left of it. Left out, the installation's time to "
            "live counts.",
        ),
    ] = None
    callback_url: Annotated[
        CallbackUrl | None,
        Field(description="Where its callbacks go in place of the trunk's Callback URL, which has the same rules."),
    ] = None
    campaign_id: Annotated[
        Uuid | None,
        Field(description="The campaign that it belongs to: one of the account that covers the source and the trunk."),
    ] = None
    accepted_at: Annotated[
        AwareDatetime | None,
        Field(
            ge=EARLIEST,
            lt=LATEST,
            description="When the customer handed it over (RFC 3339, with an offset); the time to live counts from "
            "here. Left out or later than that, the time at which the broker wrote the record counts.",
        ),
    ] = None

    @model_validator(mode="after")
    def _destinations_fit(self) -> Self:
        """Two messages under one id would be one: the other one would vanish. And each has one text."""
        is_own = self.is_own
        if len(self.destinations) > 1:
            address_of: dict[str, str] = {}
            for it in self.destinations:
                if it.id and (
                    (is_own and it.id in address_of) or address_of.setdefault(it.id, it.address) != it.address
                ):
                    raise ValueError("two destinations have the same id")
        if is_own or self.content is None:
            for place, it in enumerate(self.destinations):
                for problem in self._text_problems(it):
                    raise ValueError(f"destination {place} {problem}")
        return self

    def _text_problems(self, destination: Destination) -> Iterator[str]:
        if (self.content is None) == (destination.content is None):
            yield "has no text" if self.content is None else "has a text, and so has the submission"
        elif destination.values is not None:
            if self.content is None:
                yield "has values, and the submission no text"
            elif problem := template_problem(self.content):
                yield f"has values, and the text {problem}"
            else:
                for problem in values_problems(self.content, destination.values, MAX_CONTENT_LENGTH):
                    yield f"has values: it {problem}"

    @property
    def is_own(self) -> bool:
        """Whether destinations differ in more than their numbers: each is a message of its own then."""
        for it in self.destinations:  # `any` takes twice the time, and nearly all submissions are asked in vain
            if it.content is not None or it.values is not None or it.client_reference is not None:
                return True
        return False

    def text_of(self, destination: Destination) -> str:
        """Return what goes to a destination."""
        if destination.content is not None:
            return destination.content
        content = self.content or ""
        return content if destination.values is None else template(content).fill(destination.values)

    def reference_of(self, destination: Destination) -> str | None:
        """Return what its message is called."""
        return self.client_reference if destination.client_reference is None else destination.client_reference

    def own_digest(self) -> list[object] | None:
        """Return what destinations have of their own, as much of it as decides whether a submission repeats another."""
        return own_digest([(it.content, it.values, it.client_reference) for it in self.destinations])

    def message_id(self, destination: Destination, submission_id: str, name: str | None = None) -> MessageId:
        """Return the id of the message to `destination`.

        Its own when it has one; the submission's when it is the only destination; else one derived from both. `name` is
        what it is derived from where that is not the number (`numbered`).
        """
        if destination.id is not None:
            return MessageId(destination.id)
        if len(self.destinations) == 1:
            return MessageId(submission_id)
        return message_id_of_destination(submission_id, name or destination.address)

    def messages(self, submission_id: str) -> dict[MessageId, Destination]:
        """Return destinations by the ids of their messages.

        A number that is listed twice is one message, unless each has an id of its own or they differ in more.
        """
        if len(self.destinations) == 1 or not self.is_own:
            return {self.message_id(it, submission_id): it for it in self.destinations}
        names = numbered(it.address for it in self.destinations)
        return {self.message_id(it, submission_id, name): it for it, name in zip(self.destinations, names, strict=True)}


UncheckedSubmission: Final = unchecked(Submission)


SUBMISSIONS: Final[TypeAdapter[tuple[Submission, ...]]] = TypeAdapter(
    Annotated[tuple[Submission, ...], Field(min_length=1, max_length=MAX_SUBMISSIONS)]
)
"""Parses a record of `sms.mt.submitted` whose value is an array."""
