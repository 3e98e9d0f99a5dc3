"""One trace from a customer's request to its callbacks, through real processes and to a collector."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from schemas.headers.trace import parse
from schemas.identifiers import uuid7
from schemas.topics import SUBMITTED
from tests.arena.arena import AGENTS, LONG, Arena
from tests.arena.life import Life
from tests.brokers import running_broker
from tests.builders import submission
from tests.e2e.browser import chromium_or_skip, log_in, new_page, running_browser
from tests.fakes.collector import Collector, running_collector
from tests.systems import running_system

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

EVERYBODY: Final = (*AGENTS, "receipts")
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN: Final = "00f067aa0ba902b7"
GIVEN: Final = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "rojo=00f067aa0ba902b7"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def arena(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Arena]:
    folder = tmp_path_factory.mktemp("traces")
    with running_broker(folder) as broker:
        arena = await Arena(broker, folder).start()
        yield arena
        await arena.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with running_collector() as collector:
        yield collector


async def stand(arena: Arena, settings: Mapping[str, str]) -> None:
    await arena.stand(**{name: Life(settings=settings) for name in EVERYBODY})


async def post(arena: Arena, text: str = "Hello", **more: str) -> tuple[str, str]:
    """Send one message that wants receipts; return its id and its destination."""
    destination = arena.number()
    headers, document = arena.request(destination, text, trunk=arena.world.curious)
    async with arena.http.post(f"{arena.ingress_url}/outbound_messages", data=document, headers=headers | more) as it:
        assert it.status == 201, await it.text()
        return str((await it.json(content_type=None))["data"]["id"]), destination


async def callbacks(arena: Arena, message_id: str, count: int = 2) -> list[dict[str, Any]]:
    """Wait for the callbacks of a message; return them in their order."""
    async with asyncio.timeout(30):
        while True:
            found = [it for it in await arena.inbox("curious") if json.loads(it["body"])["data"]["id"] == message_id]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def spans(arena: Arena, collector: Collector, trace_id: str, count: int) -> dict[str, Any]:
    """Wait until a collector has so many spans of a trace; return one of each kind."""
    await arena.until(f"{count} spans", lambda: sum(it.trace_id == trace_id for it in collector.spans) >= count)
    return collector.of(trace_id)


async def test_one_trace_leads_from_the_request_to_both_callbacks(arena: Arena, collector: Collector) -> None:
    """Each span under the one that caused it; carrier and customer are told, and no span names a text or a number."""
    await stand(arena, collector.settings)
    message_id, destination = await post(arena, LONG, **GIVEN)
    told = await callbacks(arena, message_id)
    found = await spans(arena, collector, TRACE, 8)
    request, process, waiting, to_carrier, receipt, callback = (
        found[it]
        for it in (
            "smsout-ingress: POST /outbound_messages", "smsout-processor: process", "smsout-delivery: wait for carrier",
            "smsout-delivery: POST to carrier", "smsout-receipts: receipt", "smsout-callback: POST callback",
        )
    )  # fmt: skip
    assert request.parent_id == SPAN
    assert process.parent_id == request.span_id
    assert waiting.parent_id == to_carrier.parent_id == process.span_id
    posts = [it for it in collector.spans if it.name == "POST to carrier"]
    assert [it.attributes["smsout.segment"] for it in posts] == [1, 2]
    assert receipt.parent_id == posts[-1].span_id
    by_stage = {it.attributes["smsout.stage"]: it for it in collector.spans if it.name == "POST callback"}
    assert by_stage["processing"].parent_id == posts[-1].span_id
    assert by_stage["delivery"].parent_id == receipt.span_id
    assert callback in by_stage.values()
    assert all(it.attributes["smsout.message_id"] == message_id for it in collector.spans)
    assert not any(it.failed or it.ended_ns < it.began_ns for it in collector.spans)
    said = str([it.attributes for it in collector.spans])
    assert destination not in said
    assert LONG[:20] not in said
    assert "12125551234" not in said

    at_carrier = [parse([it["traceparent"]]) for it in arena.ledger() if it["destination"] == destination]
    assert [it and (it.trace_id, it.span_id) for it in at_carrier] == [(TRACE, it.span_id) for it in posts]
    for callback, stage in zip(told, ("processing", "delivery"), strict=True):
        context = parse([callback["headers"]["traceparent"]], [callback["headers"]["tracestate"]])
        assert context == (TRACE, by_stage[stage].span_id, True, GIVEN["tracestate"])


async def test_a_producer_sets_the_header_too_and_no_bad_one_costs_a_message(
    arena: Arena, collector: Collector
) -> None:
    """Of the record, or of one element of its array; what is no trace context counts as none."""
    await stand(arena, collector.settings)
    trunk = arena.world.curious
    ids = [uuid7() for _ in range(3)]
    values = [submission(arena.number(), id=it, trunk_id=trunk.id).to_bytes() for it in ids]
    headers = [
        ("traceparent", b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01"),
        ("traceparent.1", f"00-{'ab' * 16}-{'cd' * 8}-01".encode()),
        ("traceparent.2", b"\xff\x00" * 500),
        ("tracestate", b"=\n"),
    ]
    async with AIOKafkaProducer(bootstrap_servers=arena.kafka.bootstrap_servers) as producer:
        value = b"[" + b",".join(values) + b"]"
        await producer.send_and_wait(SUBMITTED, value, key=trunk.id.encode(), headers=headers)
    told = {it: await callbacks(arena, it) for it in ids}
    assert [{it["headers"].get("traceparent", "")[3:35] for it in told[message]} for message in ids] == [
        {""}, {"ab" * 16}, {""},
    ]  # fmt: skip
    found = await spans(arena, collector, "ab" * 16, 6)
    assert found["smsout-processor: process"].parent_id == "cd" * 8
    assert not await dead_letters(arena)


async def dead_letters(arena: Arena) -> list[Any]:
    await arena.topics.catch_up()
    return list(arena.topics.dead_letters())


async def test_sampling_decides_and_what_is_not_sampled_goes_on_as_it_came(arena: Arena, collector: Collector) -> None:
    """0: no trace begins and nothing is exported; a request's own trace reaches its callback all the same."""
    await stand(arena, collector.settings | {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"})
    plain, _ = await post(arena)
    given, _ = await post(arena, **GIVEN)
    assert all("traceparent" not in it["headers"] for it in await callbacks(arena, plain))
    for callback in await callbacks(arena, given):
        context = parse([callback["headers"]["traceparent"]])
        assert context is not None
        assert (context.trace_id, context.sampled) == (TRACE, False)
    await asyncio.sleep(0.5)  # longer than a batch of spans waits
    assert not collector.asked


async def test_a_collector_that_is_down_is_said_once_and_costs_no_message(arena: Arena, collector: Collector) -> None:
    """Everything goes on, the log says so once, agents stop in time, and spans come again when it is back."""
    collector.status = 503
    await stand(arena, collector.settings | {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"})
    for _ in range(3):
        message_id, _ = await post(arena)
        await callbacks(arena, message_id)
        await asyncio.sleep(0.5)
    ingress = arena.processes["ingress"]
    await arena.until("a word in the log", lambda: "traces_not_exported" in ingress.log_file.read_text())
    await post(arena)
    await asyncio.sleep(1.5)
    text = ingress.log_file.read_text()
    assert text.count("traces_not_exported") == 1
    assert "Transient error" not in text
    collector.status = 200
    await post(arena)
    await arena.until("spans again", lambda: "traces_exported_again" in ingress.log_file.read_text())
    collector.status = 503
    await post(arena)
    began = time.monotonic()
    assert await arena.processes["ingress"].stop() == 0
    assert time.monotonic() - began < 10


async def test_without_a_collector_nothing_of_opentelemetry_is_loaded(arena: Arena) -> None:
    """And what a request brings is passed on as it came: to the carrier, and to the callbacks."""
    await stand(arena, {"PYTHONVERBOSE": "1"})
    message_id, destination = await post(arena, **GIVEN)
    told = await callbacks(arena, message_id)
    assert {it["headers"]["traceparent"] for it in told} == {GIVEN["traceparent"]}
    assert {it["headers"]["tracestate"] for it in told} == {GIVEN["tracestate"]}
    assert {it["traceparent"] for it in arena.ledger() if it["destination"] == destination} == {GIVEN["traceparent"]}
    for name in EVERYBODY:
        text = arena.processes[name].log_file.read_text(errors="replace")
        assert "import 'pipeline.tracing.opening'" in text
        assert "import 'opentelemetry" not in text
        assert "import 'pipeline.tracing.export'" not in text


async def test_a_trace_begins_in_the_panel_and_reaches_the_callback(tmp_path: Path, collector: Collector) -> None:
    """What a person sends from Send SMS is followed as a request is, through `smsout up`."""
    chromium_or_skip()
    system = running_system(tmp_path, environment=collector.settings)
    ready = await asyncio.to_thread(system.__enter__)
    try:
        async with running_browser() as browser, new_page(browser, ready["panel_url"]) as page:
            await log_in(page, ready["panel"]["owner_username"], ready["panel"]["owner_password"])
            await page.goto("/sms/trunks")
            await page.locator("tbody summary").first.click()
            await page.get_by_role("link", name="Send SMS").first.click()
            dialog = page.get_by_role("dialog")
            await dialog.get_by_label("Destination").fill("15551234567")
            await dialog.get_by_label("Text").fill("Followed")
            await dialog.get_by_role("button", name="Send").click()
            await page.get_by_text("Handed to the carrier").wait_for()
        async with asyncio.timeout(20):
            while not any(it.name == "POST callback" for it in collector.spans):
                await asyncio.sleep(0.05)
    finally:
        await asyncio.to_thread(system.__exit__, None, None, None)
    [trace_id] = {it.trace_id for it in collector.spans}
    found = collector.of(trace_id)
    sent, process = found["smsout-panel: send SMS"], found["smsout-processor: process"]
    assert process.parent_id == sent.span_id
    assert (
        found["smsout-callback: POST callback"].attributes["smsout.message_id"] == sent.attributes["smsout.message_id"]
    )
    assert "Followed" not in str([it.attributes for it in collector.spans])
