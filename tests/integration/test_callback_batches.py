"""Trunks that are called back in batches, by the callback agent as a process against a real Apache Kafka."""

import json
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from pipeline.callbacks.batch import MAX_EVENTS
from pipeline.callbacks.notification import body_of
from schemas.directory.callback_options import CallbackOptions
from schemas.directory.trunk import Trunk
from schemas.headers.dead_letter import DeadLetterSource
from tests.fakes.receiver import Received, receiving
from tests.inbox import Told, told_by
from tests.integration.callback_site import (
    STATUS_DEAD_LETTERS,
    CallbackSite,
    attempts_of,
    callback_agent,
    new_status,
    new_trunk,
    until_received,
)
from tests.integration.patience import until

pytestmark = pytest.mark.kafka


def batching(url: str, **options: Any) -> Trunk:
    return new_trunk(url).model_copy(update={"callbacks": CallbackOptions(batch=True, **options)})


def told(trunk: Trunk, received: list[Received]) -> list[list[Told]]:
    """What each POST told, with a signature that is right."""
    for one in received:
        Webhook(trunk.callback_secrets[0].secret).verify(one.body, one.headers)
    return [told_by({"headers": it.headers, "body": it.body}) for it in received]


async def test_many_come_in_few_posts(site: CallbackSite, tmp_path: Path) -> None:
    """Each once, as it would be alone; two URLs are two batches, and a trunk beside gets its own one by one."""
    async with receiving() as receiver:
        trunk = await site.add(batching(receiver.url("/ok/many"), headers={"X-Environment": "test"}))
        plain = await site.add(new_trunk(receiver.url("/ok/plain")))
        statuses = [new_status(trunk) for _ in range(450)]
        tenant = [new_status(trunk).model_copy(update={"callback_url": receiver.url("/ok/tenant")}) for _ in range(5)]
        single = [new_status(plain) for _ in range(3)]
        async with callback_agent(site, receiver, tmp_path / "log") as agent:
            await site.end(*statuses, *tenant, *single)

            async def all_told() -> bool:
                many = sum(len(it) for it in told(trunk, receiver.of("/ok/many")))
                return many >= len(statuses) and len(receiver.of("/ok/plain")) >= len(single)

            await until(all_told)
            await until_received(receiver, "/ok/tenant", 1)
            assert await agent.stop() == 0
        many, others = receiver.of("/ok/many"), receiver.of("/ok/tenant")
    batches = told(trunk, many)
    assert max(len(it) for it in batches) == MAX_EVENTS
    assert len(batches) < 20
    events = {it.webhook_id: it.data for batch in batches for it in batch}
    assert sorted(events) == sorted(it.webhook_id for it in statuses)
    assert sum(map(len, batches)) == len(statuses)
    for status in statuses:
        event = {**events[status.webhook_id]}
        assert event.pop("meta") == {"webhook_id": status.webhook_id}
        assert {"data": event} == json.loads(body_of(status))
    assert [it.headers["x-environment"] for it in many] == ["test"] * len(many)
    assert len({it.headers["webhook-id"] for it in many}) == len(many)
    assert sorted(it.webhook_id for batch in told(trunk, others) for it in batch) == sorted(
        it.webhook_id for it in tenant
    )


async def test_what_fails_comes_again_under_its_id_and_at_last_alone(site: CallbackSite, tmp_path: Path) -> None:
    """Together while it may be chance: an event that the endpoint cannot take must not take others with it for ever."""
    async with receiving() as receiver:
        trunk = await site.add(batching(receiver.url("/redirect/batch")))  # each attempt fails, and says nothing else
        statuses = [new_status(trunk) for _ in range(8)]
        ids = sorted(it.webhook_id for it in statuses)

        def posts() -> list[list[Told]]:
            return told(trunk, receiver.of("/redirect/batch"))

        async def tried_three_times() -> bool:
            return sum(map(len, posts())) >= 3 * len(statuses)

        async with callback_agent(
            site, receiver, tmp_path / "log", SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS="1,2,60"
        ) as agent:
            await site.end(*statuses)
            await until(tried_three_times)
            assert await agent.stop() == 0
        sizes = {it: [len(post) for post in posts() if it in {one.webhook_id for one in post}] for it in ids}
    assert [len(it) for it in sizes.values()] == [3] * len(ids)
    assert [it[2] for it in sizes.values()] == [1] * len(ids)
    assert max(it[0] for it in sizes.values()) > 1
    events = await attempts_of(site, statuses, 3 * len(statuses))
    assert sorted((it.webhook_id, it.attempt, it.status_code) for it in events) == sorted(
        (it, attempt, 307) for it in ids for attempt in (1, 2, 3)
    )


async def test_410_to_a_batch_sets_all_of_it_aside(site: CallbackSite, tmp_path: Path) -> None:
    """Visibly."""
    async with receiving() as receiver:
        trunk = await site.add(batching(receiver.url("/gone/batch")))
        statuses = [new_status(trunk) for _ in range(4)]

        def ours(source: DeadLetterSource, value: bytes) -> bool:
            return source.reason in {"endpoint-gone", "endpoint-disabled"} and trunk.id.encode() in value

        async with callback_agent(site, receiver, tmp_path / "log") as agent:
            await site.end(*statuses)

            async def set_aside() -> bool:
                return len(await site.dead_letters(STATUS_DEAD_LETTERS, ours)) >= len(statuses)

            await until(set_aside)
            assert await agent.stop() == 0
        assert len(receiver.of("/gone/batch")) <= 2  # of each partition's, at most, before it is known
