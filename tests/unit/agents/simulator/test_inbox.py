import base64

from agents.simulator.inbox import Inboxes
from agents.simulator.settings import SimulatorSettings
from tests.unit.agents.simulator.clients import Client, get, running


async def test_a_callback_is_kept_with_its_raw_body_and_its_headers(client: Client) -> None:
    """Byte for byte, so that a signature over the body can be verified; header names in lower case."""
    body = '{ "a" : "\\u00fc",\n"b":"ü€😀" }'
    async with client.post(
        "/inbox/demo", data=body.encode(), headers=[("Webhook-Id", "m.processing"), ("X-A", "1"), ("X-A", "2")]
    ) as answer:
        assert answer.status == 200
    (entry,) = await get(client, "/inbox/demo")
    assert list(entry) == ["n", "at", "headers", "body"]
    assert (1, body, "m.processing", "1, 2") == (
        entry["n"], entry["body"], entry["headers"]["webhook-id"], entry["headers"]["x-a"],
    )  # fmt: skip


async def test_inboxes_are_apart_and_can_be_followed_and_emptied(client: Client) -> None:
    """`since` leaves out what is known; an unknown inbox is an empty one."""
    for number in range(3):
        await client.post("/inbox/one", data=str(number).encode())
    await client.post("/inbox/two", data=b"x")
    assert [it["body"] for it in await get(client, "/inbox/one?since=2")] == ["2"]
    assert await get(client, "/inbox/one/count") == {"count": 3}
    await client.delete("/inbox/one")
    assert [[it["body"] for it in await get(client, f"/inbox/{name}")] for name in ("one", "two", "three")] == [
        [],
        ["x"],
        [],
    ]
    await client.post("/inbox/one", data=b"again")
    assert [it["n"] for it in await get(client, "/inbox/one")] == [1]


async def test_bytes_that_are_no_text_are_kept_exactly_beside_the_text(client: Client) -> None:
    """JSON cannot hold them, so they come as base64 too."""
    await client.post("/inbox/demo", data=b"\xff\x00ok")
    (entry,) = await get(client, "/inbox/demo")
    assert base64.b64decode(entry["body_base64"]) == b"\xff\x00ok"
    assert entry["body"] == "\ufffd\x00ok"


async def test_the_number_of_inboxes_is_bounded() -> None:
    """Names come from callers."""
    async with running(SimulatorSettings(max_inboxes=1)) as client:
        answers = [(await client.post(f"/inbox/{name}", data=b"x")).status for name in ("a", "b", "a")]
    assert answers == [200, 400, 200]


def test_the_fullest_inbox_pays_for_the_memory() -> None:
    """A flood into one inbox does not empty another."""
    inboxes = Inboxes(max_kept_bytes=10_000, max_inboxes=10)
    inboxes.take("quiet", {}, b"keep me")
    for _ in range(1000):
        inboxes.take("flooded", {}, b"x" * 500)
    assert b"keep me" in inboxes.listing("quiet", 0)
    assert inboxes.count("flooded") == 1000
    assert 9_000 < len(inboxes.listing("flooded", 0)) < 10_000
    inboxes.clear("flooded")
    inboxes.take("flooded", {}, b"x" * 500)
    assert b"xxx" in inboxes.listing("flooded", 0)
