"""`smsout send` and `smsout preview`: what goes out, what is printed, how it ends."""

import json
from typing import Any, Final

import httpx
import pytest

from tests.unit.smsout_client.command.console import Console
from tests.unit.smsout_client.gateway import CREATED, ID, Gateway

TO_TWO: Final = {
    "data": [{"id": ID, "type": "outbound_messages", "attributes": {"destination": to}} for to in ("1555", "1556")]
}
PREVIEW: Final[dict[str, Any]] = {
    "id": ID,
    "type": "outbound_message_previews",
    "attributes": {
        "encoding": "UCS-2", "segments": [{"content": "a’", "length": 2}, {"content": "b", "length": 1}],
        "characters_left": 68, "outside_gsm7": [{"character": "’"}], "sendable": True, "reason": None, "price": 0.015,
        "currency": "USD",
    },
}  # fmt: skip


def send(console: Console, *more: str, typed: str | None = None) -> Any:
    return console.run("send", "--from", "1212", "--to", "1555", *more, typed=typed)


def test_a_message_is_sent(console: Console) -> None:
    """The id and the number are printed; reference, tags and key go along."""
    gateway = Gateway(httpx.Response(201, json=CREATED))
    console.asks(gateway)
    ended = send(
        console, "--reference", "order 1", "--tag", "a", "--tag", "b", "--key", "k", "--campaign", "c", "Grüße"
    )
    assert (ended.exit_code, ended.stdout) == (0, f"{ID}  1555\n")
    [body] = gateway.bodies()
    assert body["data"]["attributes"] == {
        "destination": "1555", "source": "1212", "content": "Grüße", "client_reference": "order 1", "campaign_id": "c",
        "tags": ["a", "b"],
    }  # fmt: skip
    assert gateway.keys == {"k"}


def test_one_text_goes_to_several(console: Console) -> None:
    """In one request, and a line each as JSON."""
    gateway = Gateway(httpx.Response(201, json=TO_TWO, headers={"Idempotency-Replayed": "true"}))
    console.asks(gateway)
    ended = send(console, "--to", "1556", "--json", "Hello")
    assert [json.loads(line) for line in ended.stdout.splitlines()] == [
        {"id": ID, "destination": "1555", "replayed": True}, {"id": ID, "destination": "1556", "replayed": True},
    ]  # fmt: skip
    assert gateway.bodies()[0]["data"]["type"] == "bulk_outbound_messages"


@pytest.mark.parametrize(("typed", "text"), [("line\n", "line"), ("a\nb", "a\nb"), ("ü\n\n", "ü\n")])
def test_a_text_comes_from_standard_input(console: Console, typed: str, text: str) -> None:
    """As it is, without the end of its last line."""
    gateway = Gateway(httpx.Response(201, json=CREATED))
    console.asks(gateway)
    assert send(console, "-", typed=typed).exit_code == 0
    assert gateway.bodies()[0]["data"]["attributes"]["content"] == text


def test_a_refusal_is_a_line_for_each_problem(console: Console) -> None:
    """Exit code 65; what a gateway says is no command to a terminal."""
    errors = [
        {"title": "invalid", "detail": "is \x1b[2Jwrong", "source": {"pointer": "/data/attributes/source"}},
        {"title": "invalid", "detail": "too long"},
    ]
    console.asks(Gateway(httpx.Response(422, json={"errors": errors})))
    ended = send(console, "text")
    assert (ended.exit_code, ended.stdout) == (65, "")
    assert ended.stderr.splitlines() == [
        "smsout: /data/attributes/source: is \N{REPLACEMENT CHARACTER}[2Jwrong", "smsout: too long",
    ]  # fmt: skip


def test_an_answer_without_a_reason_is_said_to_have_none(console: Console) -> None:
    """Of a proxy in between, for one."""
    console.asks(Gateway(httpx.Response(403, text="<html>")))
    assert "HTTP 403: no reason was given" in send(console, "text").stderr


def test_what_got_no_answer_can_be_repeated(console: Console) -> None:
    """Exit code 69, and the key with which it stays one message."""
    console.asks(gateway := Gateway(httpx.ConnectError("nobody")))
    ended = send(console, "text")
    [key] = gateway.keys
    assert (ended.exit_code, f"repeat it with --key {key}" in ended.stderr) == (69, True)


def test_a_preview_says_what_a_text_becomes(console: Console) -> None:
    """Alphabet and why, price, room, the segments."""
    gateway = Gateway(httpx.Response(200, json={"data": PREVIEW}), httpx.Response(200, json={"data": PREVIEW}))
    console.asks(gateway)
    ended = console.run("preview", "--from", "1212", "--to", "1555", "a’b")
    assert (ended.exit_code, ended.stdout.splitlines()) == (
        0,
        [
            "UCS-2, because of ’: 2 segments, 0.015 USD", "68 more characters fit", "#  TEXT", "1  a’", "2  b",
        ],
    )  # fmt: skip
    assert "idempotency-key" not in gateway.asked[0].headers
    shown = console.run("preview", "--from", "1212", "--to", "1555", "--json", "a’b")
    assert json.loads(shown.stdout) == PREVIEW


def test_a_preview_of_what_may_not_be_sent_fails(console: Console) -> None:
    """So a script can ask."""
    refused = {**PREVIEW["attributes"], "sendable": False, "reason": "the sender may not", "price": None}
    console.asks(Gateway(httpx.Response(200, json={"data": {**PREVIEW, "attributes": refused}})))
    ended = console.run("preview", "--from", "1212", "--to", "1555", "a’b")
    assert (ended.exit_code, "It would not be sent: the sender may not" in ended.stdout) == (65, True)


def test_smart_encoding_is_asked_for_and_told(console: Console) -> None:
    """With a message and with a preview, which says what it changed."""
    changes = [
        {"step": "replaced", "before": "’", "after": "'", "count": 2},
        {"step": "replaced", "before": "x", "after": "", "count": 1},
    ]
    changed = {**PREVIEW, "attributes": {**PREVIEW["attributes"], "text_changes": changes}}
    gateway = Gateway(httpx.Response(201, json=CREATED), httpx.Response(200, json={"data": changed}))
    console.asks(gateway)
    assert send(console, "--smart-encoding", "replace", "it’s").exit_code == 0
    ended = console.run("preview", "--from", "1212", "--to", "1555", "--smart-encoding", "replace", "it’s")
    assert ended.stdout.splitlines()[2:4] == ["replaced: ’ becomes ', 2x", "replaced: x becomes nothing, 1x"]
    asked = [it["data"]["attributes"]["smart_encoding"] for it in gateway.bodies()]
    assert asked == ["replace", "replace"]


@pytest.mark.parametrize(
    ("more", "path"), [((), "/outbound_messages/"), (("--bulk",), "/bulk_outbound_messages/")], ids=str
)
def test_a_message_is_taken_back(console: Console, more: tuple[str, ...], path: str) -> None:
    """Or all of a bulk; a refusal is told as any other."""
    taken = httpx.Response(202, json={"data": {"id": ID, "type": "outbound_messages"}})
    gateway = Gateway(
        taken, httpx.Response(404, json={"errors": [{"title": "Not Found", "detail": "no such message"}]})
    )
    console.asks(gateway)
    ended = console.run("cancel", ID, *more)
    assert (ended.exit_code, ended.stdout.split()[0]) == (0, ID), ended.output
    assert (gateway.asked[0].method, gateway.asked[0].url.path) == ("DELETE", path + ID)
    assert console.run("cancel", ID, *more).exit_code == 65
