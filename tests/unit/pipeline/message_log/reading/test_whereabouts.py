"""Where a message is, in words."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pipeline.dead_letters.book import Letter
from pipeline.message_log.reading.history import CancelWish, MessageHistory, Notified, SegmentMark
from pipeline.message_log.reading.message import LoggedMessage
from pipeline.message_log.reading.whereabouts import Queue, Whereabouts, sentences
from schemas.headers.dead_letter import DeadLetterSource
from schemas.headers.parked import Parked
from schemas.topics import SCHEDULED, SEGMENTED, STATUS, SUBMITTED
from tests.builders import in_record, message, status, trunk, uuid, waiting_message, waiting_notification
from tests.logged_messages import QUEUED
from tests.message_lives import NOON

NOW = NOON + timedelta(minutes=1)
WAITING = replace(QUEUED, scheduled=(0, 1), scheduled_at=NOON, send_at=NOW + timedelta(hours=1))
GOING = replace(
    QUEUED, segmented=(1, 3), segments=1, carrier_id=uuid(21), data_coding=0, expires_at=NOON + timedelta(days=1)
)
DONE = replace(GOING, status="Success", ended_at=NOON, segments_sent=1)
OPEN = SegmentMark(1, 1, NOON, "submitting", NOON, uuid(21), None, None)
PARKED = Parked(
    in_record(SEGMENTED, b"{}"), uuid(21), "f", "a", int((NOON + timedelta(days=1)).timestamp() * 1000), "p"
)
LETTER = Letter(
    "sms.mt.submitted.dead-letter", 4, 0,
    DeadLetterSource(SUBMITTED, 0, 7, 0, "submitted", "internal-error", "an error of ours"),
)  # fmt: skip
FAILED = Notified(uuid(61), uuid(11), "processing", NOON, 2, None, "https://x", 5, "failed", 503, None, None)


def said(
    it: LoggedMessage,
    found: Whereabouts,
    marks: tuple[SegmentMark, ...] = (),
    callbacks: tuple[Notified, ...] = (),
    **changes: Any,
) -> str:
    return " ".join(
        sentences(
            MessageHistory(it, marks, callbacks), found, NOW, trunk(**changes), lambda identity: f"<{identity[-2:]}>"
        )
    )


@pytest.mark.parametrize(
    ("it", "found", "words"),
    [
        (
            QUEUED,
            Whereabouts(processor=Queue(SUBMITTED, 0, 5)),
            "5 records before it in sms.mt.submitted",
        ),
        (QUEUED, Whereabouts(processor=Queue(SUBMITTED, 0, 0)), "it is the next in sms.mt.submitted"),
        (QUEUED, Whereabouts(letters=(LETTER,)), "`smsout dead-letters show sms.mt.submitted.dead-letter 4`"),
        (QUEUED, Whereabouts(), "has not heard what became of it yet"),
        (
            GOING,
            Whereabouts(delivery=Queue(SEGMENTED, 1, 1)),
            "1 record before it in sms.mt.segmented",
        ),
        (WAITING, Whereabouts(), "It waits for its time: it is to be sent in 3,600 s (2026-03-01 13:01:00 UTC)."),
        (WAITING, Whereabouts(scheduler=Queue(SCHEDULED, 0, 2)), "2 records before it in sms.mt.scheduled"),
        (replace(WAITING, send_at=NOON), Whereabouts(), "Its time has come, for 60 s (2026-03-01 12:00:00 UTC)"),
        (
            replace(WAITING, status="Canceled", ended_at=NOON),
            Whereabouts(),
            "Canceled by the customer before a carrier",
        ),
        (GOING, Whereabouts(parked=PARKED), "It is parked: <21> is away"),
        (
            GOING,
            Whereabouts(waiting=("sms.mt.retry.2m", waiting_message(message(), due_at=NOW + timedelta(seconds=90)))),
            "It waits in sms.mt.retry.2m for attempt 2, due in 90 s (2026-03-01 12:02:30 UTC): HTTP 503.",
        ),
        (replace(GOING, expires_at=NOON), Whereabouts(), "Its time to live ended at 2026-03-01 12:00:00 UTC"),
        (DONE, Whereabouts(notifying=Queue(STATUS, 0, 3)), "3 statuses are ahead in sms.mt.status"),
        (
            DONE,
            Whereabouts(callbacks=(("sms.callback.retry.30s", waiting_notification(status(), due_at=NOW)),)),
            "waits in sms.callback.retry.30s for attempt 2, due now",
        ),
        (DONE, Whereabouts(parked_callback=PARKED), "Its notification is parked"),
        (DONE, Whereabouts(), "No attempt to notify is known."),
    ],
)
def test_each_place_has_its_words(it: LoggedMessage, found: Whereabouts, words: str) -> None:
    """What it waits for, behind how many, and until when."""
    assert words in said(it, found)


def test_a_mark_without_an_end_is_in_doubt_once_it_is_old() -> None:
    """A young one may just be on its way."""
    assert "it is in doubt" in said(GOING, Whereabouts(), (OPEN,))
    young = replace(OPEN, at=NOW)
    assert "in doubt" not in said(GOING, Whereabouts(), (young,))


@pytest.mark.parametrize(
    ("it", "is_bulk", "words"),
    [
        (WAITING, False, "It waits for its time: it is to be sent in 3,600 s (2026-03-01 13:01:00 UTC). A cancellation "
         "of it was asked for at 2026-03-01 12:00:00 UTC: it is canceled unless a carrier has some of it already."),
        (WAITING, True, "A cancellation of its bulk was asked for at 2026-03-01 12:00:00 UTC"),
        (DONE, False, "A cancellation of it was asked for at 2026-03-01 12:00:00 UTC, too late."),
    ],
)  # fmt: skip
def test_a_wish_to_cancel_is_told_of(it: LoggedMessage, is_bulk: bool, words: str) -> None:
    """As long as nobody knows what came of it, and when it came too late."""
    history = MessageHistory(it, (), (), CancelWish(NOON, is_bulk))
    assert words in " ".join(sentences(history, Whereabouts(), NOW, trunk(), str))
    canceled = replace(history, message=replace(it, status="Canceled", ended_at=NOON))
    assert "asked for" not in " ".join(sentences(canceled, Whereabouts(), NOW, trunk(), str))


def test_who_is_notified_and_who_is_not() -> None:
    """The last answer, or why nobody is told."""
    assert "was failed: 503. No further one waits." in said(DONE, Whereabouts(), (), (FAILED,))
    assert "has taken the notification" in said(DONE, Whereabouts(), (), (replace(FAILED, outcome="accepted"),))
    assert "no callback URL" in said(DONE, Whereabouts(), callback_url=None)
    assert "410 Gone" in said(DONE, Whereabouts(), callback_disabled_at=NOON)
    gone = sentences(MessageHistory(DONE, (), ()), Whereabouts(), NOW, None, str)
    assert "Its trunk is gone: nobody is notified." in gone
