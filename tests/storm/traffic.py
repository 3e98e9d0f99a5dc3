"""What a storm sends: single, bulk and topic messages at a bounded rate, and what became of each request.

Every message has a text of its own, so that one SMS can be told from another at the carrier, whatever its id. A
request that got no answer, or a 5xx, is repeated with its Idempotency-Key until it is answered: then it is known to be
accepted, and must be sent once all the same. What was published to the topic without an acknowledgement may be there.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import aiohttp
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.identifiers import uuid7

JSON_API: Final = "application/vnd.api+json"
GIVES_UP: Final = "1555"
"""Destinations that begin like this go first to a carrier whose doubts are given up; others may be repeated by key."""
LONG: Final = "0123456789" * 20  # makes two segments of any text
REQUEST_SECONDS: Final = 15.0
REPEAT_SECONDS: Final = 0.3
SINGLES_PER_SECOND: Final = 12
BULKS_PER_SECOND: Final = 0.5
BULK_SIZE: Final = 20
RECORDS_PER_SECOND: Final = 1
RECORD_SIZE: Final = 10


@dataclass
class Sent:
    """What was sent. `accepted` holds message ids by text and destination; so do `maybe`'s, where they are known."""

    accepted: dict[tuple[str, str], str] = field(default_factory=dict)
    maybe: set[tuple[str, str]] = field(default_factory=set)
    requests: int = 0
    repeats: int = 0
    answers: dict[int, int] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    """Answers that cannot be: a repetition that named other ids, a refusal of what is in order."""


class Traffic:
    """Sends until it is told to stop, and then sees every request through."""

    def __init__(self, ready: dict[str, Any], random: Random, *, repeats: bool = True) -> None:
        self.sent = Sent()
        self._repeats = repeats
        self._ready = ready
        self._random = random
        self._trunk: dict[str, Any] = ready["trunk"]
        self._authorization = aiohttp.encode_basic_auth(self._trunk["username"], self._trunk["password"])
        self._count = 0
        self._requests: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float, see_through_seconds: float) -> None:
        """Send for `seconds`; what is still unanswered after `see_through_seconds` more is a maybe."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS)) as session:
            loop = asyncio.get_running_loop()
            self._end = loop.time() + seconds
            self._give_up = self._end + see_through_seconds
            await asyncio.gather(
                self._each(1 / SINGLES_PER_SECOND, lambda: self._single(session)),
                self._each(1 / BULKS_PER_SECOND, lambda: self._bulk(session)),
                self._produce(),
            )
            if self._requests:
                await asyncio.wait(self._requests)

    async def _each(self, interval: float, send: Any) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < self._end:
            task = asyncio.create_task(send())
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)
            await asyncio.sleep(interval)

    def _text(self) -> str:
        self._count += 1
        return f"storm {self._count:06d} " + (LONG if self._random.random() < 0.2 else "")

    def _destination(self) -> str:
        prefix = GIVES_UP if self._random.random() < 0.4 else "1212"
        return f"{prefix}555{self._random.randrange(10_000):04d}"

    async def _single(self, session: aiohttp.ClientSession) -> None:
        text, destination = self._text(), self._destination()
        attributes = {"destination": destination, "source": "12125551234", "content": text}
        body = await self._post(session, "outbound_messages", attributes, [(text, destination)])
        if body is not None:
            self._accept((text, destination), body["data"]["id"])

    async def _bulk(self, session: aiohttp.ClientSession) -> None:
        text = self._text()
        destinations = sorted({self._destination() for _ in range(BULK_SIZE)})
        attributes = {"destination": destinations, "source": "12125551234", "content": text}
        body = await self._post(session, "bulk_outbound_messages", attributes, [(text, it) for it in destinations])
        for message in [] if body is None else body["data"]:
            self._accept((text, message["attributes"]["destination"]), message["id"])

    def _accept(self, what: tuple[str, str], identity: str) -> None:
        self.sent.accepted[what] = identity
        self.sent.maybe.discard(what)

    async def _post(
        self,
        session: aiohttp.ClientSession,
        kind: str,
        attributes: Mapping[str, object],
        whats: list[tuple[str, str]],
    ) -> Any:
        """Post until there is a 201; return its body, None when there was none in time."""
        headers = {"Content-Type": JSON_API, "Authorization": self._authorization, "Idempotency-Key": uuid7()}
        url = f"{self._ready['ingress_url']}/{kind}"
        self.sent.requests += 1
        while True:
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with session.post(
                    url, json={"data": {"type": kind, "attributes": attributes}}, headers=headers
                ) as answer:
                    body = await answer.json(content_type=None)
                    self.sent.answers[answer.status] = self.sent.answers.get(answer.status, 0) + 1
                    if answer.status == 201:
                        return body
                    if answer.status < 500 and answer.status != 429:
                        self.sent.contradictions.append(f"{answer.status}: {json.dumps(body)[:300]}")
                        return None
            self.sent.maybe.update(whats)
            if not self._repeats or asyncio.get_running_loop().time() > self._give_up:
                return None
            self.sent.repeats += 1
            await asyncio.sleep(REPEAT_SECONDS)

    async def _produce(self) -> None:
        """Publish as a direct producer would: arrays of submissions, each with an id of its own."""
        loop = asyncio.get_running_loop()
        while loop.time() < self._end:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._ready["bootstrap_servers"], enable_idempotence=True, request_timeout_ms=5000
            )
            try:
                await producer.start()
                while loop.time() < self._end:
                    await self._publish(producer)
                    await asyncio.sleep(1 / RECORDS_PER_SECOND)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(0.5)
            finally:
                with suppress(KafkaError, OSError, TimeoutError):
                    async with asyncio.timeout(5):
                        await producer.stop()

    async def _publish(self, producer: AIOKafkaProducer) -> None:
        whats = {(self._text(), self._destination()): uuid7() for _ in range(RECORD_SIZE)}
        submissions = [
            {
                "id": identity,
                "trunk_id": self._trunk["id"],
                "source": "12125551235",
                "content": text,
                "destinations": [{"address": destination}],
            }
            for (text, destination), identity in whats.items()
        ]
        self.sent.maybe.update(whats)
        await asyncio.wait_for(
            producer.send_and_wait(
                "sms.mt.submitted", json.dumps(submissions).encode(), key=self._trunk["id"].encode()
            ),
            REQUEST_SECONDS,
        )
        for what, identity in whats.items():
            self._accept(what, identity)
