"""An answer means what the table says; whatever comes means something, changes nothing and ends nothing."""

import json
from contextlib import suppress
from time import perf_counter
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.carriers.outcome import AttemptResult, ErrorClass, Outcome
from pipeline.carriers.profile_form.answers import RuleForm
from pipeline.carriers.profiles.shipped import shipped_names, shipped_profile
from pipeline.carriers.reading.answers import AnswerTable
from pipeline.carriers.reading.document import Document, by_pointer, by_xpath
from pipeline.carriers.reading.pattern import Pattern
from pipeline.carriers.reading.xml_tree import UnreadableXml, parse_xml
from pipeline.carriers.receipt import ReceiptRequest
from pipeline.carriers.templates.placeholders import BadTemplate
from pipeline.errors import BadReceipt
from pipeline.http.answer import Answer

BOMB: Final = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, (b"&a%d;" % (n - 1) if n > 1 else b"&a;") * 10) for n in range(1, 9))
    + b"]><a>&a8;</a>"
)
OUTSIDE: Final = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><status>&x;</status></a>'
HOSTILE: Final = (
    b"", b"\x00" * 16_384, b"[" * 16_384, b'{"id":' * 2_000, b"{}" * 8_000, b"null", b"true", b"[]", b"0", b'"x"',
    b'{"id": ' + b"9" * 10_000 + b"}", b'{"id": 1e999}', b'{"id": "\\ud800"}', b'{"id": {"a": [1]}}',
    b"\xff\xfe<\x00a\x00",
    b'{"messages": {"0": 1}}', b'{"messages": [null, 1, "x", {"status": {"id": []}}]}', b'{"data": [], "results": 5}',
    BOMB, OUTSIDE, b"<a>" * 5_000, b"<a/>" * 4_000, b"\xef\xbb\xbf<a></a>",
    "<?xml version=\"1.0\"?><a>☃</a>".encode("utf-16"),
    b'<?xml version="1.0" encoding="what"?><a/>', b"Success " * 2_000, b'Success "' + b"x" * 16_000,
)  # fmt: skip


def table(*rules: dict[str, object]) -> AnswerTable:
    return AnswerTable(tuple(RuleForm.model_validate(it) for it in rules), ("answers",))


def meant(result: AttemptResult) -> tuple[Outcome, ErrorClass | None, str | None]:
    return result.outcome, result.error_class, result.carrier_message_id


@pytest.mark.parametrize("name", shipped_names())
@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_no_body_ends_the_reading(name: str, body: bytes) -> None:
    """Huge, deep, of wrong types, no text at all: it means something in time, and nothing of it is quoted."""
    profile = shipped_profile(name)
    began = perf_counter()
    for status in (200, 201, 202, 400, 403, 500, 503):
        result = profile.answers.read(Answer(status, body, None))
        assert len(result.error or "") < 200
        assert len(result.carrier_message_id or "") <= 128
        assert result.carrier_message_id is None or result.outcome is Outcome.ACCEPTED
    for query in ((), (("id", body.decode("latin-1")), ("type", "1")) * 300):
        with suppress(BadReceipt):
            reports = profile.read_receipt(ReceiptRequest("POST", query, "", body))
            assert all(len(it.carrier_message_id or "") <= 128 and len(it.error_code or "") <= 64 for it in reports)
    assert perf_counter() - began < 5


@settings(max_examples=200)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "id",
                        "messages",
                        "status",
                        "groupId",
                        "results",
                        "data",
                        "errors",
                        "code",
                        "meta",
                        "payload",
                        "to",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
    ),
    status=st.integers(100, 599),
)
def test_no_json_ends_the_reading(body: object, status: int) -> None:
    """The names that profiles look for, with anything behind them."""
    encoded = json.dumps(body).encode()
    for name in shipped_names():
        profile = shipped_profile(name)
        profile.answers.read(Answer(status, encoded, None))
        with suppress(BadReceipt):
            profile.read_receipt(ReceiptRequest("POST", (), "application/json", encoded))


@pytest.mark.parametrize("body", [BOMB, OUTSIDE, b"<!DOCTYPE a><a/>", b"<a>" * 100 + b"</a>" * 100])
def test_xml_with_a_document_type_or_too_deep_is_not_read(body: bytes) -> None:
    """No entity is unfolded and nothing is loaded."""
    with pytest.raises(UnreadableXml):
        parse_xml(body)
    assert by_xpath("/a/status")(Document(body)) == []


def test_xml_is_read_by_local_names() -> None:
    """Elements, attributes, predicates; prefixes say nothing."""
    document = Document(b'<s:r xmlns:s="urn:x"><m id="1"><code>7</code></m><m id="2"/></s:r>')
    assert by_xpath("/r/m/@id")(document) == ["1", "2"]
    assert by_xpath("r/m[@id='1']/code")(document) == ["7"]
    assert by_xpath("/r/none")(document) == []
    for wrong in ("", "/r/m[", "//*[position()<2]"):
        with pytest.raises(ValueError, match="XPath"):
            by_xpath(wrong)


