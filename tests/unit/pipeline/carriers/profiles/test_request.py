"""Every value arrives in every place as it is, whatever it is; and what a place cannot hold is refused, not changed."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.carriers.profiles.bound import BoundCarrier
from pipeline.carriers.profiles.profile import CarrierProfile
from pipeline.carriers.profiles.request import Request, Target
from pipeline.errors import Inexpressible, RuleViolated
from schemas.messages.mt_message import DataCoding, MtMessage, Segment
from tests.builders import message

TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["", "{}", "{text}", "{{source}}", '"', "'", "\\", "\n", "\r\n", "&a=b", "a+b c", "]]>", "<!--", "%00", "%s",
     "{0}", "$1", "\x00", "\x0c", "\ufffe", "é", "😀", " a ", "a;b", "--", "\u2028", "</x>", "&amp;",
     "&#13;", "../..", "?#"]
)  # fmt: skip

HEAD: Final = """\
version: 1
name: Every place
about: For tests.
parameters:
  setting: {about: A parameter., optional: true}
  count: {about: A number., kind: number, default: "7"}
secrets:
  secret: {about: A secret.}
answers: [{status: 200, outcome: accepted}]
"""


def bound(
    request: str, *, setting: str = "", secret: str = "secret", url: str = "https://carrier.example/a?k=1"
) -> BoundCarrier:
    profile = CarrierProfile.parse("every", (HEAD + request).encode())
    return BoundCarrier(profile, url, {"setting": setting}, {"secret": secret})


def one(text: str, source: str = "12125551234", udh: str | None = None) -> MtMessage:
    return message((Segment(seqnum=1, text=text, udh=udh),), source=source)


def asked(carrier: BoundCarrier, of: MtMessage, receipt_url: str | None = None) -> Request:
    return carrier.request(of, of.segments[0], receipt_url)


JSON: Final = bound(
    """
request:
  urls: "{url}"
  body:
    json:
      "k{}\\"": "{text}"
      list: ["{source}", "a{text}{{b}}"]
      o: {s: "{setting}", p: "{secret}"}
      n: "{data_coding}"
      t: "{data_coding|string}"
      b: {$json: "[true, 1.5, null]"}
      x: null
      h: "{utf8|hex}"
      e: "{ucs2|base64}"
""",
    setting="s",
)
FORM: Final = bound(
    'request: {urls: "{url}", body: {form: {"k&=": "{text}", many: ["{source}", "{text}"], raw: "{ucs2}"}}}'
)
QUERY: Final = bound(
    'request: {method: GET, urls: "{url}/{segment_id}", query: {"k&=": "{text}", raw: "{utf8}", s: "<{source}>"}}'
)
XML: Final = bound(
    """
request:
  urls: "{url}"
  body:
    xml:
      m:
        "@a": "{text}"
        "@s": "[{source}]"
        t: "{text}"
        many: ["{text}", {"#text": "{source}"}]
        n: "{data_coding}"
"""
)


@settings(max_examples=300)
@given(text=TEXTS, source=TEXTS)
def test_every_text_arrives_in_json(text: str, source: str) -> None:
    """Alone, in a list, between other characters, and beside braces that are braces."""
    body = json.loads(asked(JSON, one(text, source)).body or b"")
    assert body == {
        'k{}"': text, "list": [source, f"a{text}{{b}}"], "o": {"s": "s", "p": "secret"}, "n": 0, "t": "0",
        "b": [True, 1.5, None], "x": None, "h": text.encode().hex(), "e": b64encode(text.encode("utf-16-be")).decode(),
    }  # fmt: skip


@settings(max_examples=300)
@given(text=TEXTS, source=TEXTS)
def test_every_text_arrives_in_a_form(text: str, source: str) -> None:
    """Names too; octets as the octets that they are."""
    body = asked(FORM, one(text, source)).body or b""
    pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, encoding="latin-1")
    arrived = [(key, value.encode("latin-1")) for key, value in pairs]
    assert arrived == [
        ("k&=", text.encode()), ("many", source.encode()), ("many", text.encode()), ("raw", text.encode("utf-16-be")),
    ]  # fmt: skip


@settings(max_examples=300)
@given(text=TEXTS, source=TEXTS)
def test_every_text_arrives_in_a_query(text: str, source: str) -> None:
    """Behind what the carrier's own address has there; a space is no plus, for not every reader undoes that."""
    of = one(text, source)
    url = urlsplit(asked(QUERY, of).targets[0].url)
    assert (url.hostname, unquote(url.path)) == ("carrier.example", f"/a/{of.id}:1")
    assert "+" not in url.query
    assert parse_qsl(url.query, keep_blank_values=True) == [
        ("k", "1"), ("k&=", text), ("raw", text), ("s", f"<{source}>"),
    ]  # fmt: skip


