"""From a submission to messages and refusals."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.carriers.profiles.book import ProfileBook
from pipeline.directory.model import Directory
from pipeline.settings import MessageSettings
from pipeline.steps.admission.acceptance import Accepted
from pipeline.steps.admission.request import check_content
from pipeline.steps.composition import compose
from pipeline.steps.processing import Routed, process
from schemas.directory.account import NumberCheck
from schemas.directory.carrier import Profile
from schemas.directory.entry import DirectoryEntry
from schemas.directory.route import Route
from schemas.headers.causation import Causation, causation_of
from schemas.headers.dead_letter import DeadLetterSource
from schemas.identifiers import message_id_of_destination, submission_id_from_coordinates
from schemas.messages.destination import Destination
from schemas.messages.mt_message import Alternative, DataCoding, MtMessage
from schemas.messages.status import CodeId, MessageStatus, StatusName
from schemas.messages.submission import EARLIEST, LATEST, Submission
from schemas.record import InRecord
from schemas.text.smart_encoding import ChangeStep, SmartEncoding
from schemas.topics import SCHEDULED, SEGMENTED, STATUS, SUBMITTED
from tests.builders import (
    CREATED,
    PROFILE_TEXT,
    account,
    carrier,
    did,
    directory_of,
    in_record,
    profile,
    route,
    submission,
    trunk,
    uuid,
)
from tests.unit.agents.processor.causing import caused_by
from tests.unit.pipeline.steps.segmented import segmented

ID = uuid(9)
ACCOUNT, DID, TRUNK, CARRIER, ROUTE = account(), did(), trunk(), carrier(), route(price_per_segment=Decimal("0.0075"))
DEFAULTS = MessageSettings()
ENTRIES: tuple[DirectoryEntry, ...] = (ACCOUNT, DID, TRUNK, CARRIER, ROUTE)


def usual(*changed: DirectoryEntry, without: DirectoryEntry | None = None) -> Directory:
    """Return a directory in which a submission is routed, with some entries replaced, or one left out."""
    return directory_of(*(entry for entry in (*ENTRIES, *changed) if entry is not without))


def asking(*destinations: str | Destination, **changes: Any) -> Submission:
    return submission(*destinations, id=ID, **changes)


def outcomes(
    view: Directory, asked: Submission, settings: MessageSettings | None = None
) -> list[MtMessage | MessageStatus]:
    accepted = Accepted(asked, asked.id or uuid(8), CREATED, CREATED)
    return [
        MtMessage.from_bytes(it.value) if isinstance(it, Routed) else it
        for it in process(accepted, view, settings or MessageSettings())
    ]


def test_a_message_is_encoded_segmented_and_routed() -> None:
    """Everything that delivery and the callback need is in the message."""
    (message,) = outcomes(usual(), asking(content="€" * 81))
    assert isinstance(message, MtMessage)
    assert message.id == ID
    assert message.data_coding is DataCoding.GSM7
    assert [segment.text for segment in message.segments] == ["€" * 76, "€" * 5]
    assert (message.carrier_id, message.price_per_segment) == (CARRIER.id, Decimal("0.0075"))
    assert (message.accepted_at, message.expires_at) == (CREATED, CREATED + timedelta(days=1))


def test_a_message_says_whether_its_trunk_wants_receipts() -> None:
    """As the switch was when it was processed; where it is off nothing is written at all."""
    (silent,) = process(Accepted(asking(), ID, CREATED, CREATED), usual(), MessageSettings())
    assert isinstance(silent, Routed)
    assert b"receipts" not in silent.value
    (wanted,) = outcomes(usual(trunk(receipts_enabled=True)), asking())
    assert isinstance(wanted, MtMessage)
    assert wanted.receipts is True


@pytest.mark.parametrize("view", [usual(), usual(without=ROUTE)], ids=["routed", "refused"])
def test_a_message_keeps_its_name(view: Directory) -> None:
    """Every message of a submission, and every refusal; where there is none nothing is written at all."""
    labels = {"client_reference": "order 4711", "tags": ("shop", "Grüße"), "campaign_id": uuid(19)}
    for outcome in outcomes(view, asking("15551234567", "15551234568", **labels)):
        assert (outcome.client_reference, outcome.tags) == ("order 4711", ("shop", "Grüße"))
        assert outcome.campaign_id == uuid(19)
    for found in process(Accepted(asking(tags=()), ID, CREATED, CREATED), view, MessageSettings()):
        written = found.value if isinstance(found, Routed) else found.to_bytes()
        assert b"client_reference" not in written
        assert b"tags" not in written
        assert b"campaign_id" not in written


@pytest.mark.parametrize(
    ("of_trunk", "asked", "text"),
    [
        (None, None, "It’s “ready”"),
        (None, SmartEncoding.REPLACE, 'It\'s "ready"'),
        (SmartEncoding.REPLACE, None, 'It\'s "ready"'),
        (SmartEncoding.REPLACE, SmartEncoding.OFF, "It’s “ready”"),
    ],
)
def test_a_text_is_changed_as_the_message_or_its_trunk_says(
    of_trunk: SmartEncoding | None, asked: SmartEncoding | None, text: str
) -> None:
    """What the message asks for counts, else the trunk's setting; what was changed is in the message."""
    view = usual(trunk(smart_encoding=of_trunk))
    for message in outcomes(view, asking("15551234567", "15551234568", content="It’s “ready”", smart_encoding=asked)):
        assert isinstance(message, MtMessage)
        assert [it.text for it in message.segments] == [text]
        changed = [(it.before, it.after, it.count) for it in message.text_changes or ()]
        assert changed == ([] if text == "It’s “ready”" else [("’", "'", 1), ("“", '"', 1), ("”", '"', 1)])


