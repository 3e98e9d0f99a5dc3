"""From a submission to messages and refusals."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.processor.records import caused_by
from pipeline.directory.model import Directory
from pipeline.settings import MessageSettings
from pipeline.steps.admission import check_content
from pipeline.steps.processing import Accepted, Routed, process
from pipeline.steps.segmentation import segment
from schemas.dead_letter import DeadLetterSource
from schemas.directory.account import Account, Did
from schemas.directory.carrier import Carrier, Route
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.directory.trunk import CallbackSecret, PasswordVerifier, Trunk
from schemas.identifiers import message_id_of_destination, submission_id_from_coordinates
from schemas.mt_message import DataCoding, MtMessage
from schemas.record import InRecord
from schemas.status import CodeId, MessageStatus, StatusName
from schemas.submission import EARLIEST, LATEST, Destination, Submission
from schemas.topics import SEGMENTED, STATUS, SUBMITTED

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UUID = "0190f0c0-0000-7000-8000-0000000000{:02d}"
ACCOUNT = Account(id=UUID.format(1), name="demo")
DID = Did(number="12125551234", account_id=ACCOUNT.id, p2p_enabled=True)
TRUNK = Trunk(
    id=UUID.format(2),
    account_id=ACCOUNT.id,
    name="one",
    credentials=(PasswordVerifier(username="user-one-1", version=1, hmac="0" * 64, sealed="", key_id="1"),),
    callback_secrets=(CallbackSecret(secret="whsec_" + "A" * 32),),
    created_at=NOW,
)
CARRIER = Carrier(id=UUID.format(3), name="one", url="http://carrier.example/")
ROUTE = Route(id=UUID.format(4), carrier_id=CARRIER.id, price_per_segment=Decimal("0.0075"))
ENTRIES: tuple[DirectoryEntry, ...] = (ACCOUNT, DID, TRUNK, CARRIER, ROUTE)


def directory(*changed: DirectoryEntry, without: DirectoryEntry | None = None) -> Directory:
    """Return the usual directory with some entries replaced, or one left out."""
    built = Directory()
    for entry in (*ENTRIES, *changed):
        if entry is not without:
            built.apply(key_of(entry), entry.to_bytes())
    return built


def submission(*destinations: Destination, content: str = "Hello", source: str = DID.number) -> Submission:
    return Submission(
        id=UUID.format(9),
        trunk_id=TRUNK.id,
        source=source,
        content=content,
        destinations=destinations or (Destination(address="15551234567"),),
    )


def outcomes(
    view: Directory, asked: Submission, settings: MessageSettings | None = None
) -> list[MtMessage | MessageStatus]:
    accepted = Accepted(asked, asked.id or UUID.format(8), NOW, NOW)
    return [
        MtMessage.from_bytes(it.value) if isinstance(it, Routed) else it
        for it in process(accepted, view, settings or MessageSettings())
    ]


def test_a_message_is_encoded_segmented_and_routed() -> None:
    """Everything that delivery and the callback need is in the message."""
    (message,) = outcomes(directory(), submission(content="€" * 81))
    assert isinstance(message, MtMessage)
    assert message.id == UUID.format(9)
    assert message.data_coding is DataCoding.GSM7
    assert [segment.text for segment in message.segments] == ["€" * 76, "€" * 5]
    assert (message.carrier_id, message.price_per_segment) == (CARRIER.id, Decimal("0.0075"))
    assert (message.accepted_at, message.expires_at) == (NOW, NOW + timedelta(days=1))


@given(
    content=st.text(min_size=1, max_size=400),
    price=st.none() | st.decimals(0, 999_999, allow_nan=False, places=6),
    accepted_at=st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None)).map(
        lambda it: it.replace(tzinfo=UTC)
    ),
)
def test_what_is_written_by_hand_is_what_the_model_would_write(
    content: str, price: Decimal | None, accepted_at: datetime
) -> None:
    """Whatever the text, the price and the time: the same message, or the same refusal as at the door."""
    view = directory(ROUTE.model_copy(update={"price_per_segment": price}))
    asked = submission(content=content)
    accepted = Accepted(asked, UUID.format(9), accepted_at, NOW)
    (outcome,) = process(accepted, view, MessageSettings())
    if check_content(content, MessageSettings().max_segments) is not None:
        assert isinstance(outcome, MessageStatus)
        return
    assert isinstance(outcome, Routed)
    data_coding, segments = segment(content, UUID.format(9))
    assert MtMessage.from_bytes(outcome.value) == MtMessage(
        id=UUID.format(9), trunk_id=TRUNK.id, account_id=ACCOUNT.id, source=DID.number, destination="15551234567",
        data_coding=data_coding, segments=segments, carrier_id=CARRIER.id, price_per_segment=price,
        accepted_at=accepted_at, expires_at=accepted_at + timedelta(days=1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("view", "asked", "code"),
    [
        (directory(without=TRUNK), submission(), CodeId.TRUNK_BLOCKED),
        (directory(TRUNK.model_copy(update={"blocked": True})), submission(), CodeId.TRUNK_BLOCKED),
        (directory(TRUNK.model_copy(update={"deleted_at": NOW})), submission(), CodeId.TRUNK_BLOCKED),
        (directory(ACCOUNT.model_copy(update={"blocked": True})), submission(), CodeId.ACCOUNT_BLOCKED),
        (directory(without=ACCOUNT), submission(), CodeId.ACCOUNT_BLOCKED),
        (directory(without=DID), submission(), CodeId.SOURCE_NOT_ALLOWED),
        (directory(DID.model_copy(update={"p2p_enabled": False})), submission(), CodeId.SOURCE_NOT_ALLOWED),
        (directory(DID.model_copy(update={"account_id": UUID.format(7)})), submission(), CodeId.SOURCE_NOT_ALLOWED),
        (directory(TRUNK.model_copy(update={"allow_any_did": False})), submission(), CodeId.SOURCE_NOT_ALLOWED),
        (directory(), submission(source="MyBrand"), CodeId.SOURCE_NOT_ALLOWED),
        (directory(), submission(Destination(address="999999999")), CodeId.DESTINATION_NOT_ALLOWED),
        (directory(without=ROUTE), submission(), CodeId.NO_ROUTES_FOUND),
        (directory(CARRIER.model_copy(update={"blocked": True})), submission(), CodeId.NO_ROUTES_FOUND),
        (directory(ROUTE.model_copy(update={"destination_prefix": "44"})), submission(), CodeId.NO_ROUTES_FOUND),
        (directory(), submission(content="\u001b"), CodeId.NO_ENCODING),
        (directory(), submission(content="a" * 1531), CodeId.NO_ENCODING),
    ],
)  # fmt: skip
def test_each_refusal_has_the_contracts_code(view: Directory, asked: Submission, code: CodeId) -> None:
    """One status per destination, with the code, a reason in words, and no clock in it."""
    (status,) = outcomes(view, asked)
    assert isinstance(status, MessageStatus)
    assert status.code_id is code
    assert status.status == (StatusName.FAILED if code is CodeId.NO_ENCODING else StatusName.ROUTING_ERROR)
    assert status.reason
    assert (status.accepted_at, status.ended_at, status.segments_sent) == (NOW, NOW, 0)


def test_several_destinations_each_get_a_message_with_an_id_of_its_own() -> None:
    """Ids are the destination's own, or derived from submission and number; a number listed twice is one message."""
    asked = submission(
        Destination(address="15551234567"),
        Destination(address="15551234568", id=UUID.format(50)),
        Destination(address="15551234567"),
    )
    assert [it.id for it in outcomes(directory(), asked) if isinstance(it, MtMessage)] == [
        message_id_of_destination(UUID.format(9), "15551234567"),
        UUID.format(50),
    ]