@settings(max_examples=300)
@given(text=TEXTS, source=TEXTS)
def test_every_text_that_xml_can_hold_arrives_in_it(text: str, source: str) -> None:
    """As text and as attribute, line ends included; what XML 1.0 cannot hold is refused."""
    impossible = any(
        not (it in "\t\n\r" or " " <= it <= "\ud7ff" or "\ue000" <= it <= "\ufffd" or it >= "\U00010000")
        for it in text + source
    )
    if impossible:
        with pytest.raises(Inexpressible):
            asked(XML, one(text, source))
        return
    element = ElementTree.fromstring(asked(XML, one(text, source)).body or b"")  # noqa: S314  # our own
    assert element.attrib == {"a": text, "s": f"[{source}]"}
    assert [(it.tag, it.text or "") for it in element] == [("t", text), ("many", text), ("many", source), ("n", "0")]


@settings(max_examples=200)
@given(text=TEXTS)
def test_a_header_arrives_or_is_refused(text: str) -> None:
    """No value can end a header line; what Latin-1 has not, or a reader would trim, is refused."""
    carrier = bound('request: {urls: "{url}", headers: {X-Text: "{text}"}, body: {json: {}}}')
    try:
        arrived = asked(carrier, one(text)).targets[0].headers["X-Text"]
    except Inexpressible:
        assert any(
            it > "\xff" or it < " " or it == "\x7f" or "\x7f" < it < "\x80" for it in text
        ) or text != text.strip(" \t")
        return
    assert arrived == text
    assert not {"\r", "\n", "\x00"} & set(arrived)


@settings(max_examples=100)
@given(secret=TEXTS.filter(bool), setting=TEXTS)
def test_parameters_and_secrets_arrive_as_values_do(secret: str, setting: str) -> None:
    """An operator's texts are no more syntax than a customer's."""
    carrier = bound(
        'request: {urls: "{url}", body: {form: {s: "{setting}", p: "{secret}"}}}', setting=setting, secret=secret
    )
    pairs = parse_qsl((asked(carrier, one("x")).body or b"").decode(), keep_blank_values=True)
    assert pairs == ([("s", setting)] if setting else []) + [("p", secret)]


def test_half_a_character_is_refused() -> None:
    """A lone surrogate, which no record can hold, does not end the agent either."""
    half = one("x")
    half = half.model_copy(update={"segments": (Segment.model_construct(seqnum=1, text="\ud800", udh=None),)})
    for carrier in (JSON, FORM, QUERY, XML):
        with pytest.raises(Inexpressible):
            asked(carrier, half)


def test_what_has_no_value_is_left_out() -> None:
    """With its key, and with what has become empty by it; `null` keeps it."""
    carrier = bound(
        """
request:
  urls: "{url}"
  body:
    json:
      r: "{receipt_url}?x"
      w: {in: {r: "{receipt_url}"}}
      l: ["{setting}"]
      e: {}
      u: "{udh}"
      k: "{udh|null}"
      c: {$case: receipts, wanted: "1"}
"""
    )
    assert json.loads(asked(carrier, one("x")).body or b"") == {"e": {}, "k": None}
    wanted = json.loads(asked(carrier, one("x", udh="050003010201"), "https://r").body or b"")
    assert wanted == {"r": "https://r?x", "w": {"in": {"r": "https://r"}}, "e": {}, "u": "050003010201",
                      "k": "050003010201", "c": "1"}  # fmt: skip


