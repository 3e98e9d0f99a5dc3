"""Records become rows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pipeline.message_log.reading.message import LoggedMessage
from pipeline.message_log.writing.batch import COLUMNS, LogBatch
from pipeline.message_log.writing.decoding import TOPICS, RecordReader
from pipeline.steps.admission.acceptance import accept, recorded_at
from schemas import topics
from schemas.identifiers import message_id_from_idempotency_key, message_id_of_destination
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.destination import Destination
from schemas.messages.mt_message import Segment
from schemas.messages.status import StatusStage
from schemas.messages.submission import Submission
from schemas.record import Record, UnreadableBatch
from schemas.state.journal import JournalMark
from schemas.text.smart_encoding import ChangeStep, TextChange
from tests.builders import journal_entry, message, status, submission, uuid
from tests.message_lives import DIRECTORY, NOON, Lives


def scheduled(to: Destination | None = None, **about: Any) -> Submission:
    named = to or Destination(address="15551234567", id=uuid(61))
    return submission(named, **{"send_at": NOON + timedelta(hours=1), "id": uuid(61), **about})


def batch_of(lives: Lives) -> LogBatch:
    batch, reader = LogBatch(0, 100_000), RecordReader(DIRECTORY)
    for place, records in lives.records.items():
        reader.read(batch, place.topic, records)
    return batch


def messages(batch: LogBatch) -> dict[str, dict[str, object]]:
    return {
        identity: dict(zip(COLUMNS, row, strict=True))
        for day in batch.days.values()
        for (identity, _), row in day.messages.items()
    }


def test_ids_that_nobody_gave_are_the_processors() -> None:
    """Derived from where the record lies, and from the number of a bulk submission."""
    lives, bulk = Lives(), submission("15551110001", "15551110002", accepted_at=NOON)
    lives.submitted(submission(accepted_at=NOON), partition=1)
    record = lives.submitted(submission(accepted_at=NOON), bulk, partition=1)
    first, second = (
        accept(record, element, it, recorded_at(record)) for element, it in enumerate((submission(), bulk))
    )
    assert set(messages(batch_of(lives))) >= {
        *first.messages(), message_id_of_destination(second.submission_id, "15551110001"),
        message_id_of_destination(second.submission_id, "15551110002"),
    }  # fmt: skip


def test_a_repetition_under_another_id_is_no_message() -> None:
    """With a key it is the first one's again or nothing: it never becomes a message with an id of its own."""
    lives = Lives()
    lives.submitted(submission(idempotency_key="k", accepted_at=NOON))
    lives.submitted(submission(Destination(address="15551234567", id=uuid(7)), idempotency_key="k", accepted_at=NOON))
    mine = message_id_from_idempotency_key(uuid(11), "k", "15551234567")
    lives.submitted(submission(Destination(address="15551234567", id=mine), idempotency_key="k", accepted_at=NOON))
    assert set(messages(batch_of(lives))) == {mine}


def test_what_the_processor_refuses_is_no_message() -> None:
    """A good part of an array is one, a bad part is a dead letter."""
    lives = Lives()
    good = submission(Destination(address="15551234567", id=uuid(7)), accepted_at=NOON)
    lives.add(topics.SUBMITTED, 0, b"[" + good.to_bytes() + b', {"trunk_id": 1}]')
    lives.add(topics.SUBMITTED, 0, UnreadableBatch(b"[", first_offset=1, reason="damaged-batch", detail="x"))
    assert set(messages(batch_of(lives))) == {uuid(7)}


def test_what_waits_is_read_as_the_scheduler_reads_it() -> None:
    """Its text, also one that was filled in for it alone; one with its own id is of no bulk."""
    own = Destination(address="15551234567", id=uuid(62), values={"name": "Ann"}, client_reference="table 7")
    lives = Lives()
    lives.record(topics.SCHEDULED, 0, scheduled(accepted_at=NOON, content="Hello"))
    lives.record(topics.SCHEDULED, 0, scheduled(own, id=uuid(5), accepted_at=NOON, content="Hello {{name}}"))
    lives.record(topics.SCHEDULED, 0, submission(own, accepted_at=NOON, content="Hello {{name}}"))
    rows, batch = messages(batch_of(lives)), batch_of(lives)
    assert [(it["content"], it["bulk_id"], it["client_reference"]) for it in rows.values()] == [
        ("Hello", None, None), ("Hello Ann", uuid(5), "table 7"),
    ]  # fmt: skip
    assert batch.unreadable == 1


