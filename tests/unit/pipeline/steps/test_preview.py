"""A preview says what happens: the processor's segments, its refusals and its prices, for every message."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.carriers.profiles.book import ProfileBook
from pipeline.directory.model import Directory
from pipeline.directory.rules.changes import route_key
from pipeline.settings import MessageSettings
from pipeline.steps.admission.acceptance import Accepted
from pipeline.steps.admission.request import Admitted, Terms, admit
from pipeline.steps.preview import Preview, preview, preview_text
from pipeline.steps.processing import Routed, process
from schemas.directory.account import NumberCheck
from schemas.directory.carrier import Profile
from schemas.directory.entry import DirectoryEntry
from schemas.directory.route import Route
from schemas.messages.mt_message import DataCoding, MtMessage
from schemas.messages.status import CodeId, MessageStatus, StatusName
from schemas.text.smart_encoding import SmartEncoding
from tests import builders
from tests.builders import (
    CREATED,
    DESTINATION,
    PROFILE_TEXT,
    SOURCE,
    account,
    carrier,
    did,
    directory_of,
    profile,
    submission,
    trunk,
    uuid,
)

ALWAYS: tuple[DirectoryEntry, ...] = (account(), did(), trunk(), carrier(), carrier(22), carrier(23, blocked=True))


def route(number: int = 31, price: str | None = "0.0075", currency: str | None = "USD", **changes: Any) -> Route:
    each = None if price is None else Decimal(price)
    return builders.route(number, price_per_segment=each, currency=currency, **changes)


def admitted(content: str = "Hello", source: str = SOURCE, destination: str = DESTINATION) -> Admitted | None:
    """Return a message as the door lets it in, or None; what its account thinks of numbers is for later."""
    found = admit(
        {"source": source, "destination": destination, "content": content},
        Terms(trunk().id, max_segments=10, number_check=NumberCheck.FORM),
        CREATED,
    )
    return found if isinstance(found, Admitted) else None


def previewed(*entries: DirectoryEntry, content: str = "Hello", source: str = SOURCE) -> Preview:
    message = admitted(content, source)
    assert message is not None
    return preview(directory_of(*ALWAYS, *entries), message, CREATED)


def processed(directory: Directory, message: Admitted, message_id: str) -> MtMessage | MessageStatus:
    """Return what the processor makes of the same message under some id."""
    (_, destination) = message.messages[0]
    asked = submission(destination, source=message.source, content=message.content, id=message_id)
    (outcome,) = process(Accepted(asked, message_id, CREATED, CREATED), directory, MessageSettings())
    return MtMessage.from_bytes(outcome.value) if isinstance(outcome, Routed) else outcome


def test_everything_that_is_told() -> None:
    """Of a message of two segments that one character makes UCS-2."""
    found = previewed(route(), content="ok’" + "a" * 70)
    assert found.text.layout.data_coding is DataCoding.UCS2
    assert [(len(part.text), part.units) for part in found.text.layout.parts] == [(67, 67), (6, 6)]
    assert (found.text.layout.units_left, found.text.outside_gsm7) == (61, {"’": [2]})
    assert (found.refusal, [it.route.id for it in found.takers]) == (None, [uuid(31)])
    assert (found.price_per_segment, found.price, found.currency) == (Decimal("0.0075"), Decimal("0.0150"), "USD")
    assert not found.price_varies


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([route(31, "0.01"), route(32, "0.02", carrier_id=uuid(22))], ("0.01", True)),
        ([route(31, "0.01"), route(32, "0.02", carrier_id=uuid(22), weight=2)], ("0.02", True)),
        ([route(31, "0.01"), route(32, "0.01", carrier_id=uuid(22), weight=2)], ("0.01", False)),
        ([route(31, "0.01"), route(32, "0.01", "EUR", carrier_id=uuid(22))], ("0.01", True)),
        ([route(31, "0.01"), route(32, "0.02", carrier_id=uuid(22), priority=1)], ("0.01", False)),
        ([route(31, "0.01"), route(32, "0.02", carrier_id=uuid(23), weight=9)], ("0.01", False)),
        ([route(31, "0.01", blocked=True), route(32, "0.02", carrier_id=uuid(22), priority=1)], ("0.02", False)),
        ([route(31, None, None)], (None, False)),
    ],
    ids=[
        "two share", "the heavier one is told", "at one price", "in two currencies", "one goes first",
        "one of them leads nowhere", "the first is blocked", "without a price",
    ],
)  # fmt: skip
def test_the_price_is_that_of_most_such_messages(routes: list[Route], expected: tuple[str | None, bool]) -> None:
    """And it says when another one is possible."""
    found = previewed(*routes)
    each, varies = expected
    assert (found.price_per_segment, found.price_varies) == (each and Decimal(each), varies)
    assert found.price == found.price_per_segment


@pytest.mark.parametrize(
    ("entries", "source", "code_id"),
    [
        ([trunk(blocked=True), route()], SOURCE, CodeId.TRUNK_BLOCKED),
        ([account(blocked=True), route()], SOURCE, CodeId.ACCOUNT_BLOCKED),
        ([route()], "12125559999", CodeId.SOURCE_NOT_ALLOWED),
        ([did(p2p_enabled=False), route()], SOURCE, CodeId.SOURCE_NOT_ALLOWED),
        ([trunk(allow_any_did=False), route()], SOURCE, CodeId.SOURCE_NOT_ALLOWED),
        ([], SOURCE, CodeId.NO_ROUTES_FOUND),
    ],
)
def test_what_would_not_be_sent_says_why_and_has_no_price(
    entries: list[DirectoryEntry], source: str, code_id: CodeId
) -> None:
    """In the contract's number; what becomes of the text is told all the same."""
    found = previewed(*entries, source=source)
    assert found.refusal is not None
    assert (found.refusal.code_id, found.refusal.status) == (code_id, StatusName.ROUTING_ERROR)
    assert (found.price, found.price_per_segment, found.currency, found.price_varies) == (None, None, None, False)
    assert len(found.text.layout.parts) == 1