def test_a_case_is_about_the_message_or_a_parameter() -> None:
    """Each shape of message has its branches, whichever came first."""
    encoding, parts = "{$case: encoding, gsm7: g, ucs2: u}", "{$case: parts, single: s, many: m}"
    carrier = bound(f'request: {{urls: "{{url}}", body: {{form: {{e: {encoding}, p: {parts}}}}}}}')
    two = message(2, data_coding=DataCoding.UCS2)
    for of, body in ((one("x"), b"e=g&p=s"), (two, b"e=u&p=m"), (one("y"), b"e=g&p=s"), (two, b"e=u&p=m")):
        assert asked(carrier, of).body == body


def test_several_urls_are_in_order_and_those_without_a_value_are_not_there() -> None:
    """The next one is for when the one before cannot be reached."""
    text = HEAD.replace("secrets:", "  backup: {about: x, kind: url, optional: true}\nsecrets:") + (
        'request: {urls: ["{url}/a", "{backup}/b", "https://third.example/{setting}/c"], body: {json: {}}}'
    )
    profile = CarrierProfile.parse("every", text.encode())

    def urls(**parameters: str) -> list[str]:
        carrier = BoundCarrier(profile, "https://one.example/", parameters, {"secret": "s"})
        return [it.url for it in asked(carrier, one("x")).targets]

    assert urls() == ["https://one.example/a"]
    assert urls(backup="https://two.example:8443", setting="x/y?") == [
        "https://one.example/a", "https://two.example:8443/b", "https://third.example/x%2Fy%3F/c",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("auth", "headers", "query"),
    [
        ('{basic: {username: "u{setting}", password: "{secret}"}}', {"Authorization": "Basic dXM6c2VjcmV0"}, ""),
        ('{bearer: "{secret}"}', {"Authorization": "Bearer secret"}, ""),
        ('{headers: {X-Key: "App {secret}"}}', {"X-Key": "App secret"}, ""),
        ('{query: {key: "{secret}"}}', {}, "&key=secret"),
    ],
)
def test_auth_has_its_place(auth: str, headers: dict[str, str], query: str) -> None:
    """Basic, Bearer, a header, a query."""
    carrier = bound(f'auth: {auth}\nrequest: {{urls: "{{url}}", body: {{json: {{}}}}}}', setting="s")
    target = asked(carrier, one("x")).targets[0]
    assert target.headers == {"Content-Type": "application/json", **headers}
    assert target.url == "https://carrier.example/a?k=1" + query


def test_a_signature_is_an_hmac_over_the_chosen_parts() -> None:
    """Over the body's octets, in hex or base64, in a header or in the query."""
    carrier = bound(
        'auth: {signature: {key: "{secret}", parts: ["{method}", "{target}", "{timestamp}", "{body}"],'
        ' separator: "\\n", header: X-Signature, value: "v1={signature},t={timestamp}"}}\n'
        'request: {urls: "{url}", body: {json: {t: "{text}"}}}'
    )
    request = asked(carrier, one("ж"))
    signature, _, timestamp = request.targets[0].headers["X-Signature"].partition(",t=")
    signed = f"POST\n/a?k=1\n{timestamp}\n".encode() + (request.body or b"")
    assert signature == "v1=" + hmac.new(b"secret", signed, "sha256").hexdigest()
    in_query = bound(
        'auth: {signature: {algorithm: sha1, encoding: base64, key: "{secret}", query: "s g",'
        ' parts: ["{body_sha256}{nonce}"]}}\n'
        'request: {urls: "{url}", headers: {X-Nonce: "{nonce}"}, body: {json: {}}}'
    )
    target = asked(in_query, one("x")).targets[0]
    digest = dict(parse_qsl(urlsplit(target.url).query))["s g"]
    nonce = target.headers["X-Nonce"]
    expected = hmac.new(b"secret", (hashlib.sha256(b"{}").hexdigest() + nonce).encode(), "sha1").digest()
    assert b64decode(digest) == expected
    assert asked(in_query, one("x")).targets[0].headers["X-Nonce"] != nonce


