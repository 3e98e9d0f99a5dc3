"""What a customer or a producer asks for: one text, one sender, 1 to 1000 destinations.

`sms.mt.submitted` is the public topic. Its value is one `Submission` or a JSON array of up to 1000. Unknown
attributes are refused here, unlike elsewhere: an attribute that this version does not know is a wish that it would
silently not grant.
"""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue, TypeAdapter, model_validator

from schemas.address import Msisdn
from schemas.identifiers import MessageId, Uuid, message_id_of_destination
from schemas.labels import ClientReference, Tags
from schemas.record import Record, WireModel
from schemas.unchecked import unchecked

MAX_DESTINATIONS: Final = 1000  # the contract's limit for one bulk request (docs/http-api.md)
MAX_SUBMISSIONS: Final = 1000  # per record of sms.mt.submitted

# Times to calculate with: at the ends of the calendar a time to live or another time zone would not fit.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)

_SINGLE_EXAMPLE: Final[JsonValue] = {
    "schema_version": 1,
    "trunk_id": "0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e",
    "source": "12125551234",
    "content": "Your code is 4711",
    "destinations": [{"address": "13105557890"}],
}
_BULK_EXAMPLE: Final[JsonValue] = {
    "id": "0192f1c4-7d02-7e4f-8a11-5b6c7d8e9f00",
    "trunk_id": "0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e",
    "source": "12125551234",
    "content": "Grüße: the doors open at 19:00 \u2013 see you there",
    "destinations": [
        {"address": "13105557890", "id": "0192f1c4-7d02-7e50-b3c2-8d9eafb0c1d2"},
        {"address": "4915112345678", "id": "0192f1c4-7d02-7e51-9f80-1a2b3c4d5e6f"},
    ],
    "client_reference": "order 4711",
    "tags": ["shop", "doors"],
    "accepted_at": "2026-11-22T19:00:00.250000Z",
}


class Destination(WireModel):
    """One destination of a submission, with the id of its message when the sender of the record chose one."""

    model_config = ConfigDict(extra="forbid")

    address: Annotated[Msisdn, Field(description="The number in international format: 7 to 15 digits, no plus.")]
    id: Annotated[
        Uuid | None,
        Field(description="Id of the message to this destination, for later look-ups; derived when left out."),
    ] = None


UncheckedDestination: Final = unchecked(Destination)


class Submission(Record):
    """A text from one source to 1..1000 destinations, on behalf of one trunk.

    `id` is optional: without it the submission's coordinates in the topic give one. `accepted_at` is optional too:
    without it the record's timestamp counts.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_SINGLE_EXAMPLE, _BULK_EXAMPLE]})

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
            description="The sender: a P2P-enabled DID of the account that the trunk may use, digits without a plus.",
        ),
    ]
    content: Annotated[
        str,
        Field(
            min_length=1,
            max_length=16_384,
            description="The text, any Unicode but U+001B. It is sent as GSM-7 where that can carry it, else as "
            "UCS-2, in as many segments as it needs and the installation allows.",
        ),
    ]
    destinations: Annotated[
        tuple[Destination, ...],
        Field(
            min_length=1,
            max_length=MAX_DESTINATIONS,
            description="Where it goes: one message each. A number listed twice is one message, unless both have "
            "ids of their own.",
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
            "content and destinations, and of reference and tags where there are any.",
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
    def _ids_name_one_destination(self) -> Self:
        """Two numbers under one message id would be one message: the other one would vanish."""
        if len(self.destinations) > 1:
            address_of: dict[str, str] = {}
            for destination in self.destinations:
                if destination.id and address_of.setdefault(destination.id, destination.address) != destination.address:
                    raise ValueError("two destinations have the same id")
        return self

    def message_id(self, destination: Destination, submission_id: str) -> MessageId:
        """Return the id of the message to `destination`.

        Its own when it has one; the submission's when it is the only destination; else one derived from both.
        """
        if destination.id is not None:
            return MessageId(destination.id)
        if len(self.destinations) == 1:
            return MessageId(submission_id)
        return message_id_of_destination(submission_id, destination.address)


UncheckedSubmission: Final = unchecked(Submission)


SUBMISSIONS: Final[TypeAdapter[tuple[Submission, ...]]] = TypeAdapter(
    Annotated[tuple[Submission, ...], Field(min_length=1, max_length=MAX_SUBMISSIONS)]
)
"""Parses a record of `sms.mt.submitted` whose value is an array."""
