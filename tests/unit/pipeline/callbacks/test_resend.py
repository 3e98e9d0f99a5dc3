"""Which notifications may be sent again, and what is written for them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from pipeline.callbacks import resend
from pipeline.callbacks.resend import Asked, Selection, obstacle, resends
from pipeline.errors import ConfigurationError, Refused
from schemas.directory.callback_options import CallbackEvent, CallbackOptions
from schemas.messages.callback import AttemptOutcome, WaitingNotification
from schemas.messages.status import MessageStatus
from tests import builders
from tests.builders import CREATED, LATER, callback_attempt, directory_of, trunk, uuid

HOUR = timedelta(hours=1)
URL = "https://customer.example/sms"


def status(number: int = 1, trunk_number: int = 11, **more: Any) -> MessageStatus:
    return builders.status(message_id=uuid(number), trunk_id=uuid(trunk_number), **more)


def attempt(of: MessageStatus, outcome: str, minutes: int = 0) -> bytes:
    return callback_attempt(of, at=CREATED + timedelta(minutes=minutes), outcome=AttemptOutcome(outcome)).to_bytes()


def selection(asked: Asked, statuses: Iterable[MessageStatus], *, failed_only: bool = False, **more: Any) -> Selection:
    held = directory_of(trunk(11, allowed_sources=(), callback_url=URL, **more))
    found = Selection(asked, held, failed_only)
    for it in statuses:
        found.note_status(it.to_bytes(), it.ended_at)
    return found


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        (Asked(trunk_id=uuid(11)), [1, 2, 3]),
        (Asked(trunk_id=uuid(12)), []),
        (Asked(message_id=uuid(2)), [2]),
        (Asked(trunk_id=uuid(11), since=CREATED + HOUR), [2, 3]),
        (Asked(trunk_id=uuid(11), since=CREATED, until=CREATED + 2 * HOUR), [1, 2]),
    ],
)
def test_what_is_asked_for_is_chosen(asked: Asked, chosen: list[int]) -> None:
    """A message's, or a trunk's from a time to before another; a status that was replayed counts once."""
    three = [status(number, ended_at=CREATED + (number - 1) * HOUR) for number in (1, 2, 3)]
    found = selection(asked, [*three, *three])
    assert [it.message_id for it in found.chosen()] == [uuid(number) for number in chosen]


@pytest.mark.parametrize(
    ("attempts", "is_chosen"),
    [
        ([], False),
        ([("failed", 1)], True),
        ([("gone", 1)], True),
        ([("accepted", 1)], False),
        ([("failed", 1), ("accepted", 2)], False),
        ([("accepted", 2), ("failed", 1)], False),
        ([("accepted", 1), ("failed", 2)], True),
        ([("failed", 1), ("filtered", 2)], True),
        ([("accepted", 1), ("filtered", 2)], False),
    ],
)
def test_the_newest_attempt_says_whether_one_has_failed(attempts: list[tuple[str, int]], is_chosen: bool) -> None:
    """In whichever order the attempts are read; what nobody has tried has not failed."""
    found = selection(Asked(trunk_id=uuid(11)), [status()], failed_only=True)
    for outcome, minutes in attempts:
        found.note_attempt(attempt(status(), outcome, minutes))
    found.note_attempt(attempt(status(2), "failed", 99))
    assert found.chosen() == ([status()] if is_chosen else [])
    assert found.without_attempt() == (0 if attempts else 1)


def test_what_a_trunk_has_not_chosen_is_not_sent_again() -> None:
    """As little as it was sent at first; and what was filtered has not failed."""
    chosen = CallbackOptions(events=(CallbackEvent.NOT_SENT,))
    failed = status(2, status="Failed")
    found = selection(Asked(trunk_id=uuid(11)), [status(), failed], callbacks=chosen)
    assert found.chosen() == [failed]
    found = selection(Asked(trunk_id=uuid(11)), [status()], failed_only=True)
    found.note_attempt(attempt(status(), "filtered"))
    assert (found.chosen(), found.without_attempt()) == ([], 1)


def test_two_trunks_with_one_id_are_told_apart() -> None:
    """A producer has given its message the id of another trunk's: each is resent, or not, by its own attempts."""
    ours, theirs = status(), status(trunk_number=12)
    held = directory_of(*(trunk(number, allowed_sources=(), callback_url=URL) for number in (11, 12)))
    found = Selection(Asked(message_id=uuid(1)), held, failed_only=True)
    for it in (ours, theirs):
        found.note_status(it.to_bytes(), it.ended_at)
    found.note_attempt(attempt(ours, "failed", 1))
    found.note_attempt(attempt(theirs, "accepted", 2))
    assert found.chosen() == [ours]
    assert found.without_attempt() == 0


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, None),
        ({"callback_url": None}, "no callback URL"),
        ({"callback_disabled_at": LATER}, "410 Gone"),
        ({"deleted_at": LATER}, "no such trunk"),
    ],
)
def test_who_cannot_be_notified(more: dict[str, Any], why: str | None) -> None:
    """Nothing is chosen for a trunk without an endpoint that wants it; the reason is told with the number."""
    settings = {"allowed_sources": (), "callback_url": URL, **more}
    found = obstacle(trunk(11, **settings))
    assert (found is None) if why is None else (found is not None and why in found)
    held = Selection(Asked(trunk_id=uuid(11)), directory_of(trunk(11, **settings)))
    held.note_status(status().to_bytes(), CREATED)
    assert (len(held.chosen()), list(held.obstacles().values())) == ((1, []) if why is None else (0, [1]))


