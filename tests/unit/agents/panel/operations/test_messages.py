"""Send SMS: the note beside the text, what is sent, and what becomes of it."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from agents.panel.operations.messages import MessagePreview
from agents.panel.operations.sent_messages import MAX_TRACKED, RECEIPT_SECONDS, SentMessages
from pipeline.errors import BrokerUnreachable, NotAcknowledged, RuleViolated
from pipeline.steps.segmentation import split
from pipeline.tracing.spans import SpanKind, Tracing
from schemas.directory.people import PanelRole
from schemas.headers.trace import trace_of
from schemas.messages.status import CodeId, MessageStatus, StatusStage
from schemas.messages.submission import Submission
from schemas.topics import SUBMITTED
from tests.fakes.tracer import TracerInMemory
from tests.unit.agents.panel.office import DIDS, NOT_P2P, NOW, OURS, THEIR_DID, Office, uuid


async def test_a_message_is_what_ingress_would_have_made(office: Office) -> None:
    """One submission of one destination, on the trunk's behalf; its id is what was returned."""
    message_id = await office.operations.messages.send(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    [record] = office.producer.records
    submission = Submission.from_bytes(record.value or b"")
    assert (SUBMITTED, uuid(1).encode()) == (record.topic, record.key)
    assert (uuid(1), DIDS[0], "Hello", message_id) == (
        submission.trunk_id, submission.source, submission.content, submission.destinations[0].id,
    )  # fmt: skip
    [event] = office.store.events
    assert (event.action, "Hello" not in str(event) and "13105557890" not in str(event)) == ("message.sent", True)


async def test_a_message_may_have_a_name(office: Office) -> None:
    """A reference and tags, as ingress takes them; without them the record has neither."""
    about = (office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    await office.operations.messages.send(*about, "order 4711", ["shop", "doors"])
    await office.operations.messages.send(*about)
    named, other = [Submission.from_bytes(it.value or b"") for it in office.producer.records]
    assert (named.client_reference, named.tags) == ("order 4711", ("shop", "doors"))
    assert (other.client_reference, other.tags) == (None, None)


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ((DIDS[0], "13105557890", "Hello", "a\nb", ["x", "x"]), ["client_reference", "tags/1"]),
        ((NOT_P2P, "13105557890", "Hello"), ["source"]),
        ((THEIR_DID, "13105557890", "Hello"), ["source"]),
        (("", "", ""), ["destination", "source", "content"]),
        ((DIDS[0], "+13105557890", "Hello"), ["destination"]),
        ((DIDS[0], "13105557890", "x" * 1600), ["content"]),
        ((NOT_P2P, "1", "\x1b"), ["destination", "content", "source"]),
    ],
)
async def test_what_cannot_be_sent_is_told_at_once(office: Office, fields: Any, places: list[str]) -> None:
    """Every problem beside its field, and nothing reaches the topic."""
    with pytest.raises(RuleViolated) as refused:
        await office.operations.messages.send(office.actor(), uuid(1), *fields)
    assert places == [place for place, _ in refused.value.problems]
    assert office.producer.records == []


