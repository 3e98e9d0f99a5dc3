"""A carrier that does not report by itself: the question it is asked, and how its answer is read."""

import json
from datetime import timedelta
from typing import Final

import pytest

from pipeline.alphabets.national import Choice, alphabet
from pipeline.carriers.profiles.bound import BoundCarrier
from pipeline.carriers.profiles.profile import CarrierProfile
from pipeline.errors import BadReceipt, Inexpressible, RuleViolated
from pipeline.http.answer import Answer
from pipeline.steps.segmentation import concatenation_reference, only_header, user_data_headers
from schemas.messages.dlr import ExpectedReceipt, MessageState
from schemas.messages.mt_message import MtMessage, Segment
from tests.builders import CREATED, message, uuid

HEAD: Final = """\
version: 1
name: Polled
about: For tests.
secrets:
  token: {about: Its token.}
auth: {bearer: "{token}"}
request: {urls: "{url}/messages"}
answers: [{status: 202, outcome: accepted}]
receipts:
"""
ONE: Final = """\
  poll: {every_seconds: 45, urls: "{url}/messages/{carrier_message_id}", query: {ref: "{segment_id}"}}
  state: {json: /status}
  states: {arrived: DELIVRD}
  error: {json: /code}
"""
LIST: Final = """\
  poll: {method: POST, urls: "{url}/reports", body: {json: {ids: ["{carrier_message_id}"]}}}
  each: {json: /reports}
  id: {json: /id}
  state: {json: /status}
"""


def bound(receipts: str) -> BoundCarrier:
    profile = CarrierProfile.parse("polled", (HEAD + receipts).encode())
    return BoundCarrier(profile, "https://carrier.example/v1", {}, {"token": "t0ken"})


def expected(name: str = "a/b c") -> ExpectedReceipt:
    return ExpectedReceipt(
        carrier_id=uuid(21), carrier_message_id=name, message_id=uuid(61), seqnum=2, accepted_at=CREATED
    )


def answer(body: bytes, status: int = 200) -> Answer:
    return Answer(status, body, None)


def test_the_question_is_to_the_byte() -> None:
    """What the carrier calls it is encoded for its place; the log-in is that of a POST."""
    request = bound(ONE).poll(expected())
    assert request is not None
    [target] = request.targets
    assert (request.method, request.body) == ("GET", None)
    assert target.url == f"https://carrier.example/v1/messages/a%2Fb%20c?ref={uuid(61)}%3A2"
    assert target.headers == {"Authorization": "Bearer t0ken"}


def test_a_question_can_be_a_post() -> None:
    """With a body of its own."""
    request = bound(LIST).poll(expected("c-1"))
    assert request is not None
    assert (request.method, request.body) == ("POST", b'{"ids":["c-1"]}')


def test_an_answer_is_read_as_a_receipt_is() -> None:
    """One without an id is about what was asked for; one with ids is about those."""
    [report] = bound(ONE).read_poll(answer(b'{"status": "arrived", "code": 0}'))
    assert (report.carrier_message_id, report.state, report.error_code) == (None, MessageState.DELIVERED, "0")
    body = b'{"reports": [{"id": "c-1", "status": "UNDELIV"}, {"id": "c-2", "status": "ENROUTE"}]}'
    reports = bound(LIST).read_poll(answer(body))
    assert [(it.carrier_message_id, it.state.name) for it in reports] == [("c-1", "UNDELIVERABLE"), ("c-2", "ENROUTE")]


@pytest.mark.parametrize(
    "said",
    [
        answer(b'{"status": "arrived"}', 404), answer(b'{"status": "arrived"}', 500), answer(b"<html>"), answer(b"{}"),
        answer(b'{"status": "nobody knows"}'), Answer(200, b'{"status": "arrived"}', None, "an end"),
    ],
)  # fmt: skip
def test_what_reports_nothing_is_told_from_what_does(said: Answer) -> None:
    """It is asked again."""
    with pytest.raises(BadReceipt):
        bound(ONE).read_poll(said)


def test_a_profile_that_reports_by_itself_is_not_asked() -> None:
    """And one that is asked says how often."""
    pushed = bound("  {id: {json: /id}, state: {json: /status}}\n")
    assert (pushed.poll(expected()), pushed.profile.polled_every) == (None, None)
    assert bound(ONE).profile.polled_every == timedelta(seconds=45)


