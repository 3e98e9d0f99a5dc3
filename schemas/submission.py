"""What a customer or a producer asks for: one text, one sender, 1 to 1000 destinations.

`sms.mt.submitted` is the public topic. Its value is one `Submission` or a JSON array of up to 1000. Unknown
attributes are refused here, unlike elsewhere: an attribute that this version does not know is a wish that it would
silently not grant.
"""

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter

from schemas.address import Msisdn
from schemas.identifiers import MessageId, Uuid, message_id_of_destination
from schemas.wire import Record, WireModel

MAX_DESTINATIONS: Final = 1000  # the contract's limit for one bulk request (docs/http-api.md)
MAX_SUBMISSIONS: Final = 1000  # per record of sms.mt.submitted


class Destination(WireModel):
    """One destination of a submission, with the id of its message when the sender of the record chose one."""

    model_config = ConfigDict(extra="forbid")

    address: Msisdn
    id: Uuid | None = None


class Submission(Record):
    """A text from one source to 1..1000 destinations, on behalf of one trunk.

    `id` is optional: without it the submission's coordinates in the topic give one. `accepted_at` is optional too:
    without it the record's timestamp counts.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    id: Uuid | None = None
    trunk_id: Uuid
    source: Annotated[str, Field(min_length=1, max_length=15)]
    content: Annotated[str, Field(min_length=1, max_length=16_384)]
    destinations: Annotated[tuple[Destination, ...], Field(min_length=1, max_length=MAX_DESTINATIONS)]
    accepted_at: AwareDatetime | None = None

    def message_id(self, destination: Destination, submission_id: str) -> MessageId:
        """Return the id of the message to `destination`.

        Its own when it has one; the submission's when it is the only destination; else one derived from both.
        """
        if destination.id is not None:
            return MessageId(destination.id)
        if len(self.destinations) == 1:
            return MessageId(submission_id)
        return message_id_of_destination(submission_id, destination.address)


SUBMISSIONS: Final[TypeAdapter[tuple[Submission, ...]]] = TypeAdapter(
    Annotated[tuple[Submission, ...], Field(min_length=1, max_length=MAX_SUBMISSIONS)]
)
"""Parses a record of `sms.mt.submitted` whose value is an array."""