def test_a_text_is_composed_before_it_is_cut() -> None:
    """Whatever is asked for; and nothing is said of a text that was so already."""
    (message,) = outcomes(usual(), asking(content="e\u0301" * 160))
    assert isinstance(message, MtMessage)
    assert [it.text for it in message.segments] == ["é" * 160]
    assert [(it.step, it.count) for it in message.text_changes or ()] == [(ChangeStep.COMPOSED, 160)]
    (plain,) = process(Accepted(asking(content="é"), ID, CREATED, CREATED), usual(), MessageSettings())
    assert isinstance(plain, Routed)
    assert b"text_changes" not in plain.value
    assert b"national_language" not in plain.value


TURKISH = "Çağrınız alınmıştır, teşekkürler. " * 3
TAKES = profile("takes", PROFILE_TEXT.replace("request:", "national_tables: {turkish: [single, locking]}\nrequest:"))


@pytest.mark.parametrize(
    ("asked", "routes", "language"),
    [
        (SmartEncoding.REPLACE, (route(),), "turkish"),
        (None, (route(),), None),
        (SmartEncoding.REPLACE, (route(), route(32, carrier_id=uuid(22), priority=9)), None),
        (SmartEncoding.REPLACE, (route(), route(32, carrier_id=uuid(23), priority=9)), "turkish"),
        (SmartEncoding.REPLACE, (route(carrier_id=uuid(22)),), None),
    ],
    ids=["asked for", "not asked for", "the next carrier does not", "both do", "the carrier does not"],
)
def test_national_tables_are_for_carriers_that_take_them(
    asked: SmartEncoding | None, routes: tuple[Route, ...], language: str | None
) -> None:
    """All that may get the message: it is cut once, and one that cannot read the header would garble it."""
    carriers = carrier(21, profile="takes"), carrier(22), carrier(23, profile="takes")
    view = directory_of(ACCOUNT, DID, TRUNK, TAKES, *carriers, *routes)
    book = ProfileBook(partial(view.get, Profile))
    accepted = Accepted(asking(content=TURKISH, smart_encoding=asked), ID, CREATED, CREATED)
    (found,) = process(accepted, view, MessageSettings(), book.national_alphabets)
    assert isinstance(found, Routed)
    message = MtMessage.from_bytes(found.value)
    assert message.national_language == language
    assert "".join([it.text for it in message.segments]) == TURKISH
    if language is None:
        assert (message.data_coding, len(message.segments)) == (DataCoding.UCS2, 2)
    else:
        assert (message.data_coding, [it.udh for it in message.segments]) == (DataCoding.GSM7, ["03240101"])


