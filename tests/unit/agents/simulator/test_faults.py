import asyncio

import pytest
from aiohttp import ClientConnectionError

from agents.simulator.faults import MAX_FAULTS, Fault, Faults
from tests.unit.agents.simulator.clients import SEGMENT, Client, get, put, send


async def test_a_status_fault_refuses_with_its_headers_and_records_nothing(client: Client) -> None:
    """503 with Retry-After, at the carrier and at one inbox, until it is cleared."""
    for target, path, count in (
        ("carrier", "/carrier/segments", "/carrier/count"),
        ("inbox/demo", "/inbox/demo", "/inbox/demo/count"),
    ):
        assert await put(client, f"/faults/{target}", {"status": 503, "headers": {"Retry-After": "7"}}) == 200
        async with client.post(path, json=SEGMENT) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
        assert await get(client, count) == {"count": 0}
        async with client.delete(f"/faults/{target}") as cleared:
            assert cleared.status == 204
        async with client.post(path, json=SEGMENT) as answer:
            assert answer.status < 300
        assert await get(client, count) == {"count": 1}


@pytest.mark.parametrize(("drop", "recorded"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    ("target", "path", "count"),
    [
        ("carrier", "/carrier/segments", "/carrier/count"),
        ("inbox/demo", "/inbox/demo", "/inbox/demo/count"),
    ],
)
async def test_a_drop_closes_the_connection_without_an_answer(
    client: Client, target: str, path: str, count: str, drop: str, recorded: int
) -> None:
    """`before` records nothing; `after` is accepted and recorded first, which the other side cannot know."""
    await put(client, f"/faults/{target}", {"drop": drop, "remaining": 1})
    with pytest.raises(ClientConnectionError):
        await client.post(path, json=SEGMENT)
    assert {"count": recorded} == await get(client, count)


async def test_remaining_counts_down_and_then_all_is_well(client: Client) -> None:
    """Two refusals, then success."""
    await put(client, "/faults/carrier", {"status": 500, "remaining": 2})
    assert [(await send(client))[0] for _ in range(4)] == [500, 500, 202, 202]


async def test_a_2xx_fault_accepts_and_only_changes_the_answer(client: Client) -> None:
    """A carrier that answers 200 where 202 is usual has taken the segment."""
    await put(client, "/faults/carrier", {"status": 200, "headers": {"X-Carrier": "slow"}})
    status, body = await send(client)
    assert (status, list(body)) == (200, ["id"])
    assert await get(client, "/carrier/count") == {"count": 1}


async def test_a_delay_passes_before_the_answer_and_after_the_recording(client: Client) -> None:
    """A caller that loses patience is in doubt: the segment has been taken."""
    await put(client, "/faults/carrier", {"delay_ms": 600_000})
    waiting = asyncio.create_task(send(client))
    for _ in range(1000):
        if await get(client, "/carrier/count") == {"count": 1}:
            break
    else:
        pytest.fail("the segment was not recorded while its answer was delayed")
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_fault_of_one_inbox_leaves_the_others_alone(client: Client) -> None:
    """Targets are apart."""
    await put(client, "/faults/inbox/broken", {"status": 500})
    async with client.post("/inbox/fine", data=b"x") as answer:
        assert answer.status == 200


async def test_bad_json_does_not_use_up_a_fault(client: Client) -> None:
    """What would be a 400 anyway is not struck."""
    await put(client, "/faults/carrier", {"status": 500, "remaining": 1})
    async with client.post("/carrier/segments", data=b"{") as answer:
        assert answer.status == 400
    assert (await send(client))[0] == 500


def test_probability_strikes_about_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """0 never, 1 always, and the bound between is exact."""
    faults = Faults()
    draws = iter([0.0, 0.29, 0.3, 0.99])
    monkeypatch.setattr("agents.simulator.faults.random.random", lambda: next(draws))
    faults.set("carrier", Fault(status=503, probability=0.3))
    assert [faults.strike("carrier").status for _ in range(4)] == [503, 503, None, None]
    draws = iter([0.0])
    faults.set("carrier", Fault(status=503, probability=0.0))
    assert None is faults.strike("carrier").status


def test_the_number_of_faults_is_bounded() -> None:
    """Targets come from callers."""
    faults = Faults()
    for number in range(MAX_FAULTS):
        faults.set(f"inbox/{number}", Fault())
    with pytest.raises(ValueError, match="already"):
        faults.set("inbox/more", Fault())
    faults.set("inbox/0", Fault(status=500))


@pytest.mark.parametrize(
    "body",
    [
        {"status": 99},
        {"status": 600},
        {"status": "503"},
        {"drop": "during"},
        {"delay_ms": -1},
        {"probability": 1.01},
        {"remaining": -1},
        {"headers": {"X": "a\r\nSet-Cookie: b"}},
        {"headers": {"a b": "c"}},
        {"headers": {"Content-Length": "5"}},
        {"unknown": 1},
        [],
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(client: Client, body: object) -> None:
    """400, and the carrier works on."""
    assert await put(client, "/faults/carrier", body) == 400
    assert (await send(client))[0] == 202


@pytest.mark.parametrize("target", ["ledger", "inbox", "inbox/", "inbox/a%2Fb", "inbox/a%20b"])
async def test_an_unknown_target_is_not_found(client: Client, target: str) -> None:
    """A typing error must not look like a fault that is set."""
    async with client.put(f"/faults/{target}", json={"status": 503}) as answer:
        assert answer.status == 404
