"""What a carrier without a profile gets, and how its answer is read: the practice carrier's profile."""

import json

import pytest

from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.carriers.profiles.bound import BoundCarrier
from pipeline.carriers.profiles.shipped import PRACTICE, shipped_names, shipped_profile, shipped_text
from pipeline.http.answer import Answer
from schemas.messages.mt_message import DataCoding, Segment
from tests.builders import message


def bound(url: str = "https://example.net/sms", *, honours_key: bool = False) -> BoundCarrier:
    return BoundCarrier(shipped_profile(PRACTICE), url, {}, {}, honours_key=honours_key)


def result_of(answer: Answer, *, honours_key: bool) -> AttemptResult:
    return bound(honours_key=honours_key).read(answer)


@pytest.mark.parametrize("name", shipped_names())
def test_each_shipped_profile_is_in_order(name: str) -> None:
    """It is read without a problem, says where its facts are from, and is no longer than one of the directory."""
    assert shipped_profile(name).form.sources
    assert len(shipped_text(name)) < 65_536


def test_request_carries_the_segment_and_its_key() -> None:
    """The body has what the carrier needs to send one segment; the idempotency key is the segment id."""
    segment = Segment(seqnum=2, text='snow ☃ "quoted"', udh="0500037b0202")
    asked = message(data_coding=DataCoding.UCS2, segments=(Segment(seqnum=1, text="x", udh="0500037b0201"), segment))
    request = bound().request(asked, segment)
    [(url, headers)], body = request.targets, request.body or b""
    assert (request.method, url) == ("POST", "https://example.net/sms")
    assert headers["idempotency-key"] == f"{asked.id}:2"
    assert headers["content-type"] == "application/json"
    assert body.startswith(b'{"segment_id":"')
    assert json.loads(body) == {
        "segment_id": f"{asked.id}:2",
        "message_id": asked.id,
        "source": "12125551234",
        "destination": "15551234567",
        "data_coding": 8,
        "udh": "0500037b0202",
        "text": 'snow ☃ "quoted"',
    }


def test_the_request_names_where_the_receipt_goes_where_one_is_wanted() -> None:
    """The rest of it is the same."""
    asked = message()
    address = "https://sms.example/carriers/c/receipts/r"
    request, plain = bound().request(asked, asked.segments[0], address), bound().request(asked, asked.segments[0])
    assert request.targets == plain.targets
    assert json.loads(request.body or b"") == {**json.loads(plain.body or b""), "receipt_url": address}


@pytest.mark.parametrize(
    ("status", "body", "outcome", "carrier_message_id"),
    [
        (200, b'{"id": "abc"}', Outcome.ACCEPTED, "abc"),
        (202, b'{"id": 17}', Outcome.ACCEPTED, "17"),
        (202, b"not json", Outcome.ACCEPTED, None),
        (202, b"[" * 100_000, Outcome.ACCEPTED, None),
        (204, b"", Outcome.ACCEPTED, None),
        (202, b'{"id": {"x": 1}}', Outcome.ACCEPTED, None),
        (302, b"", Outcome.IN_DOUBT, None),
        (400, b"", Outcome.REFUSED, None),
        (404, b'{"id": "abc"}', Outcome.REFUSED, None),
        (429, b"", Outcome.NOT_TAKEN, None),
        (500, b"", Outcome.IN_DOUBT, None),
        (502, b"", Outcome.IN_DOUBT, None),
        (503, b"", Outcome.NOT_TAKEN, None),
        (504, b"", Outcome.IN_DOUBT, None),
    ],
)
def test_answers_are_read_by_what_they_leave_open(
    status: int, body: bytes, outcome: Outcome, carrier_message_id: str | None
) -> None:
    """Each status means taken, refused, not taken or in doubt; the id is read where there is one."""
    result = result_of(Answer(status, body, None), honours_key=False)
    assert (result.outcome, result.carrier_message_id) == (outcome, carrier_message_id)
    assert (result.error is None) == (outcome is Outcome.ACCEPTED)