def test_each_destination_gets_its_own_text() -> None:
    """Its own, or everybody's with its values; a text that cannot be sent is refused for its destination alone."""
    own = asking(
        Destination(address="15551234567", content="€" * 81),
        Destination(address="15551234568", content="\x1b", client_reference="mine"),
        Destination(address="15551234568", content="ж"),
        content=None, client_reference="all",
    )  # fmt: skip
    long, refused, short = outcomes(usual(), own)
    assert isinstance(long, MtMessage)
    assert isinstance(refused, MessageStatus)
    assert isinstance(short, MtMessage)
    assert [it.text for it in long.segments] == ["€" * 76, "€" * 5]
    assert (refused.code_id, refused.client_reference) == (CodeId.NO_ENCODING, "mine")
    assert (short.data_coding, short.segments[0].text, short.client_reference) == (DataCoding.UCS2, "ж", "all")
    assert len({long.id, refused.message_id, short.id}) == 3
    filled = asking(
        Destination(address="15551234567", values={"name": "Ann"}),
        Destination(address="15551234568", values={"name": "{{name}}"}),
        content="Hello {{name}}",
    )
    texts = [it.segments[0].text for it in outcomes(usual(), filled) if isinstance(it, MtMessage)]
    assert texts == ["Hello Ann", "Hello {{name}}"]


@pytest.mark.parametrize("view", [usual(), usual(without=ROUTE)], ids=["routed", "refused"])
def test_a_message_keeps_where_it_is_told(view: Directory) -> None:
    """Every message of a submission, and every refusal."""
    for outcome in outcomes(view, asking("15551234567", "15551234568", callback_url="https://a.example/x")):
        assert outcome.callback_url == "https://a.example/x"
    for outcome in outcomes(view, asking()):
        assert outcome.callback_url is None


