import json
from datetime import UTC, datetime

import pytest

from tests.unit.agents.simulator.clients import SEGMENT, Client, get, put, send


async def test_an_accepted_segment_is_answered_202_with_an_id_and_is_in_the_ledger_as_it_came(client: Client) -> None:
    """Every attribute of the entry is what was posted; `body` is the raw text of the POST."""
    body = json.dumps(SEGMENT, ensure_ascii=False, indent=1)
    before = datetime.now(UTC)
    async with client.post("/carrier/segments", data=body.encode(), headers={"Idempotency-Key": "k"}) as answer:
        assert answer.status == 202
        assert isinstance((await answer.json())["id"], str)
    (entry,) = await get(client, "/carrier/ledger")
    assert before <= datetime.fromisoformat(entry.pop("at")) <= datetime.now(UTC)
    assert {"n": 1, "idempotency_key": "k", "body": body} | SEGMENT == entry


async def test_the_ledger_has_the_trace_and_the_query_that_a_post_came_with(client: Client) -> None:
    """By the query a test tells carriers apart that are one simulator."""
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    async with client.post("/carrier/segments?carrier=second", json=SEGMENT, headers=headers) as answer:
        assert answer.status == 202
    (entry,) = await get(client, "/carrier/ledger")
    assert (entry["traceparent"], entry["query"]) == (headers["traceparent"], "carrier=second")


async def test_the_ledger_lists_every_post_in_order_and_since_leaves_out_what_is_known(client: Client) -> None:
    """`since=N` gives the entries after number N; the count counts all."""
    for number in range(1, 6):
        await send(client, f"key-{number}", text=str(number))
    assert [(n, str(n)) for n in range(1, 6)] == [(it["n"], it["text"]) for it in await get(client, "/carrier/ledger")]
    assert [it["n"] for it in await get(client, "/carrier/ledger?since=3")] == [4, 5]
    assert await get(client, "/carrier/ledger?since=5") == []
    assert await get(client, "/carrier/count") == {"count": 5}


async def test_a_repeated_key_gets_the_same_id_and_stays_visible_in_the_ledger(client: Client) -> None:
    """The carrier would not send it twice, but the ledger must show that it was posted twice."""
    first = await send(client, "one")
    assert first == await send(client, "one")
    assert first != await send(client, "two")
    assert [it["idempotency_key"] for it in await get(client, "/carrier/ledger")] == ["one", "one", "two"]


async def test_without_a_key_every_post_is_a_new_one(client: Client) -> None:
    """Two POSTs without a key get two ids."""
    assert await send(client) != await send(client)
    assert [it["idempotency_key"] for it in await get(client, "/carrier/ledger")] == [None, None]


async def test_an_emptied_ledger_counts_from_one_again(client: Client) -> None:
    """DELETE leaves nothing behind."""
    await send(client)
    async with client.delete("/carrier/ledger") as answer:
        assert answer.status == 204
    assert await get(client, "/carrier/ledger") == []
    await send(client)
    assert [it["n"] for it in await get(client, "/carrier/ledger")] == [1]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"[]", "body"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (json.dumps({k: v for k, v in SEGMENT.items() if k != "text"}).encode(), "text"),
        (json.dumps(SEGMENT | {"data_coding": "0"}).encode(), "data_coding"),
        (json.dumps(SEGMENT | {"data_coding": 256}).encode(), "data_coding"),
        (json.dumps(SEGMENT | {"udh": "05z"}).encode(), "udh"),
        (json.dumps(SEGMENT | {"destination": ""}).encode(), "destination"),
        (json.dumps(SEGMENT | {"text": "\ud83d"}).encode(), "Invalid JSON"),  # half a surrogate pair
        (json.dumps(SEGMENT | {"receipt_url": "file:///etc/passwd"}).encode(), "receipt_url"),
    ],
)
async def test_a_bad_segment_is_a_400_that_names_what_is_wrong(client: Client, body: bytes, named: str) -> None:
    """Nothing of it reaches the ledger."""
    async with client.post("/carrier/segments", data=body) as answer:
        assert answer.status == 400
        assert named in (await answer.json())["error"]
    assert await get(client, "/carrier/count") == {"count": 0}


async def test_a_key_that_is_too_long_is_refused(client: Client) -> None:
    """256 characters are one too many."""
    assert (await send(client, "k" * 255))[0] == 202
    status, body = await send(client, "k" * 256)
    assert status == 400
    assert "Idempotency-Key" in body["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/inbox/a/b", 404), ("GET", "/inbox/%0a", 404), ("PUT", "/carrier/segments", 405)],
)
async def test_what_is_not_there_is_an_error_in_json(client: Client, method: str, path: str, status: int) -> None:
    """The body says the same as the status."""
    async with client.request(method, path) as answer:
        assert answer.status == status
        assert list(await answer.json()) == ["error"]


@pytest.mark.parametrize("since", ["-1", "x", "1.5", "", "9" * 30, "١"])
async def test_a_since_that_is_no_count_is_refused(client: Client, since: str) -> None:
    """A reader with a typing error must not get the whole ledger."""
    async with client.get("/carrier/ledger", params={"since": since}) as answer:
        assert answer.status == 400


async def test_a_body_over_the_limit_is_refused_with_413(client: Client) -> None:
    """Memory per request is bounded."""
    async with client.post("/carrier/segments", data=b"x" * 262_145) as answer:
        assert answer.status == 413
        assert list(await answer.json()) == ["error"]


async def test_a_number_refuses_and_another_asks_to_slow_down_once(client: Client) -> None:
    """Nothing of it is in the ledger until it is taken; a fault that is set goes before."""
    status, body = await send(client, "a", destination="15005550001")
    assert (status, "error" in body) == (400, True)
    throttled = [await send(client, key, destination="15005550005") for key in ("b", "b", "c", "b")]
    assert [it[0] for it in throttled] == [429, 202, 429, 202]
    assert [it["idempotency_key"] for it in await get(client, "/carrier/ledger")] == ["b", "b"]
    await put(client, "/faults/carrier", {"status": 503})
    assert (await send(client, "d", destination="15005550001"))[0] == 503
