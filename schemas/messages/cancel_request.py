"""A customer's wish that a message, or all of a bulk, be not sent: granted as long as no carrier has any of it."""

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue

from schemas.identifiers import Uuid
from schemas.record import Record
from schemas.unchecked import unchecked

_EXAMPLE: Final[JsonValue] = {
    "schema_version": 1,
    "trunk_id": "0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e",
    "id": "0192f1c4-7d02-7e50-b3c2-8d9eafb0c1d2",
    "requested_at": "2026-11-22T19:00:00.250000Z",
}


class CancelRequest(Record):
    """What is to be cancelled. Only what the same trunk sends is meant, whoever else may use the same id.

    Unknown attributes are refused, as in a submission: half a wish is another one.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    schema_version: Literal[1] = 1
    trunk_id: Annotated[Uuid, Field(description="The trunk whose message it is; also the record's key.")]
    id: Annotated[Uuid, Field(description="The message's id; with `bulk` the submission's.")]
    bulk: Annotated[
        bool | None, Field(description="Whether all messages of the submission with this id are meant.")
    ] = None
    requested_at: Annotated[AwareDatetime, Field(description="When the customer asked for it (RFC 3339).")]


UncheckedCancelRequest: Final = unchecked(CancelRequest)