def test_a_message_names_what_it_costs_and_who_else_would_take_it() -> None:
    """Price and currency are the route's; the alternatives are in their order, each with its own."""
    view = usual(
        route(price_per_segment=Decimal("0.0075"), currency="USD"), carrier(22), carrier(23), carrier(24, blocked=True),
        route(32, carrier_id=uuid(23), priority=2, price_per_segment=Decimal("0.01"), currency="EUR"),
        route(33, carrier_id=uuid(22), priority=9), route(34, carrier_id=uuid(24), priority=1),
    )  # fmt: skip
    (message,) = outcomes(view, asking())
    assert isinstance(message, MtMessage)
    assert (message.carrier_id, message.price_per_segment, message.currency) == (uuid(21), Decimal("0.0075"), "USD")
    assert message.alternatives == (
        Alternative(carrier_id=uuid(23), price_per_segment=Decimal("0.01"), currency="EUR"),
        Alternative(carrier_id=uuid(22)),
    )
    (alone,) = outcomes(usual(), asking())
    assert isinstance(alone, MtMessage)
    assert alone.alternatives is None


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
    view = usual(route(price_per_segment=price))
    content = compose(content)  # what is composed has a test of its own
    asked = asking(content=content)
    accepted = Accepted(asked, ID, accepted_at, CREATED)
    (outcome,) = process(accepted, view, MessageSettings())
    if check_content(content, MessageSettings().max_segments) is not None:
        assert isinstance(outcome, MessageStatus)
        return
    assert isinstance(outcome, Routed)
    data_coding, segments = segmented(content, ID)
    assert MtMessage.from_bytes(outcome.value) == MtMessage(
        id=ID, trunk_id=TRUNK.id, account_id=ACCOUNT.id, source=DID.number, destination="15551234567",
        data_coding=data_coding, segments=segments, carrier_id=CARRIER.id, price_per_segment=price,
        accepted_at=accepted_at, expires_at=accepted_at + timedelta(days=1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("view", "asked", "code"),
    [
        (usual(without=TRUNK), asking(), CodeId.TRUNK_BLOCKED),
        (usual(trunk(blocked=True)), asking(), CodeId.TRUNK_BLOCKED),
        (usual(trunk(deleted_at=CREATED)), asking(), CodeId.TRUNK_BLOCKED),
        (usual(account(blocked=True)), asking(), CodeId.ACCOUNT_BLOCKED),
        (usual(without=ACCOUNT), asking(), CodeId.ACCOUNT_BLOCKED),
        (usual(without=DID), asking(), CodeId.SOURCE_NOT_ALLOWED),
        (usual(did(p2p_enabled=False)), asking(), CodeId.SOURCE_NOT_ALLOWED),
        (usual(did(account_id=uuid(7))), asking(), CodeId.SOURCE_NOT_ALLOWED),
        (usual(trunk(allow_any_did=False)), asking(), CodeId.SOURCE_NOT_ALLOWED),
        (usual(), asking(source="MyBrand"), CodeId.SOURCE_NOT_ALLOWED),
        (usual(), asking(Destination(address="999999999")), CodeId.DESTINATION_NOT_ALLOWED),
        (usual(without=ROUTE), asking(), CodeId.NO_ROUTES_FOUND),
        (usual(carrier(blocked=True)), asking(), CodeId.NO_ROUTES_FOUND),
        (usual(route(destination_prefix="44")), asking(), CodeId.NO_ROUTES_FOUND),
        (usual(), asking(content="\u001b"), CodeId.NO_ENCODING),
        (usual(), asking(content="a" * 1531), CodeId.NO_ENCODING),
    ],
)  # fmt: skip
def test_each_refusal_has_the_contracts_code(view: Directory, asked: Submission, code: CodeId) -> None:
    """One status per destination, with the code, a reason in words, and no clock in it."""
    (status,) = outcomes(view, asked)
    assert isinstance(status, MessageStatus)
    assert status.code_id is code
    assert status.status == (StatusName.FAILED if code is CodeId.NO_ENCODING else StatusName.ROUTING_ERROR)
    assert status.reason
    assert (status.accepted_at, status.ended_at, status.segments_sent) == (CREATED, CREATED, 0)


def test_several_destinations_each_get_a_message_with_an_id_of_its_own() -> None:
    """Ids are the destination's own, or derived from submission and number; a number listed twice is one message."""
    asked = asking(
        Destination(address="15551234567"),
        Destination(address="15551234568", id=uuid(50)),
        Destination(address="15551234567"),
    )
    assert [it.id for it in outcomes(usual(), asked) if isinstance(it, MtMessage)] == [
        message_id_of_destination(ID, "15551234567"),
        uuid(50),
    ]


def test_an_allowed_source_is_allowed_on_a_trunk_that_names_it() -> None:
    """With the toggle off, a listed DID may send."""
    naming = trunk(allow_any_did=False, allowed_sources=(DID.number,))
    (message,) = outcomes(usual(naming), asking())
    assert isinstance(message, MtMessage)


def record(value: bytes | None, timestamp_ms: int = 1_767_225_600_000) -> InRecord:
    return in_record(SUBMITTED, value, 41, partition=2, timestamp_ms=timestamp_ms)


def test_a_replay_causes_the_same_bytes() -> None:
    """The same record under the same directory gives identical records, refusals included."""
    value = b"[%s,%s,{}]" % (asking().to_bytes(), asking(source="12125550000").to_bytes())
    first = caused_by(record(value), usual(), MessageSettings(), {})
    assert caused_by(record(value), usual(), MessageSettings(), {}) == first
    assert [it.topic for it in first] == [SEGMENTED, STATUS, "sms.mt.submitted.dead-letter"]
    assert DeadLetterSource.from_headers(first[2].headers).element == 2


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"validity_period": 60}, 60),
        ({"send_at": CREATED + timedelta(hours=3)}, 3 * 3600 + 86_400),
        ({"send_at": CREATED + timedelta(hours=3), "validity_period": 600}, 3 * 3600 + 600),
        ({"send_at": CREATED - timedelta(hours=3), "validity_period": 600}, 600),
    ],
    ids=str,
)
def test_the_time_to_live_counts_from_when_it_may_be_sent(changes: dict[str, Any], seconds: int) -> None:
    """From send_at, or from acceptance where that is later; for as long as the customer or the installation says."""
    (message,) = outcomes(usual(), asking(**changes))
    assert isinstance(message, MtMessage)
    assert message.expires_at == CREATED + timedelta(seconds=seconds)
    assert message.bulk_id is None


