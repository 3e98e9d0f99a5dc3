"""What becomes of a message when its time has come is decided by the directory of that moment."""

from datetime import timedelta

import pytest

from pipeline.scheduling import due
from pipeline.scheduling.due import canceled_while_waiting, released
from pipeline.settings import MessageSettings
from pipeline.steps.processing import Routed
from schemas.directory.entry import DirectoryEntry
from schemas.messages.destination import Destination
from schemas.messages.mt_message import MtMessage
from schemas.messages.status import CodeId, MessageStatus, StatusName, StatusStage
from schemas.messages.submission import Submission
from tests.builders import CREATED, DESTINATION, account, carrier, did, directory_of, route, submission, trunk
from tests.builders import uuid as an_id

DUE = CREATED + timedelta(days=20)
NOW = DUE + timedelta(milliseconds=200)
ENTRIES: tuple[DirectoryEntry, ...] = (account(), did(), carrier(), route(), trunk())


def part(**changes: object) -> Submission:
    return submission(
        Destination(address=DESTINATION, id=an_id(61)), id=an_id(99), send_at=DUE, accepted_at=CREATED, **changes
    )


def outcome(part: Submission, *changed: DirectoryEntry) -> MtMessage | MessageStatus:
    found = released(part, directory_of(*ENTRIES, *changed), MessageSettings(), NOW)
    return MtMessage.from_bytes(found.value) if isinstance(found, Routed) else found


def test_it_is_sent_under_its_own_id_and_its_life_begins_now() -> None:
    """As it was asked for, by whoever carries such messages today."""
    elsewhere = route(carrier_id=an_id(22))
    sent = outcome(part(client_reference="order 4711", tags=("shop",)), carrier(22), elsewhere)
    assert isinstance(sent, MtMessage)
    assert (sent.id, sent.bulk_id, sent.carrier_id) == (an_id(61), an_id(99), an_id(22))
    assert (sent.accepted_at, sent.expires_at) == (CREATED, DUE + timedelta(days=1))
    assert (sent.client_reference, sent.tags) == ("order 4711", ("shop",))
    short = outcome(part(validity_period=60))
    assert isinstance(short, MtMessage)
    assert short.expires_at == DUE + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (trunk(blocked=True), CodeId.TRUNK_BLOCKED),
        (trunk(deleted_at=CREATED + timedelta(days=5)), CodeId.TRUNK_BLOCKED),
        (account(blocked=True), CodeId.ACCOUNT_BLOCKED),
        (did(p2p_enabled=False), CodeId.SOURCE_NOT_ALLOWED),
        (did(account_id=an_id(2)), CodeId.SOURCE_NOT_ALLOWED),
        (carrier(blocked=True), CodeId.NO_ROUTES_FOUND),
    ],
    ids=["blocked trunk", "deleted trunk", "blocked account", "no P2P", "another's number", "no route"],
)
def test_what_is_not_allowed_any_more_is_refused(changed: DirectoryEntry, code: CodeId) -> None:
    """With the reason of that moment, told when it was found out; a trunk that was deleted meanwhile sends nothing."""
    refused = outcome(part(tags=("shop",)), changed)
    assert isinstance(refused, MessageStatus)
    assert (refused.message_id, refused.code_id, refused.ended_at) == (an_id(61), code, NOW)
    assert refused.tags == ("shop",)


def test_an_error_of_ours_ends_one_message_visibly(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the agent at each of its lives."""

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(due, "process", fails)
    failed = outcome(part())
    assert isinstance(failed, MessageStatus)
    assert (failed.status, failed.code_id) == (StatusName.FAILED, CodeId.INTERNAL_ERROR)
    assert failed.reason is not None
    assert failed.reason.startswith("an error of ours: ZeroDivisionError")


def test_what_is_cancelled_while_it_waits_is_told_so() -> None:
    """To the trunk's account, whatever has become of the trunk."""
    told = canceled_while_waiting(part(client_reference="order 4711"), directory_of(*ENTRIES), NOW)
    assert told == MessageStatus(
        message_id=an_id(61), trunk_id=an_id(11), account_id=an_id(1), stage=StatusStage.PROCESSING,
        status=StatusName.CANCELED, reason="canceled by the customer", source="12125551234", destination=DESTINATION,
        accepted_at=CREATED, ended_at=NOW, client_reference="order 4711",
    )  # fmt: skip
    assert canceled_while_waiting(part(), directory_of(), NOW).account_id is None