def test_an_allowed_source_is_allowed_on_a_trunk_that_names_it() -> None:
    """With the toggle off, a listed DID may send."""
    trunk = TRUNK.model_copy(update={"allow_any_did": False, "allowed_sources": (DID.number,)})
    (message,) = outcomes(directory(trunk), submission())
    assert isinstance(message, MtMessage)


def record(value: bytes | None, timestamp_ms: int = 1_767_225_600_000) -> InRecord:
    return InRecord(SUBMITTED, 2, 41, timestamp_ms, b"key", value, ())


def test_a_replay_causes_the_same_bytes() -> None:
    """The same record under the same directory gives identical records, refusals included."""
    value = b"[%s,%s,{}]" % (submission().to_bytes(), submission(source="12125550000").to_bytes())
    first = caused_by(record(value), directory(), MessageSettings(), {})
    assert caused_by(record(value), directory(), MessageSettings(), {}) == first
    assert [it.topic for it in first] == [SEGMENTED, STATUS, "sms.mt.submitted.dead-letter"]
    assert DeadLetterSource.from_headers(first[2].headers).element == 2


def test_missing_id_and_time_come_from_the_record() -> None:
    """A submission without an id gets one from its coordinates, and its record's timestamp counts as acceptance."""
    asked = submission().model_copy(update={"id": None})
    (out,) = caused_by(record(asked.to_bytes()), directory(), MessageSettings(), {})
    message = MtMessage.from_bytes(out.value or b"")
    assert message.id == submission_id_from_coordinates(SUBMITTED, 2, 41, 0)
    assert message.accepted_at == NOW
    assert (out.topic, out.key) == (SEGMENTED, b"15551234567")


@pytest.mark.parametrize("timestamp_ms", [-1, 0, 2**62])
def test_no_timestamp_of_a_producer_crashes(timestamp_ms: int) -> None:
    """A record's timestamp is the producer's and may be anything."""
    asked = submission().model_copy(update={"id": None})
    assert len(caused_by(record(asked.to_bytes(), timestamp_ms), directory(), MessageSettings(), {})) == 1