def test_a_wish_that_the_scheduler_refuses_is_none() -> None:
    """An attribute that nobody knows makes it another one."""
    lives = Lives()
    wish = CancelRequest(trunk_id=uuid(11), id=uuid(61), requested_at=NOON)
    lives.record(topics.CANCEL_REQUESTED, 0, wish)
    lives.add(topics.CANCEL_REQUESTED, 0, wish.to_bytes()[:-1] + b',"unless":"sent"}')
    batch = batch_of(lives)
    assert [list(day.cancellations) for day in batch.days.values()] == [[(uuid(61), uuid(11), 0)]]
    assert batch.unreadable == 1


def test_the_last_mark_of_an_attempt_counts_and_when_it_began() -> None:
    """Also when the beginning was in an earlier batch: then the database keeps it."""
    lives = Lives()
    for mark, later in ((JournalMark.SUBMITTING, 0), (JournalMark.ACCEPTED, 1)):
        at = NOON + timedelta(seconds=later)
        lives.record(topics.JOURNAL, 0, journal_entry(mark, at=at, carrier_message_id="c"))
    ((row,),) = [list(day.journal.values()) for day in batch_of(lives).days.values()]
    assert row[4] == "accepted"
    assert row[5] - row[3] == 1_000_000


def test_statuses_of_both_stages_have_their_place() -> None:
    """The contract's processing stage and the carrier's receipts."""
    lives = Lives()
    lives.record(topics.SEGMENTED, 0, message(2, id=uuid(61), accepted_at=NOON))
    lives.record(topics.STATUS, 0, status(accepted_at=NOON, segments_sent=2))
    lives.record(topics.STATUS, 0, status(accepted_at=NOON, stage=StatusStage.DELIVERY, status="DELIVERED"))
    row = messages(batch_of(lives))[uuid(61)]
    assert (row["segments"], row["segments_sent"], row["status"], row["delivery_status"]) == (
        2,
        2,
        "Success",
        "DELIVERED",
    )
    assert row["account_id"] == uuid(1)
    assert row["content"] == "part 1part 2"


@pytest.mark.parametrize(
    ("topic", "make", "more"),
    [
        (topics.SUBMITTED, submission, {"id": uuid(61)}),
        (topics.SCHEDULED, scheduled, {}),
        (topics.SEGMENTED, message, {}),
        (topics.STATUS, status, {}),
        (topics.STATUS, status, {"stage": StatusStage.DELIVERY}),
    ],
)
def test_a_name_is_known_from_each_topic(topic: str, make: Callable[..., Record], more: dict[str, Any]) -> None:
    """So that a log which is made anew has it whatever is left of the topics; who has none has nothing there."""
    for labels, held in (
        ({"client_reference": "order 4711", "tags": ("shop", "a,b")}, ("order 4711", "\nshop\na,b\n", None)),
        ({"campaign_id": uuid(19)}, (None, None, uuid(19))),
        ({}, (None, None, None)),
    ):
        lives = Lives()
        lives.record(topic, 0, make(accepted_at=NOON, **labels, **more))
        row = messages(batch_of(lives))[uuid(61)]
        assert (row["client_reference"], row["tags"], row["campaign_id"]) == held


@pytest.mark.parametrize(
    ("topic", "make", "more"),
    [
        (topics.SUBMITTED, submission, {"id": uuid(61)}),
        (topics.SCHEDULED, scheduled, {}),
        (topics.SEGMENTED, message, {}),
        (topics.STATUS, status, {}),
    ],
)
def test_where_a_message_is_told_is_known_from_each_topic(
    topic: str, make: Callable[..., Record], more: dict[str, Any]
) -> None:
    """So that it can be told there again."""
    for url in ("https://a.example/x", None):
        lives = Lives()
        lives.record(topic, 0, make(accepted_at=NOON, callback_url=url, **more))
        assert messages(batch_of(lives))[uuid(61)]["callback_url"] == url


def test_a_name_is_known_at_a_glance() -> None:
    """From what ingress writes."""
    lives = Lives()
    to = Destination(address="15551234567", id=uuid(61))
    lives.submitted(submission(to, accepted_at=NOON, client_reference="order 4711", campaign_id=uuid(19)))
    row = messages(batch_of(lives))[uuid(61)]
    assert (row["client_reference"], row["campaign_id"]) == ("order 4711", uuid(19))