@pytest.mark.parametrize("more", [{"callback_url": None}, {"callback_disabled_at": LATER}, {}])
def test_a_message_with_a_url_of_its_own_is_told_there_again(more: dict[str, Any]) -> None:
    """Whatever is with the trunk's endpoint; as long as there is the trunk."""
    own = status(callback_url="https://a.example/x")
    settings = {"allowed_sources": (), "callback_url": URL, **more}
    held = Selection(Asked(trunk_id=uuid(11)), directory_of(trunk(11, **settings)))
    held.note_status(own.to_bytes(), CREATED)
    assert (held.chosen(), list(held.obstacles())) == ([own], [])
    assert obstacle(trunk(11, deleted_at=LATER), own) is not None


def test_what_cannot_be_read_is_counted() -> None:
    """Nothing on the topics can end a resend."""
    found = selection(Asked(trunk_id=uuid(11)), [status()])
    for value in (None, b"", b"\xff", b"{}"):
        found.note_status(value, CREATED)
        found.note_attempt(value)
    assert (found.unreadable, len(found.chosen())) == (8, 1)


def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held in memory, and what a slip of the pen can cause, is bounded."""
    monkeypatch.setattr(resend, "MAX_AT_ONCE", 2)
    with pytest.raises(Refused, match="shorter time"):
        selection(Asked(trunk_id=uuid(11)), [status(number) for number in (1, 2, 3)])


def test_a_notification_is_due_at_once_in_the_first_tier() -> None:
    """It counts as attempt 1 of a chain that an operator began; its webhook-id is the one that it had."""
    (record,) = resends([status()], (7, 60), LATER)
    assert (record.topic, record.key, record.partition) == ("sms.callback.retry.7s", uuid(11).encode(), None)
    waiting = WaitingNotification.from_bytes(record.value or b"")
    assert waiting == WaitingNotification(
        status=status(), attempt=1, first_attempt_at=LATER, due_at=LATER, last_error="resent by an operator",
        resent_at=LATER,
    )  # fmt: skip
    assert waiting.status.webhook_id == status().webhook_id


def test_without_tiers_there_is_no_way() -> None:
    """The error names the setting."""
    with pytest.raises(ConfigurationError, match="SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS"):
        resends([status()], (), LATER)
