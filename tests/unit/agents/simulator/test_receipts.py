import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from agents.simulator import receipts as receipts_module
from agents.simulator.receipts import Receipts
from tests.unit.agents.simulator.clients import SEGMENT, Client, put, send


class ReceiptTaker:
    """A local server that takes receipts, or refuses the first `refusals` of them."""

    def __init__(self) -> None:
        self.bodies: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.refusals = 0
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        """Take one."""
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=503)
        self.bodies.put_nowait(await request.json())
        return web.Response()

    async def next(self) -> dict[str, Any]:
        """Wait for one."""
        async with asyncio.timeout(30):  # a machine that runs other tests too
            return await self.bodies.get()


@pytest.fixture
async def taker() -> AsyncIterator[ReceiptTaker]:
    taker = ReceiptTaker()
    app = web.Application()
    app.router.add_post("/receipts", taker.take)
    async with TestServer(app) as server:
        taker.url = str(server.make_url("/receipts?ref=abc"))
        yield taker


async def test_a_receipt_follows_where_the_post_names_an_address(client: Client, taker: ReceiptTaker) -> None:
    """It names the carrier's id, the segment and the state."""
    await put(client, "/receipts", {"delay_ms": 0, "status": "UNDELIV"})
    _, body = await send(client, "key", receipt_url=taker.url)
    receipt = await taker.next()
    assert (body["id"], SEGMENT["segment_id"], SEGMENT["message_id"], "UNDELIV") == (
        receipt["id"], receipt["segment_id"], receipt["message_id"], receipt["status"],
    )  # fmt: skip


async def test_only_one_receipt_for_one_key_and_none_without_an_address(client: Client, taker: ReceiptTaker) -> None:
    """A repeated POST is the same segment, and a carrier that was given no address has nowhere to post."""
    await put(client, "/receipts", {"delay_ms": 0})
    for key, url in (("a", taker.url), ("a", taker.url), ("silent", None), ("last", taker.url)):
        await send(client, key, segment_id=f"{key}:1", receipt_url=url)
    assert [(await taker.next())["segment_id"] for _ in range(2)] == ["a:1", "last:1"]
    assert taker.bodies.empty()


@pytest.mark.parametrize(
    ("number", "posted"),
    [
        ("15005550000", [("DELIVRD", None)]),
        ("15005550002", [("UNDELIV", "001")]),
        ("15005550003", [("EXPIRED", "027")]),
        ("15005550004", [("REJECTD", "013")]),
        ("15005550009", [("DELIVRD", None), ("DELIVRD", None)]),
        ("15005550011", [("ENROUTE", None), ("ACCEPTD", None), ("DELIVRD", None)]),
        ("15005550012", [("DELIVRD", None), ("UNDELIV", "001")]),
        ("15551234567", [("SKIPPED", None)]),
    ],
)
async def test_numbers_with_fixed_receipts(
    client: Client, taker: ReceiptTaker, number: str, posted: list[tuple[str, str | None]]
) -> None:
    """Whatever the policy says: that is for all others."""
    await put(client, "/receipts", {"delay_ms": 0, "status": "SKIPPED"})
    assert (await send(client, "key", destination=number, receipt_url=taker.url))[0] == 202
    found = [await taker.next() for _ in posted]
    assert [(it["status"], it.get("error")) for it in found] == posted
    assert taker.bodies.empty()


async def test_a_receipt_can_be_there_before_the_answer(client: Client, taker: ReceiptTaker) -> None:
    """And one number has none at all."""
    posting = asyncio.create_task(send(client, "key", destination="15005550010", receipt_url=taker.url))
    assert (await taker.next())["status"] == "DELIVRD"
    assert not posting.done()
    assert (await posting)[0] == 202
    await put(client, "/receipts", {"delay_ms": 0})
    await send(client, "silent", destination="15005550007", receipt_url=taker.url)
    await send(client, "last", segment_id="last:1", receipt_url=taker.url)
    assert (await taker.next())["segment_id"] == "last:1"


async def test_receipts_can_be_turned_off(client: Client, taker: ReceiptTaker) -> None:
    """And on again; what was accepted meanwhile gets none."""
    await put(client, "/receipts", {"delay_ms": 0, "enabled": False})
    await send(client, "off", segment_id="off:1", receipt_url=taker.url)
    await put(client, "/receipts", {"delay_ms": 0})
    await send(client, "on", segment_id="on:1", receipt_url=taker.url)
    assert (await taker.next())["segment_id"] == "on:1"


async def test_a_receipt_that_is_not_taken_is_posted_again(
    client: Client, taker: ReceiptTaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a carrier does when the gateway answers 503."""
    monkeypatch.setattr(receipts_module, "RETRY_SECONDS", 0.0)
    taker.refusals = 3
    await put(client, "/receipts", {"delay_ms": 0})
    await send(client, "key", receipt_url=taker.url)
    assert (await taker.next())["status"] == "DELIVRD"
    assert taker.refusals == 0


async def test_an_address_where_nobody_listens_holds_up_nobody(
    client: Client, taker: ReceiptTaker, unused_tcp_port: int
) -> None:
    """The receipt for it waits for its next attempt while others are posted."""
    await put(client, "/receipts", {"delay_ms": 0})
    await send(client, "dead", receipt_url=f"http://127.0.0.1:{unused_tcp_port}/")
    await send(client, "bad", receipt_url="http://[/")
    await send(client, "fine", segment_id="fine:1", receipt_url=taker.url)
    assert (await taker.next())["segment_id"] == "fine:1"


async def test_receipts_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A carrier may lose receipts, but not its memory."""
    monkeypatch.setattr(receipts_module, "MAX_WAITING", 5)
    receipts = Receipts()
    for number in range(20):
        receipts.expect("http://127.0.0.1/", "id", f"{number}:1", str(number))
    assert len(receipts._due) == 5


@pytest.mark.parametrize("body", [{"status": "DELIVERED"}, {"delay_ms": -1}, {"enabled": "yes"}, {"extra": 1}])
async def test_a_bad_policy_is_refused(client: Client, body: dict[str, object]) -> None:
    """400, and the old policy stays."""
    assert await put(client, "/receipts", body) == 400
