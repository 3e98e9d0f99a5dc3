"""One record of `sms.mt.submitted` to every record that it causes: messages, refusals, dead letters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import repeat
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.dead_letters.letter import INTERNAL_ERROR, announce, dead_letter, place_of
from pipeline.directory.model import Directory
from pipeline.errors import Refused
from pipeline.idempotency.keys import Verdict
from pipeline.limits.check import check_of
from pipeline.limits.counts import DayCounts, Position
from pipeline.limits.screens import Screens
from pipeline.metrics import FAILURES, MESSAGES
from pipeline.settings import MessageSettings
from pipeline.steps.admission.acceptance import accept, recorded_at
from pipeline.steps.admission.submitted_record import STAGE, UnreadableSubmission, read_submitted, source_of
from pipeline.steps.prepared_text import AlphabetsOf, takes_none
from pipeline.steps.processing import Common, Routed, process
from pipeline.tracing.spans import MESSAGE_ID, OUTCOME, UNTRACED, Span, Tracing, handed_on
from schemas.headers.causation import Causation
from schemas.headers.trace import TraceContext, Traces
from schemas.messages.status import CodeId, MessageStatus
from schemas.messages.submission import Submission
from schemas.record import Header, InRecord, OutRecord
from schemas.topics import SCHEDULED, SEGMENTED, STATUS

CONFLICT: Final = "idempotency-conflict"
UNKNOWN: Final = "idempotency-unknown"
announce(STAGE, CONFLICT, INTERNAL_ERROR, UNKNOWN)

_routed = MESSAGES.labels("processor", "routed")
_scheduled = MESSAGES.labels("processor", "scheduled")
_refused = MESSAGES.labels("processor", "refused")
_failures = {code: FAILURES.labels("processor", code.name.lower()) for code in CodeId}


class _Refusal(msgspec.Struct):
    """What is counted of a status."""

    code_id: int | None = None


_read_refusal: Final = msgspec.json.Decoder(_Refusal).decode


class Consequences(NamedTuple):
    """What parts of a record cause; `messages` are numbered for them, whether they are sent or not.

    `are_refused` says that a status is among the outputs: it may be that the directory is behind. `spans` end when the
    outputs are written.
    """

    outputs: list[OutRecord]
    messages: int
    are_refused: bool = False
    spans: tuple[Span, ...] = ()


Part = tuple[int, Submission | UnreadableSubmission]
"""A submission of a record, or what cannot be read as one, and its place in the array."""


def parts_of(record: InRecord) -> list[Part]:
    """Return the parts of a record in their order."""
    return list(enumerate(read_submitted(record.value)))


def in_pieces(parts: Sequence[Part], messages: int) -> Iterator[Sequence[Part]]:
    """Yield the parts in pieces of so many messages, or one more part's."""
    begin = count = 0
    for end, (_, submission) in enumerate(parts, 1):
        count += 1 if isinstance(submission, UnreadableSubmission) else len(submission.destinations)
        if count >= messages:
            yield parts[begin:end]
            begin, count = end, 0
    if begin < len(parts):
        yield parts[begin:]


