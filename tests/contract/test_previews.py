"""What customers rely on when they ask before they send: every answer to the byte, and that nothing comes of it."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.directory.entry import DirectoryEntry
from schemas.messages.status import CodeId
from tests.builders import account, did, route, uuid
from tests.contract.bad_requests import PREVIEWS
from tests.unit.agents.ingress.harness import JSON_API, asked, open_door

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "http-api.md").read_text()
PRICED = route(price_per_segment=Decimal("0.0075"), currency="USD")
SENDABLE = b'"sendable":true,"status":null,"code_id":null,"reason":null,'
GSM7 = b'"encoding":"GSM-7","fragments":%d,"segments":[%b],"characters_left":%d,"outside_gsm7":[],'
UCS2 = b'"encoding":"UCS-2","fragments":%d,"segments":[%b],"characters_left":%d,"outside_gsm7":[%b],'
COSTS = b'"price":%b,"price_per_segment":%b,"currency":%b,"price_varies":%b'
HELLO = GSM7 % (1, b'{"content":"Hello World!","length":12}', 148)


def usual(*changed: DirectoryEntry) -> tuple[DirectoryEntry, ...]:
    return account(), did(), *(changed or (PRICED,))


def refused(status: bytes, code_id: CodeId, reason: bytes) -> bytes:
    return b'"sendable":false,"status":"%b","code_id":%d,"reason":"%b",' % (status, code_id, reason)


def costs(each: bytes = b"null", total: bytes = b"null", currency: bytes = b"null", varies: bytes = b"false") -> bytes:
    return COSTS % (total, each, currency, varies)


USUAL_COSTS = costs(b"0.0075", b"0.0075", b'"USD"')
ROUTING_ERROR = b"Routing error"


@pytest.mark.parametrize(
    ("content", "entries", "expected"),
    [
        pytest.param("Hello World!", usual(), HELLO + SENDABLE + USUAL_COSTS, id="one segment"),
        pytest.param(
            "a" * 152 + "\u20ac" + "\\" * 2, usual(),
            GSM7 % (1, b'{"content":"%b\\u20ac\\\\\\\\","length":158}' % (b"a" * 152), 2) + SENDABLE + USUAL_COSTS,
            id="characters that count twice",
        ),
        pytest.param(
            "a" * 152 + "\u20ac" + "b" * 10, usual(),
            GSM7 % (
                2, b'{"content":"%b","length":152},{"content":"\\u20acbbbbbbbbbb","length":12}' % (b"a" * 152), 141,
            ) + SENDABLE + costs(b"0.0075", b"0.015", b'"USD"'),
            id="a pair at the boundary",
        ),
        pytest.param(
            "it\u2019s \U0001f600\u2019", usual(),
            UCS2 % (
                1, b'{"content":"it\\u2019s \\ud83d\\ude00\\u2019","length":8}', 62,
                b'{"character":"\\u2019","code_point":"U+2019","name":"RIGHT SINGLE QUOTATION MARK","indexes":[2,6]},'
                b'{"character":"\\ud83d\\ude00","code_point":"U+1F600","name":"GRINNING FACE","indexes":[5]}',
            ) + SENDABLE + USUAL_COSTS,
            id="UCS-2",
        ),
        pytest.param(
            "\t", usual(),
            UCS2 % (
                1, b'{"content":"\\t","length":1}', 69,
                b'{"character":"\\t","code_point":"U+0009","name":"CHARACTER TABULATION","indexes":[0]}',
            ) + SENDABLE + USUAL_COSTS,
            id="a control character",
        ),
        pytest.param("Hello World!", usual(route()), HELLO + SENDABLE + costs(), id="a route without a price"),
        pytest.param(
            "Hello World!",
            usual(route(price_per_segment=Decimal("0.01")), route(32, priority=1, price_per_segment=Decimal(9))),
            HELLO + SENDABLE + costs(b"0.01", b"0.01"), id="without a currency, and one that comes later",
        ),
        pytest.param(
            "Hello World!", usual(route(destination_prefix="44")),
            HELLO + refused(ROUTING_ERROR, CodeId.NO_ROUTES_FOUND, b"no route") + costs(), id="no route",
        ),
        pytest.param(
            "Hello World!", usual(PRICED, account(blocked=True)),
            HELLO + refused(ROUTING_ERROR, CodeId.ACCOUNT_BLOCKED, b"the trunk's account is blocked") + costs(),
            id="a blocked account",
        ),
        pytest.param(
            "Hello World!", usual(PRICED, did(account_id=uuid(2))),
            HELLO + refused(ROUTING_ERROR, CodeId.SOURCE_NOT_ALLOWED, b"the source is not a DID of the account")
            + costs(),
            id="somebody else's number",
        ),
    ],
)  # fmt: skip
async def test_what_is_answered(content: str, entries: tuple[DirectoryEntry, ...], expected: bytes) -> None:
    """200 with the resource, to the byte; the topic stays as it was, and nothing waits."""
    async with open_door(entries=entries) as door:
        answer = await door.post(asked(content=content), PREVIEWS)

        assert (answer.status, answer.reason, answer.headers["content-type"]) == (200, "OK", JSON_API)
        assert answer.body == (
            b'{"data":{"id":"%b","type":"outbound_message_previews","attributes":{"source":"12125551234",'
            b'"destination":"15551234567",%b}}}' % (answer.json["data"]["id"].encode(), expected)
        )
        assert (door.producer.records, door.api.outstanding.total) == ([], 0)


async def test_the_same_question_has_the_same_answer() -> None:
    """Its id too; another question has another one, and a key changes nothing."""
    async with open_door(entries=usual()) as door:
        first = await door.post(asked(), PREVIEWS)
        again = await door.post(asked(), PREVIEWS, idempotency_key="k")
        other = await door.post(asked(content="Hello"), PREVIEWS)

        assert first.body == again.body
        assert "idempotency-replayed" not in again.headers
        assert first.json["data"]["id"] != other.json["data"]["id"]
        assert door.producer.records == []


async def test_a_trunk_that_is_blocked_learns_it() -> None:
    """Sending would be answered with 201, and told by the callback."""
    async with open_door({"blocked": True}, entries=usual()) as door:
        attributes = (await door.post(asked(), PREVIEWS)).json["data"]["attributes"]
        assert (attributes["sendable"], attributes["code_id"], attributes["reason"]) == (
            False, CodeId.TRUNK_BLOCKED, "the trunk is blocked",
        )  # fmt: skip


async def test_a_silent_broker_is_not_asked() -> None:
    """A preview needs nobody but the directory."""
    async with open_door(entries=usual()) as door:
        door.producer.silence()
        assert (await door.post(asked(), PREVIEWS)).status == 200


async def test_the_documents_example_is_true() -> None:
    """The answer that docs/http-api.md shows is the one to the request above it."""
    (section,) = re.findall(r"## Asking before sending\n(.*?)\n## ", DOCUMENT, re.DOTALL)
    (request,), (answer,) = (re.findall(rf"```{it}\n(.*?)```", section, re.DOTALL) for it in ("http", "json"))
    shown: Any = json.loads(answer)
    async with open_door(entries=usual()) as door:
        assert (await door.post(request.split("\n\n", 1)[1].encode(), PREVIEWS)).json == shown
    table = set(re.findall(r"`([a-z0-9_]+)`", section))
    assert shown["data"]["attributes"].keys() - {"source", "destination"} <= table


async def test_smart_encoding_is_told_of_where_it_is_asked_for() -> None:
    """What it changes, and what going further would; nothing of it where the request does not speak of it."""
    async with open_door(entries=usual()) as door:
        plain = await door.post(asked(content="It\u2019s ready"), PREVIEWS)
        off = await door.post(asked(content="It\u2019s ready", smart_encoding="off"), PREVIEWS)
        replaced = await door.post(asked(content="It\u2019s ready", smart_encoding="replace"), PREVIEWS)
        composed = await door.post(asked(content="e\u0301"), PREVIEWS)
    change = {"step": "replaced", "before": "\u2019", "after": "'", "count": 1}
    would = {
        "smart_encoding": "replace",
        "encoding": "GSM-7",
        "fragments": 1,
        "price": 0.0075,
        "text_changes": [change],
    }
    shown = plain.json["data"]["attributes"]
    assert {"text_changes", "with_smart_encoding", "national_language"}.isdisjoint(shown)
    assert off.json["data"]["attributes"] == {**shown, "with_smart_encoding": would}
    attributes = replaced.json["data"]["attributes"]
    assert (attributes["encoding"], attributes["segments"]) == ("GSM-7", [{"content": "It's ready", "length": 10}])
    assert (attributes["text_changes"], attributes["outside_gsm7"]) == ([change], [])
    assert composed.json["data"]["attributes"]["segments"] == [{"content": "\u00e9", "length": 1}]
    assert composed.json["data"]["attributes"]["text_changes"][0]["step"] == "composed"
    assert len({it.json["data"]["id"] for it in (plain, off, replaced)}) == 3