def test_places_are_counted_in_code_points() -> None:
    """As in the text that was sent, whatever takes two units of it; each character is told once."""
    assert preview_text("😀é’😀€’").outside_gsm7 == {"😀": [0, 3], "’": [2, 5]}
    assert preview_text("plain [€] text").outside_gsm7 == {}


contents = st.one_of(
    st.text(max_size=400),
    st.text(st.sampled_from("ab€[]|"), max_size=1600),
    st.text(st.sampled_from("aж]€😀𝄞"), max_size=700),
)
directories = st.lists(
    st.builds(
        lambda number, to, prefix, price, priority, weight, owner, blocked: route(
            number, price, carrier_id=uuid(to), destination_prefix=prefix, priority=priority, weight=weight,
            account_id=owner, blocked=blocked,
        ),
        st.integers(31, 40), st.integers(21, 24), st.sampled_from(["", "1", "1555", "44"]),
        st.sampled_from([None, "0.01", "0.02"]), st.integers(0, 1), st.sampled_from([None, 3]),
        st.sampled_from([None, uuid(1), uuid(2)]), st.sampled_from([False, False, True]),
    ),
    max_size=8, unique_by=(lambda it: it.id, route_key),
)  # fmt: skip
others = st.sampled_from(
    [(), (account(blocked=True),), (trunk(blocked=True),), (did(p2p_enabled=False),), (trunk(allow_any_did=False),)]
)


