"""What a trunk may wish for its callbacks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.directory.rules.callbacks import MAX_HEADERS_LENGTH, callback_problems
from pipeline.directory.rules.check import check
from pipeline.errors import RuleViolated
from pipeline.http.client import _request
from pipeline.http.url import http_url
from schemas.directory.callback_options import MAX_HEADERS, CallbackEvent, CallbackOptions
from schemas.directory.sealed_secret import SealedSecret
from schemas.directory.trunk import Trunk
from tests.builders import account, directory_of, trunk
from tests.fakes.certificates import Authority

OURS = (
    "Host", "Content-Length", "content-type", "CONTENT-ENCODING", "Transfer-Encoding", "Connection", "Keep-Alive", "TE",
    "Trailer", "Upgrade", "Proxy-Authorization", "Proxy-Connection", "Expect", "User-Agent", "Accept-Encoding", "Via",
    "Traceparent", "Webhook-Id", "webhook-signature", "webhook-timestamp", "webhook-anything",
)  # fmt: skip


URL = "https://customer.example/sms"


def places(**attributes: Any) -> list[str]:
    return [where for where, _ in callback_problems("callbacks", CallbackOptions(**attributes), URL)]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Environment": "production"},
        {"x": ""},
        {"X-Api-Key": "a b,c;d=\"e\""},
        {"Authorization": "Token abc", "Cookie": "a=b", "Date": "x", "Host-Name": "x", "X-Content-Type": "y"},
        {f"X-{n}": "v" for n in range(MAX_HEADERS)},
    ],
)  # fmt: skip
def test_headers_that_may_be_sent(headers: dict[str, str]) -> None:
    """Whatever says nothing about how the request is framed, or that we say ourselves."""
    assert places(headers=headers) == []


@pytest.mark.parametrize("name", OURS)
def test_headers_that_are_ours(name: str) -> None:
    """They frame the request, belong to the connection or are what a receiver verifies by."""
    assert places(headers={"X-Fine": "1", name: "x"}) == [f"callbacks/headers/{name}"]


def test_headers_that_are_there_twice() -> None:
    """A mapping tells upper and lower case apart, HTTP does not."""
    assert places(headers={"X-A": "1", "x-a": "2", "X-B": "3"}) == ["callbacks/headers/x-a"]


def test_headers_fit_into_a_head() -> None:
    """Each may be long, all of them together must be what servers take."""
    few = {f"X-{n}": "v" * 1000 for n in range(8)}
    assert places(headers=few) == []
    assert places(headers=few | {"X-9": "v" * (MAX_HEADERS_LENGTH - 8024)}) == ["callbacks/headers"]


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "a\r\nInjected: 1"},
        {"X": "a\n"},
        {"X": "a\rb"},
        {"X": "a\0"},
        {"X": "tab\there"},
        {"X": " leading"},
        {"X": "trailing "},
        {"X": "über"},
        {"X": "x" * 1025},
        {"X Y": "a"},
        {"X:": "a"},
        {"X\r\n": "a"},
        {"": "a"},
        {"Ü": "a"},
        {"x" * 65: "a"},
        {f"X-{n}": "v" for n in range(MAX_HEADERS + 1)},
        {},
    ],
)
def test_what_no_record_can_hold(headers: dict[str, str]) -> None:
    """Neither the panel's nor anybody else's record can break a line: a reader refuses it."""
    with pytest.raises(ValidationError):
        CallbackOptions(headers=headers)


@given(st.text(max_size=20), st.text(max_size=40))
def test_a_header_that_is_taken_stays_one_line(name: str, value: str) -> None:
    """Whatever it is made of, the head has one line more, and that line says what was given."""
    try:
        options = CallbackOptions(headers={name: value})
    except ValidationError:
        return
    head = _request("POST", http_url("https://a.example/"), options.headers or {}, b"")
    assert head.count(b"\r\n") == head.count(b"\n") == 6
    assert f"\r\n{name}: {value}\r\n".encode() in head


def sealed(*names: str) -> tuple[SealedSecret, ...]:
    return tuple(SealedSecret(name=name, sealed="A" * 40, key_id="k") for name in names)


PEM = Authority().pem


@pytest.mark.parametrize(
    ("attributes", "problems"),
    [
        ({"username": "u", "secrets": sealed("password")}, []),
        ({"secrets": sealed("token")}, []),
        ({"ca": PEM}, []),
        ({"ca": PEM + PEM}, []),
        ({"client_certificate": PEM, "secrets": sealed("client_key")}, []),
        ({"username": "u", "secrets": sealed("password", "client_key"), "client_certificate": PEM, "ca": PEM}, []),
        ({"username": "u"}, ["secrets/password"]),
        ({"secrets": sealed("password")}, ["username"]),
        ({"username": "u", "secrets": sealed("password", "token")}, ["secrets/token"]),
        ({"secrets": sealed("token", "token")}, ["secrets/token"]),
        ({"secrets": sealed("pin")}, ["secrets/pin"]),
        ({"secrets": (SealedSecret(name="token", sealed="in clear", key_id="k"),)}, ["secrets/token"]),
        ({"secrets": sealed("token"), "headers": {"Authorization": "x"}}, ["headers/Authorization"]),
        ({"username": "u", "secrets": sealed("password"), "headers": {"AUTHORIZATION": ""}}, ["headers/AUTHORIZATION"]),
        ({"client_certificate": PEM}, ["secrets/client_key"]),
        ({"secrets": sealed("client_key")}, ["client_certificate"]),
        ({"ca": "no certificate"}, ["ca"]),
        ({"ca": PEM[:200]}, ["ca"]),
        ({"client_certificate": "x", "secrets": sealed("client_key")}, ["client_certificate"]),
    ],
)
def test_credentials_and_certificates(attributes: dict[str, Any], problems: list[str]) -> None:
    """One way to authorize, whole; certificates that are some, and a key for that of the client."""
    assert places(**attributes) == [f"callbacks/{it}" for it in problems]


@pytest.mark.parametrize(
    ("options", "callback_url", "problems"),
    [
        ({"failover_url": "https://backup.example/x"}, URL, []),
        ({"failover_url": "https://backup.example/x", "failover_after": 10}, URL, []),
        ({"failover_url": "ftp://backup.example"}, URL, ["failover_url"]),
        ({"failover_url": "https://u:p@backup.example"}, URL, ["failover_url"]),
        ({"failover_url": "https://backup.example/x"}, None, ["failover_url"]),
        ({"failover_url": URL}, URL, ["failover_url"]),
        ({"failover_after": 1}, URL, ["failover_after"]),
    ],
)
def test_failover(options: dict[str, Any], callback_url: str | None, problems: list[str]) -> None:
    """A URL as a trunk's, another one, and only where there is one that it stands in for."""
    found = [where for where, _ in callback_problems("callbacks", CallbackOptions(**options), callback_url)]
    assert found == [f"callbacks/{it}" for it in problems]


