"""A message, or a bulk, that is not to be sent after all: what its id in the path names, and the wish on its topic.

Nobody here knows whether it is still in time, nor whether there is such a message at all. Whoever has it does, and says
in its status what came first.
"""

from datetime import UTC, datetime
from typing import NamedTuple, Self

from agents.ingress.protocol.responses import Response
from agents.ingress.writing import RecordWriter
from schemas.identifiers import is_uuid
from schemas.messages.cancel_request import UncheckedCancelRequest
from schemas.record import OutRecord
from schemas.topics import CANCEL_REQUESTED
from schemas.unchecked import encode


class Named(NamedTuple):
    """A message by its id, or a bulk by its own."""

    id: str
    is_bulk: bool

    @classmethod
    def of(cls, path: str) -> Self | None:
        """Return what a path names; None for one that names neither."""
        match path.split("/"):
            case ["", "outbound_messages" | "bulk_outbound_messages" as kind, identity] if is_uuid(identity):
                return cls(identity, kind == "bulk_outbound_messages")
        return None

    def accepted(self) -> Response:
        """Return the answer: that somebody will see to it."""
        kind = b"bulk_outbound_messages" if self.is_bulk else b"outbound_messages"
        return Response(202, b'{"data":{"id":"%b","type":"%b"}}' % (self.id.encode(), kind))


class Canceller:
    """Writes wishes."""

    def __init__(self, writer: RecordWriter) -> None:
        self._writer = writer

    async def cancel(self, trunk_id: str, named: Named) -> None:
        """Return when the broker has the wish.

        Raises `BrokerUnreachable`, and `NotAcknowledged` when it may or may not be written.
        """
        wish = UncheckedCancelRequest(
            trunk_id=trunk_id, id=named.id, bulk=named.is_bulk or None, requested_at=datetime.now(UTC)
        )
        await self._writer.write([OutRecord(CANCEL_REQUESTED, trunk_id.encode(), encode(wish))])