@given(
    contents, st.sampled_from([SOURCE, "12125559999", "MyBrand"]), st.sampled_from([DESTINATION, "4407700900123"]),
    directories, others, st.integers(1, 99),
)  # fmt: skip
@example("a" * 152 + "€" + "a" * 152, SOURCE, DESTINATION, [route()], (), 61)
def test_a_preview_is_what_the_processor_does(
    content: str, source: str, destination: str, routes: list[Route], changed: tuple[DirectoryEntry, ...], number: int
) -> None:
    """The same segments, or the same refusal in the same words; and one of the takers takes it, at its price."""
    message = admitted(content, source, destination)
    if message is None:
        return
    directory = directory_of(*ALWAYS, *routes, *changed)
    found, outcome = preview(directory, message, CREATED), processed(directory, message, uuid(number))
    if isinstance(outcome, MessageStatus):
        assert found.refusal is not None
        assert (outcome.code_id, outcome.reason, outcome.status) == (*found.refusal, found.refusal.status)
        assert not found.takers
        return
    assert found.refusal is None
    layout = found.text.layout
    assert (layout.data_coding, [it.text for it in layout.parts]) == (
        outcome.data_coding, [it.text for it in outcome.segments],
    )  # fmt: skip
    assert (outcome.data_coding is DataCoding.UCS2) == bool(found.text.outside_gsm7)
    assert (outcome.carrier_id, outcome.price_per_segment, outcome.currency) in {
        (carrier.id, route.price_per_segment, route.currency) for route, carrier in found.takers
    }
    if not found.price_varies:
        assert (outcome.price_per_segment, outcome.currency) == (found.price_per_segment, found.currency)


def test_a_preview_says_what_smart_encoding_does_and_would_do() -> None:
    """Changed as asked for; of a text that stays UCS-2, what going further would make of it."""
    done = preview_text("It’s ready", SmartEncoding.REPLACE)
    assert (done.layout.data_coding, done.outside_gsm7, done.instead) == (DataCoding.GSM7, {}, None)
    assert [(it.before, it.after) for it in done.changes] == [("’", "'")]
    undone = preview_text("It’s ready")
    assert (undone.layout.data_coding, undone.changes) == (DataCoding.UCS2, ())
    assert undone.instead == done
    letters = preview_text("ж" * 71, SmartEncoding.REPLACE)
    assert letters.instead is not None
    assert letters.instead.smart_encoding is SmartEncoding.TRANSLITERATE
    assert len(letters.instead.layout.parts) == 1
    for mode in SmartEncoding:
        assert preview_text("😀", mode).instead is None


@given(st.text(st.sampled_from("aé’…жş€\u0301😀"), min_size=1, max_size=200), st.sampled_from(SmartEncoding))
def test_a_preview_has_the_processors_text(content: str, mode: SmartEncoding) -> None:
    """Segment by segment, with its changes and its tables, where the carrier takes some."""
    takes = PROFILE_TEXT.replace("request:", "national_tables: {turkish: [single, locking]}\nrequest:")
    directory = directory_of(
        account(), did(), trunk(smart_encoding=mode), profile("takes", takes), carrier(profile="takes"), route()
    )
    message, book = admitted(content), ProfileBook(partial(directory.get, Profile))
    if message is None:
        return
    found = preview(directory, message, CREATED, book.national_alphabets).text
    asked = submission(DESTINATION, content=content, id=uuid(9))
    (outcome,) = process(
        Accepted(asked, uuid(9), CREATED, CREATED), directory, MessageSettings(), book.national_alphabets
    )
    assert isinstance(outcome, Routed)
    sent = MtMessage.from_bytes(outcome.value)
    assert [part.text for part in found.layout.parts] == [it.text for it in sent.segments]
    assert (found.layout.data_coding, found.national_language) == (sent.data_coding, sent.national_language)
    assert tuple(found.changes) == (sent.text_changes or ())


def test_a_route_without_a_price_is_none_for_a_trunk_whose_spend_is_limited() -> None:
    """As the processor refuses it; where there is a price in the right currency it is told as ever."""
    limited = trunk(spend_per_day=Decimal(10), spend_currency="EUR")
    found = previewed(limited, route())
    assert found.refusal is not None
    assert (found.refusal.status, found.refusal.code_id, found.takers) == ("Routing error", CodeId.NO_RATE_FOUND, ())
    assert previewed(limited, route(currency="EUR")).refusal is None
