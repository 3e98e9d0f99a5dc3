"""Limits of requests per second at the door: the answers, and what they say of the limits."""

import asyncio

from prometheus_client import REGISTRY

from tests.builders import account
from tests.unit.agents.ingress.harness import Answered, bulk, open_door, read_answer, single

UNLIMITED = {"content-type", "date", "server", "content-length"}


def of_limits(answered: Answered) -> tuple[str | None, str | None, str | None]:
    return tuple(answered.headers.get(name) for name in ("ratelimit-policy", "ratelimit", "retry-after"))  # type: ignore[return-value]


async def test_without_a_limit_nothing_is_said() -> None:
    """The same headers as ever."""
    async with open_door(entries=[account()]) as door:
        answered = await door.post(single())
    assert (answered.status, set(answered.headers)) == (201, UNLIMITED)


async def test_beyond_its_limit_a_trunk_gets_429_and_nothing_is_sent() -> None:
    """Every answer says what is left, whatever it is about."""
    async with open_door({"requests_per_second": 3}) as door:
        answers = [await door.post(it) for it in (single(), single(source=None), bulk(), single())]
        assert [it.status for it in answers] == [201, 400, 400, 429]
        assert [of_limits(it) for it in answers] == [
            ('"trunk";q=3;w=1', f'"trunk";r={left};t=1', after)
            for left, after in ((2, None), (1, None), (0, None), (0, "1"))
        ]
        assert answers[3].details == ["more than 3 requests per second of this trunk: nothing was sent"]
        assert answers[3].json["errors"][0].keys() == {"title", "detail", "code", "status"}
        assert len(door.producer.submissions()) == 1
        door.clock.now += 0.5
        assert [(await door.post(single())).status for _ in range(2)] == [201, 429]


async def test_the_limit_of_the_account_is_said_beside_the_trunks_own() -> None:
    """The wait is the longer one; each refusal is counted by whose limit it was."""
    counted = "smsout_ingress_limited_requests_total"
    before = REGISTRY.get_sample_value(counted, {"limit": "account"}) or 0
    async with open_door({"requests_per_second": 5}, entries=[account(requests_per_second=1)]) as door:
        first, second = await door.post(single()), await door.post(single())
        assert of_limits(first)[:2] == ('"trunk";q=5;w=1, "account";q=1;w=1', '"trunk";r=4;t=1, "account";r=0;t=1')
        assert (second.status, second.headers["retry-after"]) == (429, "1")
        assert second.details == ["more than 1 requests per second of this account: nothing was sent"]
    assert (REGISTRY.get_sample_value(counted, {"limit": "account"}) or 0) - before == 1


async def test_nobody_learns_of_a_limit_without_credentials() -> None:
    """And what is refused before takes nothing of it."""
    async with open_door({"requests_per_second": 1}) as door:
        for _ in range(3):
            answered = await door.post(single(), authorization="Basic bm9ib2R5Om5vdGhpbmc=")
            assert (answered.status, of_limits(answered)) == (401, (None, None, None))
        assert (await door.post(single())).status == 201


async def test_a_connection_stays_usable_after_a_429() -> None:
    """The body that was not read does not become the next request."""
    async with open_door({"requests_per_second": 1}) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(door.request(single()) * 3)
        assert [(await read_answer(reader)).status for _ in range(3)] == [201, 429, 429]
        door.clock.now += 1
        writer.write(door.request(single()))
        assert (await read_answer(reader)).status == 201
        writer.close()
        await writer.wait_closed()