@pytest.mark.parametrize("after", [0, 11, -1])
def test_failed_attempts_before_a_failover_are_bounded(after: int) -> None:
    """At least one; with ten of them about two days have gone."""
    with pytest.raises(ValidationError):
        CallbackOptions(failover_url=URL, failover_after=after)


@pytest.mark.parametrize("username", ["", "a:b", "line\nbreak", "nul\0", "x" * 256, "\x85"])
def test_usernames_that_no_record_can_hold(username: str) -> None:
    """A colon would end it, a control character is nothing that a server takes."""
    with pytest.raises(ValidationError):
        CallbackOptions(username=username)


@pytest.mark.parametrize(
    ("events", "problems"),
    [
        (None, []),
        (tuple(CallbackEvent), []),
        ((CallbackEvent.DELIVERED,), []),
        ((CallbackEvent.SENT, CallbackEvent.SENT), ["callbacks/events"]),
    ],
)
def test_events(events: tuple[CallbackEvent, ...] | None, problems: list[str]) -> None:
    """Each once; all of them may be listed."""
    assert places(events=events) == problems


def test_the_rules_of_a_trunk_are_asked_with_all_others() -> None:
    """A problem's place leads to the header."""
    bad = trunk(callbacks=CallbackOptions(headers={"Host": "x"}))
    with pytest.raises(RuleViolated) as refused:
        check([bad], directory_of(account()))
    assert refused.value.problems == [
        (f"trunk:{bad.id}/callbacks/headers/Host", "is a header that only we may set"),
    ]
    check([trunk(callbacks=CallbackOptions(headers={"X": "x"}))], directory_of(account()))


def test_options_that_say_nothing_are_not_kept() -> None:
    """A trunk that uses none of it has the record that it always had."""
    assert CallbackOptions().written is None
    assert CallbackOptions(events=(CallbackEvent.SENT,)).written is not None
    assert b"callbacks" not in trunk().to_bytes()
    assert Trunk.from_bytes(trunk().to_bytes()).callbacks is None