def consequences(
    record: InRecord,
    parts: Iterable[Part],
    first: int,
    directory: Directory,
    settings: MessageSettings,
    unheld: Mapping[int, Verdict],
    tracing: Tracing = UNTRACED,
    alphabets_of: AlphabetsOf = takes_none,
    counts: DayCounts | None = None,
    screens: Screens | None = None,
) -> Consequences:
    """Return what parts of `record` cause, the same for every replay under the same directory.

    `first` is how many messages are numbered for the parts before these. `unheld` has the elements that repeat another
    submission's Idempotency-Key: they cause nothing, or a dead letter where the key is that of something else.
    `alphabets_of` tells which national alphabets carriers take. In `counts` is counted what goes out, when its time
    has come; None where no day is limited. In `screens` it is counted by number; None where nothing is guarded.
    """
    outputs: list[OutRecord] = []
    spans: list[Span] = []
    number, are_refused = first, False
    traces = Traces(record.headers) if record.headers else None
    written_at = recorded_at(record)
    common = Common(directory, written_at, settings.max_segments)
    _, partition, offset, at_ms, *_ = record
    for element, submission in parts:
        if isinstance(submission, UnreadableSubmission):
            outputs.append(_refused_part(record, submission))
            continue
        accepted = accept(record, element, submission, written_at)
        if element in unheld:
            if unheld[element] is Verdict.CONFLICTS:
                outputs.append(_refused_part(record, _conflict(record, element)))
            # Numbered as if it were sent, so that what follows does not depend on the verdict.
            number += len(accepted.messages())
            continue
        trace, waits = None if traces is None else traces.of(element), accepted.waits
        # Whose they are, in the order of what comes of them, where that is asked.
        named = waits or trace is not None
        messages: Iterable[Any] = accepted.messages().items() if named else repeat(None)
        counting = None
        if (counts is not None or screens is not None) and not waits:
            position = Position(offset, number, round(written_at.timestamp() * 1000))
            counting = partial(check_of, counts, screens, partition, position)
        outcomes = process(accepted, directory, settings, alphabets_of, counting, common)
        for message, outcome in zip(messages, outcomes, strict=named):
            headers: tuple[Header, ...] = (Causation(partition, offset, number, at_ms).header(),)
            number += 1
            if trace is not None:
                spans.append(_span(tracing, trace, message[0], outcome, "scheduled" if waits else "routed"))
                headers += handed_on(spans[-1])
            if not isinstance(outcome, Routed):
                # What could not be sent now is refused now, also where its time is yet to come: somebody still looks.
                outputs.append(OutRecord(STATUS, outcome.message_id.encode(), outcome.to_bytes(), headers))
                are_refused = True
            elif waits:
                part = accepted.alone(*message)
                outputs.append(OutRecord(SCHEDULED, submission.trunk_id.encode(), part.to_bytes(), headers))
            else:
                outputs.append(OutRecord(SEGMENTED, outcome.destination.encode(), outcome.value, headers))
    return Consequences(outputs, number - first, are_refused, tuple(spans))


def _span(
    tracing: Tracing, trace: TraceContext, message_id: str, outcome: Routed | MessageStatus, otherwise: str
) -> Span:
    """Return the span in which a message came to its `outcome`, which is called `otherwise` where it has not ended."""
    span = tracing.span("process", trace)
    span.note({MESSAGE_ID: message_id, OUTCOME: otherwise if isinstance(outcome, Routed) else outcome.status})
    return span


def set_aside(record: InRecord, part: Part | None, error: Exception) -> OutRecord:
    """Return the dead letter of a part, None for the whole record, that an error keeps from being processed.

    It is one of ours, or it cannot be told whether the part repeats another one (`Refused`).
    """
    value, element = record.value, None
    if part is not None and isinstance(part[1], Submission):
        with suppress(Exception):  # the record as a whole, where a part of it cannot even be cut out
            element, value = source_of(record.value or b"", part[0])
    if isinstance(error, Refused):
        return _refused_part(record, UnreadableSubmission(element, value, UNKNOWN, str(error)))
    return _refused_part(record, UnreadableSubmission(element, value, INTERNAL_ERROR, place_of(error)))


def count_of(record: InRecord, part: Part) -> int:
    """Return how many messages are numbered for a part that an error of ours keeps from being processed."""
    element, submission = part
    if isinstance(submission, UnreadableSubmission):
        return 0
    try:
        return len(accept(record, element, submission, recorded_at(record)).messages())
    except Exception:  # noqa: BLE001  # the same error, perhaps: then none is
        return 0


def count_written(outputs: Iterable[OutRecord]) -> None:
    """Count what is written."""
    routed = refused = scheduled = 0
    for it in outputs:
        routed += it.topic == SEGMENTED
        scheduled += it.topic == SCHEDULED
        if it.topic == STATUS:
            refused += 1
            code = _read_refusal(it.value or b"{}").code_id
            if code is not None:
                _failures[CodeId(code)].inc()
    _routed.inc(routed)
    _refused.inc(refused)
    _scheduled.inc(scheduled)


def _conflict(record: InRecord, element: int) -> UnreadableSubmission:
    index, value = source_of(record.value or b"", element)
    return UnreadableSubmission(index, value, CONFLICT, "the idempotency_key belongs to another submission")


def _refused_part(record: InRecord, part: UnreadableSubmission) -> OutRecord:
    return dead_letter(
        record._replace(value=part.value), stage=STAGE, reason=part.reason, detail=part.detail, element=part.element
    )