def test_pointers_lead_to_single_values() -> None:
    """RFC 6901, and a star for each of a list; numbers and truths are text."""
    document = Document(b'{"a/b": {"~": [{"s": 1}, {"s": "1"}, {"s": true}, {"s": null}, {"s": []}]}}')
    assert by_pointer("/a~1b/~0/*/s")(document) == ["1", "1", "true"]
    assert by_pointer("/a~1b/~0/1/s")(document) == ["1"]
    assert by_pointer("/a~1b/~0/9/s")(document) == []
    with pytest.raises(ValueError, match="slash"):
        by_pointer("a")


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|aa)*b", r"(.*)*x", r"a?" * 60 + "a" * 60, r"(x+x+)+y"])
def test_no_pattern_runs_away(pattern: str) -> None:
    """What would take a backtracking engine for ever takes no time."""
    began = perf_counter()
    compiled = Pattern(pattern)
    for _ in range(20):
        compiled.found("a" * 4_000 + "!")
        compiled.found("x" * 4_000)
    assert perf_counter() - began < 2


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?=a)", "(a)(b)", "a" * 501, "(x{1000}){1000}"])
def test_what_re2_cannot_run_is_refused(pattern: str) -> None:
    """With the place in the profile."""
    with pytest.raises(BadTemplate) as refused:
        table({"status": "200", "outcome": "accepted", "body": {"text": pattern}})
    assert refused.value.path == ("answers", 0, "body", 0, "text")


def test_the_first_row_that_fits_decides() -> None:
    """All of several values must fit, or any; a condition that finds nothing does not hold, unless absent is wanted."""
    answers = table(
        {
            "status": "200",
            "body": {"json": "/m/*/s", "equals": "0"},
            "outcome": "accepted",
            "message_id": {"json": "/id"},
        },
        {"status": "200", "body": {"json": "/m/*/s", "equals": ["1"], "any": True}, "outcome": "throttled"},
        {
            "status": "200",
            "body": [{"json": "/x", "absent": True}, {"json": "/y", "matches": "^z"}],
            "outcome": "operator",
        },
        {"status": ["4xx", "503"], "outcome": "not_sent", "error": {"json": "/code"}, "says": "later"},
        {"status": "409", "outcome": "in_doubt", "in_progress": True},
    )

    def read(status: int, body: bytes) -> tuple[Outcome, ErrorClass | None, str | None]:
        return meant(answers.read(Answer(status, body, None)))

    assert read(200, b'{"id": 5, "m": [{"s": 0}, {"s": "0"}]}') == (Outcome.ACCEPTED, None, "5")
    assert read(200, b'{"m": [{"s": 0}, {"s": 1}]}') == (Outcome.NOT_TAKEN, ErrorClass.THROTTLED, None)
    assert read(200, b'{"m": []}') == (Outcome.IN_DOUBT, ErrorClass.IN_DOUBT, None)
    assert read(200, b'{"y": "zz"}') == (Outcome.NOT_TAKEN, ErrorClass.OPERATOR, None)
    assert read(200, b'{"x": 1, "y": "zz"}')[1] is ErrorClass.IN_DOUBT
    assert answers.read(Answer(418, b'{"code": 17}', "9")).error == "HTTP 418: later (code 17)"
    assert answers.read(Answer(418, b'{"code": 17}', "9")).retry_after == "9"
    assert (
        answers.read(
            Answer(503, b'{"code": "the text of your message, which is long and nobody\'s business at all"}', None)
        ).error
        == "HTTP 503: later"
    )
    assert read(500, b"") == (Outcome.IN_DOUBT, ErrorClass.IN_DOUBT, None)


@pytest.mark.parametrize(
    ("status", "cut", "outcome"),
    [
        (200, "lost", Outcome.IN_DOUBT),
        (403, "lost", Outcome.IN_DOUBT),
        (404, "lost", Outcome.REFUSED),
        (429, "lost", Outcome.NOT_TAKEN),
    ],
)
def test_an_answer_that_breaks_off_is_in_doubt_where_its_body_counts(status: int, cut: str, outcome: Outcome) -> None:
    """Half a body could say the opposite; a head that refuses stands."""
    answers = table(
        {"status": "200", "outcome": "accepted"},
        {"status": "403", "body": {"text": "slow"}, "outcome": "throttled"},
        {"status": "403", "outcome": "permanent"},
    )
    assert answers.read(Answer(status, b"slo", None, cut)).outcome is outcome