@pytest.mark.parametrize(
    ("receipts", "where", "why"),
    [
        ("  state: {json: /status}\n", "receipts", "id is missing"),
        ('  {poll: {urls: "{url}"}, each: {json: /r}, state: {json: /s}}\n', "receipts", "id is missing"),
        ('  {poll: {urls: "{url}/{text}"}, state: {json: /s}}\n', "receipts.poll.urls", "text"),
        ('  {poll: {urls: "{url}", every_seconds: 0}, state: {json: /s}}\n', "every_seconds", "greater than"),
        ('  {poll: {urls: "{carrier_message_id}"}, state: {json: /s}}\n', "receipts.poll.urls", "begin"),
    ],
)
def test_a_profile_that_cannot_ask_is_refused_with_place_and_reason(receipts: str, where: str, why: str) -> None:
    """Nothing of the message is known any more when it is asked."""
    with pytest.raises(RuleViolated) as refused:
        bound(receipts)
    [(place, reason)] = refused.value.problems
    assert where in place
    assert why in reason


def test_an_id_that_no_header_can_hold_is_inexpressible() -> None:
    """The carrier has made it up."""
    carrier = bound('  {poll: {urls: "{url}", headers: {X-Id: "{carrier_message_id}"}}, state: {json: /s}}\n')
    with pytest.raises(Inexpressible):
        carrier.poll(expected("a\nb"))


NATIONAL: Final = """\
version: 1
name: Octets
about: For tests.
national_tables: {turkish: [single, locking], spanish: single}
sends: %s
request:
  urls: "{url}"
  body:
    json:
      udh: "{udh}"
      octets: {$case: encoding, gsm7: "{septets|hex}", ucs2: "{ucs2|hex}"}
      language: "{national_language}"
      code: {$case: language, turkish: TR, spanish: ES}
answers: [{status: 202, outcome: accepted}]
"""


def in_turkish(*texts: str, single: bool = True) -> MtMessage:
    found = alphabet(Choice("turkish", single=single, locking=not single))
    headers = user_data_headers(len(texts), uuid(61), found.elements)
    if len(texts) == 1:
        headers = [only_header(found.elements)]
    segments = [
        Segment(seqnum=n, text=text, udh=udh) for n, (text, udh) in enumerate(zip(texts, headers, strict=True), 1)
    ]
    return message(tuple(segments), id=uuid(61), national_language="turkish")


def octets_of(tables: str, sent: MtMessage, sends: str = "segments") -> list[dict[str, str]]:
    text = NATIONAL % sends
    profile = CarrierProfile.parse(
        "octets", text.replace("{turkish: [single, locking], spanish: single}", tables).encode()
    )
    carrier = BoundCarrier(profile, "https://carrier.example/", {}, {})
    units = sent.segments if sends == "segments" else [carrier.unit(sent, sent.segments[0])]
    return [json.loads(carrier.request(sent, it).body or b"") for it in units]


ALL: Final = "{turkish: [single, locking], spanish: single}"


def test_septets_are_those_of_the_headers_tables() -> None:
    """An escape pair of the single shift table, one septet of the locking shift table, and the header that names it."""
    assert octets_of(ALL, in_turkish("aş")) == [
        {"udh": "03240101", "octets": "611b73", "language": "turkish", "code": "TR"}
    ]
    assert octets_of(ALL, in_turkish("aş", single=False)) == [
        {"udh": "03250101", "octets": "611d", "language": "turkish", "code": "TR"}
    ]
    reference = concatenation_reference(uuid(61))
    assert [it["udh"] for it in octets_of(ALL, in_turkish("a", "ş"))] == [
        f"080003{reference:02x}02{seqnum:02x}240101" for seqnum in (1, 2)
    ]
    plain = message((Segment(seqnum=1, text="é€"),))
    assert octets_of(ALL, plain) == [{"octets": "051b65"}]


def test_a_whole_text_says_its_language() -> None:
    """It has no header; its septets are those of all segments."""
    assert octets_of(ALL, in_turkish("a", "ş"), "whole_text") == [
        {"octets": "611b73", "language": "turkish", "code": "TR"}
    ]


@pytest.mark.parametrize("tables", ["{}", "{spanish: single}", "{turkish: locking}"])
def test_a_carrier_is_given_no_tables_that_it_does_not_take(tables: str) -> None:
    """Its profile may have been changed while the message was on its way."""
    with pytest.raises(Inexpressible, match="turkish tables"):
        octets_of(tables, in_turkish("ş"))


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ("{klingon: single}", "klingon is no language that has tables"),
        ("{spanish: [single, locking]}", "there is no locking shift table of spanish"),
        ("{turkish: []}", "at least 1"),
        ("{turkish: double}", "single"),
    ],
)
def test_tables_that_there_are_not_are_refused(tables: str, reason: str) -> None:
    """With the reason, and the place."""
    with pytest.raises(RuleViolated, match=reason):
        octets_of(tables, in_turkish("ş"))