def test_messages_of_a_scheduled_bulk_name_it() -> None:
    """All but one that is alone, whose id is the submission's; where nothing is scheduled nothing is written."""
    at = CREATED + timedelta(hours=1)
    for message in outcomes(usual(), asking("15551234567", "15551234568", send_at=at)):
        assert isinstance(message, MtMessage)
        assert message.bulk_id == ID
    for found in process(Accepted(asking("15551234567", "15551234568"), ID, CREATED, CREATED), usual(), DEFAULTS):
        assert isinstance(found, Routed)
        assert b"bulk_id" not in found.value


@pytest.mark.parametrize(("over", "status"), [(0, None), (1, StatusName.FAILED)])
def test_nothing_waits_longer_than_35_days(over: int, status: StatusName | None) -> None:
    """A direct producer may ask for anything; what is too far away is refused at once, by the broker's clock."""
    (outcome,) = outcomes(usual(), asking(send_at=CREATED + timedelta(days=35, seconds=over)))
    if status is None:
        assert isinstance(outcome, MtMessage)
    else:
        assert isinstance(outcome, MessageStatus)
        assert (outcome.status, outcome.code_id) == (status, CodeId.ROUTING_FAILED)
        assert outcome.reason == "send_at is more than 35 days ahead"


def test_what_is_to_be_sent_later_goes_to_the_scheduler_message_by_message() -> None:
    """With all that its record has added and without its key; what is refused is refused now; numbers stay the same."""
    at = CREATED + timedelta(hours=1)
    later = asking("15551234567", "123456789012345", "15551234568", send_at=at, validity_period=60, tags=("shop",))
    later = later.model_copy(update={"idempotency_key": "k", "accepted_at": None})
    now = asking().model_copy(update={"id": uuid(77)})
    value = b"[%s,%s]" % (later.to_bytes(), now.to_bytes())
    first, refused, second, sent = caused_by(record(value), usual(), MessageSettings(), {})
    assert [it.topic for it in (first, refused, second, sent)] == [SCHEDULED, STATUS, SCHEDULED, SEGMENTED]
    assert [causation_of(it.headers) for it in (first, refused, second, sent)] == [
        Causation(2, 41, number, int(CREATED.timestamp() * 1000)) for number in range(4)
    ]
    for out, to in ((first, "15551234567"), (second, "15551234568")):
        part = Submission.from_bytes(out.value or b"")
        message_id = message_id_of_destination(ID, to)
        assert (out.key, part.destinations) == (TRUNK.id.encode(), (Destination(address=to, id=message_id),))
        assert (part.id, part.accepted_at, part.idempotency_key) == (ID, CREATED, None)
        assert (part.send_at, part.validity_period, part.tags, part.content) == (at, 60, ("shop",), "Hello")


@pytest.mark.parametrize("seconds", [-86_400, 0])
def test_a_time_that_has_come_is_no_reason_to_wait(seconds: int) -> None:
    """By the broker's clock, so that a replay decides the same."""
    asked = asking(send_at=CREATED + timedelta(seconds=seconds))
    (out,) = caused_by(record(asked.to_bytes()), usual(), MessageSettings(), {})
    assert out.topic == SEGMENTED


