"""What can be asked of ingress by POST: how each of it is admitted, and how it is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Final

from agents.ingress.previews import KIND
from agents.ingress.protocol.responses import Response, created, created_bulk
from pipeline.steps.admission.attributes import Problem
from pipeline.steps.admission.bulk import admit_many
from pipeline.steps.admission.request import Admitted, Terms, admit
from schemas.messages.labels import named
from schemas.messages.timing import timed
from schemas.unchecked import encode


@dataclass(frozen=True, slots=True)
class Resource:
    """One of the two ways to send, or to ask what would come of it: its type, how it is admitted, how answered."""

    type: str
    admit: Callable[[Mapping[str, object], Terms, datetime], Admitted | list[Problem]]
    bulk: bool = False
    preview: bool = False

    def created(self, submission: Admitted, headers: Mapping[str, str] | None = None) -> Response:
        """Return a 201 for the messages of a submission."""
        messages = submission.messages
        if submission.own is not None:
            reference = submission.client_reference
            echoes = [_echo(submission, it.client_reference or reference) for it in submission.own]
            return created_bulk(messages, headers, echoes, submission.bulk_id)
        echo = _echo(submission, submission.client_reference)
        if self.bulk:
            return created_bulk(messages, headers, repeat(echo), submission.bulk_id)
        return created(messages[0][0], headers, echo)


def _echo(submission: Admitted, reference: str | None) -> bytes:
    """Return what a request says beside what it must, as members of a JSON object; nothing where there is nothing."""
    tags, send_at, validity_period = submission.tags, submission.send_at, submission.validity_period
    if reference is None and tags is None and send_at is None and validity_period is None:
        return b""
    return encode({**named(reference, tags), **timed(send_at, validity_period)})[1:-1]


RESOURCES: Final = {
    "/outbound_messages": Resource("outbound_messages", admit),
    "/bulk_outbound_messages": Resource("bulk_outbound_messages", admit_many, bulk=True),
    f"/{KIND}": Resource(KIND, admit, preview=True),
}