def test_what_became_of_a_text_is_kept_beside_it() -> None:
    """The text as it came, as it was sent, and what was changed; of one that stayed as it was nothing more is there."""
    changes = (TextChange(step=ChangeStep.REPLACED, before="’", after="'", count=1),)
    for more, held in (
        ({"text_changes": changes, "national_language": "turkish"}, ("It’s", "It's", changes, "turkish")),
        ({}, ("It's", None, (), None)),
    ):
        for order in ((0, 1), (1, 0)):
            lives = Lives()
            sent = message(accepted_at=NOON).model_copy(update=more)
            sent = sent.model_copy(update={"segments": (Segment(seqnum=1, text="It's"),)})
            came = "It’s" if more else "It's"
            to = Destination(address=sent.destination, id=sent.id)
            steps = (
                lambda lives=lives, came=came, to=to: lives.submitted(submission(to, content=came, accepted_at=NOON)),
                lambda lives=lives, sent=sent: lives.record(topics.SEGMENTED, 0, sent),
            )
            for step in order:
                steps[step]()
            [row] = [it for day in batch_of(lives).days.values() for it in day.messages.values()]
            found = LoggedMessage.of_row(row)
            assert (found.content, found.sent_content, found.text_changes, found.national_language) == held


@pytest.mark.parametrize("key", [None, "k"])
def test_texts_and_references_are_those_of_each_message(key: str | None) -> None:
    """Under the ids that the processor derives, also of a number that is there twice; a key's ids count alone."""
    given = (("15551110001", "one", "1"), ("15551110001", "two", None), ("15551110002", "three", None))
    names = ["15551110001", "15551110001 2", "15551110002"]
    ids = [message_id_of_destination(uuid(9), it) for it in names]
    if key is not None:
        ids = [message_id_from_idempotency_key(uuid(11), key, it) for it in names]
    lives = Lives()
    lives.submitted(
        submission(
            *[
                Destination(address=address, content=text, client_reference=reference, id=identity if key else None)
                for (address, text, reference), identity in zip(given, ids, strict=True)
            ],
            id=uuid(9), content=None, accepted_at=NOON, client_reference="all", idempotency_key=key,
        )
    )  # fmt: skip
    rows = messages(batch_of(lives))
    assert [(rows[it]["destination"], rows[it]["content"], rows[it]["client_reference"]) for it in ids] == [
        (address, text, reference or "all") for address, text, reference in given
    ]
    assert len(rows) == 3


def test_a_name_that_the_processor_refuses_makes_no_message() -> None:
    """Although the log shows a U+0000 in a text as another character."""
    lives = Lives()
    good = submission(Destination(address="15551234567", id=uuid(7)), accepted_at=NOON, client_reference="a b")
    for bad in (b"a\\u0000b", b"a\\u200bb", b"a\\tb"):
        lives.add(topics.SUBMITTED, 0, good.to_bytes().replace(b'"a b"', b'"' + bad + b'"'))
    assert messages(batch_of(lives)) == {}


def test_what_cannot_be_read_is_counted_and_stops_nobody() -> None:
    """Of every topic; numbers that no column holds, and times without a zone, too."""
    lives = Lives()
    for topic in TOPICS:
        for value in (None, b"", b"{}", b"[1]", b'"\\ud800"', b"\xff"):
            lives.add(topic, 0, value)
    good = status(accepted_at=NOON).to_bytes()
    lives.add(topics.STATUS, 0, good.replace(b'"segments_sent":0', b'"segments_sent":99999999999999999999'))
    lives.add(topics.STATUS, 0, good.replace(b"T12:00:00Z", b"T12:00:00"))
    mark = journal_entry(JournalMark.ACCEPTED, at=NOON).to_bytes()
    lives.add(topics.JOURNAL, 0, mark.replace(b':1"', b':99999999999999999999999"'))
    lives.add(topics.STATUS, 0, good)
    batch = batch_of(lives)
    assert set(messages(batch)) == {uuid(61)}
    assert batch.unreadable > 20


def test_days_that_are_not_kept_are_passed_over() -> None:
    """Whatever time a producer gives its message: no tables are made for it."""
    lives = Lives()
    lives.submitted(submission(accepted_at=NOON - timedelta(days=4000)))
    batch, reader = LogBatch(20_000, 20_600), RecordReader(DIRECTORY)
    for place, records in lives.records.items():
        reader.read(batch, place.topic, records)
    assert (batch.days, batch.passed_over) == ({}, 1)