async def test_nothing_is_sent_that_cannot_be_recorded(office: Office) -> None:
    """The event comes first."""
    office.store.fails = True
    with pytest.raises(NotAcknowledged):
        await office.operations.messages.send(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    assert office.producer.records == []


async def test_a_trace_begins_here() -> None:
    """The record names it; the span says which message it was, and neither its text nor its numbers."""
    tracer = TracerInMemory()
    office = Office(tracing=Tracing(tracer))
    message_id = await office.operations.messages.send(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    [span], [record] = tracer.spans, office.producer.records
    assert trace_of(record.headers) == span.context
    assert (span.parent, span.kind, span.ended, span.error) == (None, SpanKind.SERVER, True, None)
    assert span.attributes == {"smsout.message_id": message_id, "smsout.messages": 1}


async def test_without_a_collector_a_message_is_in_no_trace(office: Office) -> None:
    """Nor has its record a header."""
    await office.operations.messages.send(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    assert [it.headers for it in office.producer.records] == [()]


async def test_a_trace_tells_of_what_failed_and_not_of_what_was_refused() -> None:
    """The broker's silence is the span's error; what is wrong in a form is nobody's message."""
    tracer = TracerInMemory()
    office = Office(tracing=Tracing(tracer))
    with pytest.raises(RuleViolated):
        await office.operations.messages.send(office.actor(), uuid(1), NOT_P2P, "13105557890", "Hello")
    assert tracer.spans == []
    office.producer.failure = NotAcknowledged("silent")
    with pytest.raises(NotAcknowledged):
        await office.operations.messages.send(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    office.store.fails = True
    with pytest.raises(NotAcknowledged):
        await office.operations.messages.send(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    assert [(it.ended, it.error) for it in tracer.spans] == [(True, "NotAcknowledged")] * 2


def status(
    message_id: str, stage: StatusStage, words: str, code_id: CodeId | None = None, *, receipts: bool | None = None
) -> MessageStatus:
    return MessageStatus(
        message_id=message_id, trunk_id=uuid(1), stage=stage, status=words, code_id=code_id, source=DIDS[0],
        destination="13105557890", accepted_at=NOW, ended_at=NOW, segments_total=1, segments_sent=1, receipts=receipts,
    )  # fmt: skip


async def test_a_status_shows_as_it_changes(office: Office) -> None:
    """Queued, then the carrier's answer, then with receipts the handset's."""
    messages = office.operations.messages
    message_id = await messages.send(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    seen = [messages.progress(office.actor(), message_id)]
    success = status(message_id, StatusStage.PROCESSING, "Success", receipts=True)
    end = status(message_id, StatusStage.DELIVERY, "DELIVERED")
    for noted in (success, success, end, end, success):  # with replays
        messages.sent.note(noted)
        seen.append(messages.progress(office.actor(), message_id))
    assert [(it.status, it.is_final) for it in seen] == [
        ("Queued", False), ("Success", False), ("Success", False),
        ("DELIVERED", True), ("DELIVERED", True), ("DELIVERED", True),
    ]  # fmt: skip
    assert not messages.sent.expect_statuses


async def test_without_receipts_the_hand_over_is_the_end(office: Office) -> None:
    """As the status says, whatever the trunk's switch has become meanwhile."""
    messages = office.operations.messages
    message_id = await messages.send(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    await office.operations.trunks.update(office.actor(), uuid(1), {"receipts_enabled": True})
    messages.sent.note(status(message_id, StatusStage.PROCESSING, "Success"))
    assert messages.progress(office.actor(), message_id).is_final
    assert not messages.sent.expect_statuses


def test_a_receipt_is_not_waited_for_for_days() -> None:
    """Statuses are read for an hour; then the hand-over is what the window ends with."""
    now = 0.0
    sent = SentMessages(patience_seconds=90_000, clock=lambda: now)
    sent.add(uuid(1), uuid(1), OURS)
    sent.note(status(uuid(1), StatusStage.PROCESSING, "Success", receipts=True))
    now = RECEIPT_SECONDS - 1
    assert (sent.waits_for(uuid(1)), sent.expect_statuses) == (True, True)
    now = RECEIPT_SECONDS
    assert (sent.waits_for(uuid(1)), sent.expect_statuses) == (False, False)


async def test_a_failure_is_final(office: Office) -> None:
    """Also where receipts are enabled."""
    message_id = await office.operations.messages.send(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    office.operations.messages.sent.note(
        status(message_id, StatusStage.PROCESSING, "Routing error", CodeId.SOURCE_NOT_ALLOWED)
    )
    shown = office.operations.messages.progress(office.actor(), message_id)
    assert (shown.status, shown.code_id, shown.is_final) == ("Routing error", 8, True)


def test_what_is_followed_is_bounded() -> None:
    """The oldest message makes room; a status of a stranger's message is none of ours."""
    sent = SentMessages(patience_seconds=60)
    for number in range(MAX_TRACKED + 1):
        sent.add(uuid(number), uuid(1), OURS)
    assert uuid(0) not in sent
    assert uuid(MAX_TRACKED) in sent
    sent.note(status(uuid(0), StatusStage.PROCESSING, "Success"))
    assert uuid(0) not in sent


@pytest.mark.parametrize("failure", [BrokerUnreachable("away"), NotAcknowledged("silent"), asyncio.CancelledError()])
async def test_a_message_that_could_not_be_sent_is_not_waited_for(office: Office, failure: BaseException) -> None:
    """Nobody has been told its id, and its status may never come: every other one would be read for it, for ever."""
    office.producer.failure = failure
    with pytest.raises(type(failure)):
        await office.operations.messages.send(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    assert not office.operations.messages.sent.expect_statuses


async def test_a_message_that_cannot_be_recorded_is_not_waited_for(office: Office) -> None:
    """It was not even sent."""
    office.store.fails = True
    with pytest.raises(NotAcknowledged):
        await office.operations.messages.send(office.actor(), uuid(1), DIDS[0], "13105557890", "Hello")
    assert not office.operations.messages.sent.expect_statuses


def test_waiting_for_a_status_has_an_end() -> None:
    """A submission that was set aside has none; what is known of its message stays."""
    now = 0.0
    sent = SentMessages(patience_seconds=60, clock=lambda: now)
    sent.add(uuid(1), uuid(1), OURS)
    now = 59.0
    assert sent.expect_statuses
    sent.add(uuid(2), uuid(1), OURS)
    now = 60.0
    assert sent.expect_statuses
    sent.note(status(uuid(2), StatusStage.PROCESSING, "Success"))
    assert not sent.expect_statuses
    assert uuid(1) in sent


def previewed(
    office: Office, text: str, *, source: str = "", destination: str = "", role: PanelRole = PanelRole.OWNER
) -> MessagePreview:
    return office.operations.messages.preview(office.actor(role), uuid(1), source, destination, text)


@pytest.mark.parametrize("text", ["", "Hello", "x" * 160, "x" * 161, "€" * 80, "€" * 81, "😀" * 35, "😀" * 36, "жж"])
def test_a_text_alone_is_counted_as_the_gateway_does(office: Office, text: str) -> None:
    """Before there is a destination: what the segmentation itself makes of it."""
    found = previewed(office, text)
    assert found.text is not None
    assert (found.text.layout.data_coding, tuple(it.text for it in found.text.layout.parts)) == split(text)
    assert (found.problem, found.whole, found.carriers) == (None, None, ())


def test_a_preview_says_why_a_text_cannot_be_sent(office: Office) -> None:
    """Too long, which can be counted all the same, or with a character that no SMS can carry."""
    too_long = previewed(office, "x" * 1600)
    assert too_long.text is not None
    assert (len(too_long.text.layout.parts), too_long.problem) == (
        11, "content takes 11 segments; at most 10 are allowed",
    )  # fmt: skip
    impossible = previewed(office, "\x1b", source=DIDS[0], destination="13105557890")
    assert (impossible.text, impossible.problem) == (
        None, "content cannot be sent: the control character U+001B at position 0 cannot be sent",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("role", "carriers"), [(PanelRole.MEMBER, ()), (PanelRole.OWNER, ()), (PanelRole.OPERATOR, ("carrier",))]
)
def test_a_whole_message_has_a_price_and_for_operators_a_carrier(
    office: Office, role: PanelRole, carriers: tuple[str, ...]
) -> None:
    """Where a message goes is none of a customer's business; and nothing is sent or recorded."""
    office.add(office.route.model_copy(update={"price_per_segment": Decimal("0.01"), "currency": "USD"}))
    found = previewed(office, "x" * 200, source=DIDS[0], destination="13105557890", role=role)
    assert found.whole is not None
    assert (found.whole.price, found.whole.currency, found.whole.refusal) == (Decimal("0.02"), "USD", None)
    assert found.carriers == carriers
    assert (office.producer.records, office.store.events) == ([], [])


def test_a_preview_says_why_a_message_would_not_be_sent(office: Office) -> None:
    """What the processor would say to it."""
    found = previewed(office, "Hello", source=NOT_P2P, destination="13105557890")
    assert found.whole is not None
    assert found.whole.refusal == (CodeId.SOURCE_NOT_ALLOWED, "the source is not enabled for Outbound P2P SMS")