@pytest.mark.parametrize(
    ("request_", "where", "problem"),
    [
        ('{urls: "{url}", body: {json: {a: {b: "{nothing}"}}}}', "request.body.json.a.b", "there is no {nothing}"),
        ('{urls: "{url}", body: {json: {a: "{text|shout}"}}}', "request.body.json.a", "no filter 'shout'"),
        ('{urls: "{url}", body: {json: {a: "{utf8}"}}}', "request.body.json", "octets"),
        ('{urls: "{url}", body: {json: {a: "x{utf8}"}}}', "request.body.json.a", "octets"),
        ('{urls: "{url}", body: {json: {a: "lonely {"}}}', "request.body.json.a", "a lonely '{'"),
        (
            '{urls: "{url}", body: {json: {a: {$case: colour, red: "1"}}}}',
            "request.body.json.a.$case",
            "asks about one of",
        ),
        (
            '{urls: "{url}", body: {json: {a: {$case: encoding, gsm8: "1"}}}}',
            "request.body.json.a.gsm8",
            "is never 'gsm8'",
        ),
        ('{urls: "{url}", body: {json: {a: {$python: "1"}}}}', "request.body.json.a.$python", "no $python"),
        ('{urls: "{url}", body: {form: {a: {b: c}}}}', "request.body.form.a", "must be a text"),
        ('{urls: "{url}", body: {xml: {a: {"b c": d}}}}', "request.body.xml.a.b c", "no name of an element"),
        ('{urls: "{url}", body: {xml: {a: x, b: y}}}', "request.body.xml", "one element"),
        ('{urls: "{text}", body: {json: {}}}', "request.urls", "must begin with"),
        ('{urls: "ftp://x/{text}", body: {json: {}}}', "request.urls", "must begin with http"),
        ('{urls: "{url}/{url}", body: {json: {}}}', "request.urls", "only be its beginning"),
        ('{urls: "{url}", headers: {Host: x}, body: {json: {}}}', "request.headers.Host", "by the HTTP client"),
        ('{urls: "{url}", headers: {"a b": x}, body: {json: {}}}', "request.headers.a b", "no name of a header"),
        ('{method: GET, urls: "{url}", body: {json: {}}}', "request", "a GET has no body"),
        ('{urls: "{url}", body: {json: {}, form: {}}}', "request.body", "one of json, form, xml"),
        ('{urls: "{url}", query: {a: "{x.__class__}"}}', "request.query.a", "a lonely '{'"),
        ('{method: PATCH, urls: "{url}"}', "request.method", "GET"),
        ('{urls: "{url}", colour: red}', "request.colour", "not permitted"),
    ],
)
def test_a_bad_profile_is_refused_with_place_and_reason(request_: str, where: str, problem: str) -> None:
    """The line, the path to it, and what is wrong."""
    with pytest.raises(RuleViolated) as refused:
        bound(f"request: {request_}")
    [(place, reason)] = refused.value.problems
    assert place.startswith("line 10 (")
    assert f"({where}" in place
    assert problem in reason


def test_a_header_that_is_there_already_is_replaced_however_it_is_written() -> None:
    """At every target; the others stay, and the request that it was made from too."""
    headers = {"Accept": "application/json", "TraceParent": "of the profile"}
    request = Request("POST", (Target("http://a", headers), Target("http://b", {})), b"body")
    more = {"traceparent": "00-1", "tracestate": "a=1"}
    traced = request.with_headers(more)
    assert [it.headers for it in traced.targets] == [{"Accept": "application/json", **more}, more]
    assert (traced.method, traced.body, [it.url for it in traced.targets]) == (
        "POST",
        b"body",
        ["http://a", "http://b"],
    )
    assert request.targets[0].headers == headers


@pytest.mark.parametrize(("destination", "expected"), [("15551234567", "+15551234567"), ("12345", "12345")])
def test_a_plus_is_added_to_numbers_alone(destination: str, expected: str) -> None:
    """A short code is dialled as it is."""
    carrier = bound('request: {urls: "{url}", body: {json: {to: "{destination_with_plus}", text: "{text}"}}}')
    of = message((Segment(seqnum=1, text="Hello", udh=None),), destination=destination)
    assert json.loads(asked(carrier, of).body or b"")["to"] == expected
