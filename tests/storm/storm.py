"""A whole system under load while its processes are killed and its peers fail; then the books are checked."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.headers.dead_letter import DeadLetterSource
from tests.e2e.customer import Customer
from tests.storm.traffic import GIVES_UP, JSON_API, Sent, Traffic
from tests.storm.troubles import Faults, Kills
from tests.storm.verdict import WITHOUT_KEYS, Verdict, judge, unsettled
from tests.systems import running_system

SETTLE_SECONDS: Final = 120.0
READ_EVERY_SECONDS: Final = 30.0
DEAD_LETTER_SUFFIX: Final = ".dead-letter"
SEE_THROUGH_SECONDS: Final = 60.0
ENVIRONMENT: Final[Mapping[str, str]] = {
    # Short tiers, and more of them than a storm can use up: what waits comes again while the storm lasts.
    "SMSOUT_RETRY_MT_DELAYS_SECONDS": "1, 2, 4, 8",
    "SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS": "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12",
}


@dataclass(frozen=True)
class Report:
    """What a storm came to."""

    seed: int
    seconds: float
    sent: Sent
    kills: Mapping[str, int]
    settled_after: float | None
    left_over: frozenset[str]
    verdict: Verdict

    @property
    def went_well(self) -> bool:
        return not self.verdict.broken and self.settled_after is not None

    def __str__(self) -> str:
        verdict, sent = self.verdict, self.sent
        lines = [
            f"seed                  {self.seed} ({self.seconds:g} s)",
            f"requests              {sent.requests}, {sent.repeats} repetitions, "
            f"answers {dict(sorted(sent.answers.items()))}",
            f"accepted              {len(sent.accepted)} messages, and {len(sent.maybe)} that may have been",
            f"killed                {dict(sorted(self.kills.items()))}",
            f"at the carrier        {verdict.messages_at_carrier} messages, {verdict.segments_at_carrier} segments, "
            f"{verdict.repeated_with_key} POSTs repeated with their key",
            f"given up in doubt     {verdict.given_up}",
            f"callbacks             {verdict.callbacks}, {verdict.callbacks_repeated} of them repetitions",
            f"dead letters          {dict(verdict.dead_letters)}",
            "settled               "
            + (f"{self.settled_after:.1f} s after the storm" if self.settled_after is not None else "NOT"),
        ]
        lines += [f"LEFT OVER             {it}" for it in sorted(self.left_over)[:20]]
        lines += [f"BROKEN                {it}" for it in verdict.broken[:40]]
        if len(verdict.broken) > 40:
            lines.append(f"                      and {len(verdict.broken) - 40} more")
        return "\n".join(lines)


async def storm(ready: dict[str, Any], seconds: float, seed: int, *, repeats: bool = True) -> Report:
    """Let a storm pass over a running system. Everything random in it comes from `seed`."""
    random = Random(seed)
    traffic = Traffic(ready, Random(random.randrange(2**32)), repeats=repeats)
    kills = Kills(Path(ready["ready_file"]), Random(random.randrange(2**32)))
    faults = Faults(ready["simulator_url"], Random(random.randrange(2**32)))
    async with Customer(ready) as customer:
        await _route_to_a_carrier_that_gives_up(ready, customer)
        sending = asyncio.create_task(traffic.run(seconds, SEE_THROUGH_SECONDS))
        books = _Books(customer, ready)
        await asyncio.gather(kills.run(seconds), faults.run(seconds), books.keep_up(seconds))
        calm_since = time.monotonic()
        await sending
        left: set[str] = set()
        while True:
            is_whole = await books.read()
            left = unsettled(traffic.sent, books.callbacks, books.letters)
            settled = is_whole and not left
            passed = time.monotonic() - calm_since
            if settled or passed > SETTLE_SECONDS:
                break
            await asyncio.sleep(1.0)
        async with asyncio.timeout(SETTLE_SECONDS):
            while not await books.read():
                await asyncio.sleep(1.0)
        verdict = judge(traffic.sent, await customer.ledger(), books.callbacks, books.letters)
    return Report(
        seed, seconds, traffic.sent, dict(kills.counts), passed if settled else None, frozenset(left), verdict
    )  # fmt: skip


class _Books:
    """Callbacks and dead letters, read on from where the last look ended."""

    def __init__(self, customer: Customer, ready: dict[str, Any]) -> None:
        self.callbacks: list[dict[str, Any]] = []
        self.letters: dict[str, str] = {}
        self._customer = customer
        self._ready = ready
        self._since = 0

    async def keep_up(self, seconds: float) -> None:
        """Read callbacks while the storm lasts: the signature of one that lies for five minutes counts as replayed."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            await asyncio.sleep(min(left, READ_EVERY_SECONDS))
            await self._read_callbacks()

    async def read(self) -> bool:
        """Read on; return whether all of it could be read."""
        await self._read_callbacks()
        try:
            records = await _records(self._ready["bootstrap_servers"], DEAD_LETTER_SUFFIX)
        except (KafkaError, OSError, TimeoutError):
            return False  # the broker is not there yet; what was read before still counts
        for record in records:
            self.letters[_message_of(json.loads(record.value))] = DeadLetterSource.from_headers(record.headers).reason
        return True

    async def _read_callbacks(self) -> None:
        for it in await self._customer.get(f"/inbox/demo?since={self._since}"):
            self._since = it["n"]
            body = self._customer.verified(it)["data"]
            self.callbacks.append({"webhook_id": it["headers"]["webhook-id"], "body": body})


def _message_of(value: dict[str, Any]) -> str:
    """Return the message that a dead record is about: a message or a status, or one that waits."""
    inner = value.get("message") or value.get("status")
    found = inner if isinstance(inner, dict) else value
    return str(found.get("message_id") or found.get("id"))


async def _records(servers: str, suffix: str) -> list[Any]:
    """Return every record of the topics whose names end in `suffix`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    try:
        await admin.start()
        await consumer.start()
        places = [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await admin.describe_topics()
            if topic["topic"].endswith(suffix)
            for partition in topic["partitions"]
        ]
        assert places, "the dead-letter topics are gone"
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: list[Any] = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
        return found
    finally:
        await consumer.stop()
        await admin.close()


async def _route_to_a_carrier_that_gives_up(ready: dict[str, Any], customer: Customer) -> None:
    """Add a second carrier at the same URL, which is not trusted to honour keys, for a prefix of its own."""
    headers = {"Authorization": f"Bearer {ready['panel']['api_key']}", "Content-Type": JSON_API}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def create(kind: str, document: dict[str, object]) -> str:
            url = f"{ready['panel_url']}/v3/{kind}"
            async with session.post(url, json={"data": {"type": kind, **document}}) as answer:
                body = await answer.json(content_type=None)
                assert answer.status == 201, body
                return str(body["data"]["id"])

        carrier = await create(
            "carriers",
            {
                "attributes": {
                    "name": "Carrier without keys",
                    "url": f"{ready['simulator_url']}/carrier/segments?{WITHOUT_KEYS}",
                    "in_doubt_policy": "give_up",
                }
            },
        )
        await create(
            "routes",
            {
                "attributes": {"destination_prefix": GIVES_UP, "price_per_segment": "0.01"},
                "relationships": {"carrier": {"data": {"type": "carriers", "id": carrier}}},
            },
        )


def run(folder: Path, seconds: float, seed: int, *, repeats: bool = True) -> Report:
    """Start a system in `folder` and let a storm pass over it."""
    with running_system(folder, environment=ENVIRONMENT) as ready:
        return asyncio.run(storm(ready, seconds, seed, repeats=repeats))