def test_retry_after_is_passed_on() -> None:
    """What a throttling carrier says about when to come back is kept."""
    assert result_of(Answer(429, b"", "7"), honours_key=False).retry_after == "7"


@pytest.mark.parametrize(("honours_key", "outcome"), [(True, Outcome.IN_DOUBT), (False, Outcome.REFUSED)])
def test_a_conflict_is_about_the_key_where_the_carrier_honours_it(honours_key: bool, outcome: Outcome) -> None:
    """An earlier request with the key is still in progress; what becomes of it is not known."""
    assert result_of(Answer(409, b"", None), honours_key=honours_key).outcome is outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(202, Outcome.IN_DOUBT), (404, Outcome.REFUSED), (503, Outcome.NOT_TAKEN), (500, Outcome.IN_DOUBT)],
)
def test_an_answer_that_breaks_off_counts_where_its_head_refuses(status: int, outcome: Outcome) -> None:
    """A server that fails after its 2xx can only break off, so the segment may or may not be taken."""
    result = result_of(Answer(status, b'{"id": "abc"}', None, "connection lost"), honours_key=False)
    assert (result.outcome, result.carrier_message_id) == (outcome, None)
    assert str(status) in (result.error or "")


@pytest.mark.parametrize("status", [200, 404])
def test_a_question_whose_answer_breaks_off_is_still_open(status: int) -> None:
    """Neither "I have it" nor "I have not" is believed to half an answer."""
    assert bound().read_question(Answer(status, b'{"id": "abc"}', None)).outcome is not Outcome.IN_DOUBT
    assert bound().read_question(Answer(status, b"{", None, "connection lost")).outcome is Outcome.IN_DOUBT


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://carrier.example/sms", "https://carrier.example/sms/id:1"),
        ("https://carrier.example/sms/", "https://carrier.example/sms/id:1"),
        ("https://carrier.example", "https://carrier.example/id:1"),
        ("https://carrier.example/", "https://carrier.example/id:1"),
        ("https://carrier.example/sms?key=secret", "https://carrier.example/sms/id:1?key=secret"),
        ("https://carrier.example/sms/?key=a/b&x=/", "https://carrier.example/sms/id:1?key=a/b&x=/"),
        ("https://carrier.example?key=what?&x=%2F", "https://carrier.example/id:1?key=what?&x=%2F"),
        ("https://[2001:db8::1]:8443/sms?", "https://[2001:db8::1]:8443/sms/id:1?"),
    ],
)
def test_the_id_of_a_query_goes_on_the_path(url: str, asked: str) -> None:
    """What a carrier's URL has behind its question mark stays there, whole."""
    of = message()
    question = bound(url).question(of, of.segments[0])
    assert question is not None
    assert question.method == "GET"
    assert [it.url for it in question.targets] == [asked.replace("id:1", f"{of.id}:1")]


def test_the_body_is_the_same_to_the_byte() -> None:
    """Null for what is absent, in this order; where a receipt is wanted its URL comes last."""
    of = message()
    written = (
        f'{{"segment_id":"{of.id}:1","message_id":"{of.id}","source":"12125551234","destination":"15551234567",'
        '"data_coding":0,"udh":null,"text":"part 1"'
    )
    assert bound().request(of, of.segments[0]).body == f"{written}}}".encode()
    wanted = f'{written},"receipt_url":"https://gateway.example/r"}}'
    assert bound().request(of, of.segments[0], "https://gateway.example/r").body == wanted.encode()


def test_a_question_believes_only_what_the_profile_lists() -> None:
    """Throttled or refused, the question is open; a carrier that was asked may still have the segment."""
    for status in (429, 400, 401, 302, 503, 202):
        assert bound().read_question(Answer(status, b"{}", None)).outcome is Outcome.IN_DOUBT, status
