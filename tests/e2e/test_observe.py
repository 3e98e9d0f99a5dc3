"""A real Prometheus looks at a running system in which some things go wrong: panels show something, alerts come."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from pipeline.kafka.producer import RecordProducer
from pipeline.settings import KafkaSettings
from schemas.record import OutRecord
from schemas.topics import SUBMITTED
from tests.contract.observability import expressions
from tests.e2e.customer import JSON_API, Customer
from tests.prometheus import program_or_skip
from tests.systems import running_system

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ALERTS_WITHIN_SECONDS = 120.0
PANELS_WITHIN_SECONDS = 60.0
EXPECTED = {"SmsoutCarrierDown", "SmsoutEndpointsAway", "SmsoutDeadLetters"}


class Prometheus:
    """Answers questions."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def ask(self, path: str, **query: str) -> Any:
        async with self._session.get(f"{self._url}/api/v1/{path}", params=query) as answer:
            body = await answer.json()
            assert body["status"] == "success", (query, body)
            return body["data"]

    async def value(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.ask("query", query=expression))["result"]
        return found

    async def first_value(self, expression: str) -> list[dict[str, Any]]:
        """Wait for the scrape that has seen it."""
        async with asyncio.timeout(PANELS_WITHIN_SECONDS):
            while not (found := await self.value(expression)):
                await asyncio.sleep(0.5)
        return found

    async def firing(self) -> set[str]:
        return {it["labels"]["alertname"] for it in (await self.ask("alerts"))["alerts"] if it["state"] == "firing"}


async def load(customer: Customer) -> None:
    """Send what is right, and what is wrong in several ways."""
    for number in range(20):
        await customer.send(f"155512345{number:02}", f"message {number}")
    await customer.send("15551234599", "long " * 60)
    await customer.send("15551234567", "not allowed", source="12125551236")
    status, _ = await customer.post("/outbound_messages", "outbound_messages", {"destination": "nonsense"})
    assert status == 400


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Any]]:
    program_or_skip("prometheus")
    with running_system(tmp_path_factory.mktemp("observed"), observe="") as ready:
        yield ready


@pytest.mark.asyncio(loop_scope="module")
async def test_every_process_is_scraped_under_its_name(system: dict[str, Any]) -> None:
    """And Prometheus itself has a pid, a URL and the alerts."""
    assert system["pids"]["prometheus"] > 0
    async with aiohttp.ClientSession() as session:
        prometheus = Prometheus(session, system["prometheus_url"])
        async with asyncio.timeout(PANELS_WITHIN_SECONDS):
            while True:
                up = {it["metric"]["process"] for it in await prometheus.value('up{job="smsout"} == 1')}
                if up == set(system["metrics"]):
                    break
                await asyncio.sleep(0.5)
        rules = await prometheus.ask("rules")
    assert len([rule for group in rules["groups"] for rule in group["rules"]]) > 20


@pytest.mark.asyncio(loop_scope="module")
async def test_panels_show_something_and_outages_raise_their_alerts(system: dict[str, Any]) -> None:
    """After a load with failures in it, while a carrier and an endpoint are away and a topic is poisoned."""
    async with Customer(system) as customer, aiohttp.ClientSession() as session:
        prometheus = Prometheus(session, system["prometheus_url"])
        key, limited = system["panel"]["api_key"], {"segments_per_day": 1_000_000}
        path, trunk_id = f"{system['panel_url']}/v3/sms_trunks/{system['trunk']['id']}", system["trunk"]["id"]
        change = {"data": {"type": "sms_trunks", "id": trunk_id, "attributes": limited}}
        headers = {"Authorization": f"Bearer {key}", "Content-Type": JSON_API}
        async with session.patch(path, json=change, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
        await load(customer)
        await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) >= 21)
        (carrier,) = await prometheus.first_value("smsout_carrier_info")
        names = {"trunk": system["trunk"]["id"], "carrier": carrier["metric"]["carrier"]}
        assert EXPECTED & await prometheus.firing() == set()

        await customer.put("/faults/carrier", {"status": 503})
        await customer.put("/faults/inbox/demo", {"status": 503})
        kafka = KafkaSettings(bootstrap_servers=system["bootstrap_servers"])
        producer = await RecordProducer(kafka, client_id="test-observe").start()
        await producer.write([OutRecord(SUBMITTED, names["trunk"].encode(), b"no json")])
        await producer.stop()
        for _ in range(3):
            await load(customer)
            await asyncio.sleep(3)

        async with asyncio.timeout(ALERTS_WITHIN_SECONDS):
            while not await prometheus.firing() >= EXPECTED:
                await asyncio.sleep(1)

        empty = {
            where: re.sub(r"\$(\w+)", lambda found: names[found[1]], expression)
            for where, expression in expressions().items()
            if not where.startswith("rule ")
        }
        async with asyncio.timeout(PANELS_WITHIN_SECONDS):
            while empty := {where: it for where, it in empty.items() if not await prometheus.value(it)}:
                print("still without data:", sorted(empty))
                await asyncio.sleep(2)