def test_missing_id_and_time_come_from_the_record() -> None:
    """A submission without an id gets one from its coordinates, and its record's timestamp counts as acceptance."""
    asked = submission()
    (out,) = caused_by(record(asked.to_bytes()), usual(), MessageSettings(), {})
    message = MtMessage.from_bytes(out.value or b"")
    assert message.id == submission_id_from_coordinates(SUBMITTED, 2, 41, 0)
    assert message.accepted_at == CREATED
    assert (out.topic, out.key) == (SEGMENTED, b"15551234567")


@pytest.mark.parametrize("timestamp_ms", [-1, 0, 2**62])
def test_no_timestamp_of_a_producer_crashes(timestamp_ms: int) -> None:
    """A record's timestamp is the producer's and may be anything."""
    asked = submission()
    assert len(caused_by(record(asked.to_bytes(), timestamp_ms), usual(), MessageSettings(), {})) == 1


@pytest.mark.parametrize(
    ("seconds", "counted"), [(-86_400, -86_400), (-1, -1), (0, 0), (1, 0), (86_400, 0), (4_000_000_000, 0)]
)
def test_no_message_is_accepted_after_its_record_was_written(seconds: int, counted: int) -> None:
    """The time to live begins with it: one from the future would be tried for as long as the future is away."""
    asked = asking().model_copy(update={"accepted_at": CREATED + timedelta(seconds=seconds)})
    at_ms = int(CREATED.timestamp() * 1000)
    (out,) = caused_by(record(asked.to_bytes(), at_ms), usual(), MessageSettings(), {})
    message = MtMessage.from_bytes(out.value or b"")
    assert message.accepted_at == CREATED + timedelta(seconds=counted)
    assert message.expires_at == CREATED + timedelta(seconds=counted, days=1)


@pytest.mark.parametrize(("check", "sent"), [(NumberCheck.PLAN, False), (NumberCheck.FORM, True)])
def test_numbers_are_checked_as_their_account_wants(check: NumberCheck, sent: bool) -> None:
    """A direct producer's too: without a door it is the first to ask."""
    (outcome,) = outcomes(usual(account(number_check=check)), asking(Destination(address="4407700900123")))
    if sent:
        assert isinstance(outcome, MtMessage)
        return
    assert isinstance(outcome, MessageStatus)
    assert outcome.code_id is CodeId.DESTINATION_NOT_ALLOWED
    assert "447700900123 is meant" in (outcome.reason or "")


@pytest.mark.parametrize(
    ("of_route", "address", "code"),
    [
        ({"short_codes": True}, "12345", None),
        ({"short_codes": True, "account_id": uuid(1)}, "012", None),
        ({"short_codes": True, "destination_prefix": "4"}, "12345", CodeId.NO_ROUTES_FOUND),
        ({"short_codes": True, "account_id": uuid(2)}, "12345", CodeId.DESTINATION_NOT_ALLOWED),
        ({}, "12345", CodeId.DESTINATION_NOT_ALLOWED),
    ],
)
def test_a_short_code_goes_where_a_route_takes_it(of_route: dict[str, Any], address: str, code: CodeId | None) -> None:
    """No country is asked: the digits of a code are nobody's country code."""
    picky = trunk(refused_countries=("US",))
    entries: list[DirectoryEntry] = [ACCOUNT, DID, picky, CARRIER, route(), route(32, **of_route)]
    value = submission(Destination(address=address), trunk_id=picky.id).to_bytes()
    (written,) = caused_by(
        in_record(SUBMITTED, value, timestamp_ms=1000), directory_of(*entries), MessageSettings(), {}
    )
    if code is None:
        assert MtMessage.from_bytes(written.value or b"").destination == address
    else:
        refused = MessageStatus.from_bytes(written.value or b"")
        assert (refused.destination, refused.code_id) == (address, code)
