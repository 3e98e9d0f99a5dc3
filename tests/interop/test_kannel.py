"""Debian's Kannel, driven by its profile: what we hand over reaches the SMSC to the byte, and receipts come back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from pipeline.carriers.outcome import ErrorClass, Outcome
from pipeline.carriers.profiles.bound import BoundCarrier
from pipeline.carriers.profiles.shipped import shipped_profile
from pipeline.carriers.receipt import ReceiptRequest
from pipeline.http.client import HttpPoster
from pipeline.steps.segmentation import split, user_data_headers
from schemas.identifiers import uuid7
from schemas.messages.dlr import MessageState
from schemas.messages.mt_message import DataCoding, MtMessage, Segment
from tests.builders import message
from tests.interop.kannel import PASSWORD, USERNAME, RunningKannel, running_kannel
from tests.interop.processes import PATIENCE_SECONDS
from tests.interop.smsc import EMOJI, LONG, joined


class Kannel:
    """A running Kannel, and what its receipts have brought."""

    def __init__(self, running: RunningKannel) -> None:
        self.smsc = running.smsc
        self.receipts: asyncio.Queue[tuple[str, ReceiptRequest]] = asyncio.Queue()
        self.receipt_base = ""
        self.carrier = BoundCarrier(
            shipped_profile("kannel"), running.url, {"username": USERNAME}, {"password": PASSWORD}
        )
        self.poster = HttpPoster(
            timeout_seconds=20, connect_timeout_seconds=2, max_answer_bytes=16_384, max_connections=4
        )

    async def receive(self, request: web.Request) -> web.Response:
        """Take a receipt, as ingress would."""
        read = ReceiptRequest(request.method, tuple(request.query.items()), "", await request.read())
        await self.receipts.put((request.match_info["reference"], read))
        return web.Response()

    async def send(self, of: MtMessage) -> None:
        """Hand over every segment."""
        for segment in of.segments:
            url = f"{self.receipt_base}/{of.id}:{segment.seqnum}"
            [(target, headers)] = self.carrier.request(of, segment, url).targets
            result = self.carrier.read(await self.poster.get(target, headers))
            assert result.outcome is Outcome.ACCEPTED, result

    async def states(self, of: MtMessage) -> dict[str, MessageState]:
        """Wait until each segment of a message has a final state; return these."""
        found: dict[str, MessageState] = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found) < len(of.segments):
                reference, request = await self.receipts.get()
                for report in self.carrier.profile.read_receipt(request):
                    if report.state.is_final:
                        found[reference] = report.state
        return found


@pytest.fixture
async def kannel(tmp_path: Path) -> AsyncIterator[Kannel]:
    """Kannel with an SMSC behind it, and an address for its receipts."""
    async with running_kannel(tmp_path) as running:
        world = Kannel(running)
        app = web.Application()
        app.router.add_get("/receipts/{reference}", world.receive)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        world.receipt_base = f"http://127.0.0.1:{runner.addresses[0][1]}/receipts"
        try:
            yield world
        finally:
            await world.poster.close()
            await runner.cleanup()


def message_of(text: str) -> MtMessage:
    now, identity = datetime.now(UTC), uuid7()
    data_coding, parts = split(text)
    headers = user_data_headers(len(parts), identity) if len(parts) > 1 else [None]
    segments = tuple(Segment(seqnum=n, text=part, udh=headers[n - 1]) for n, part in enumerate(parts, 1))
    return message(segments, id=identity, data_coding=data_coding, accepted_at=now, expires_at=now + timedelta(hours=1))


@pytest.mark.parametrize(
    ("text", "count", "coding"), [(LONG, 3, DataCoding.GSM7), (EMOJI, 2, DataCoding.UCS2)], ids=["gsm7", "ucs2"]
)
async def test_a_text_arrives_to_the_byte_and_is_reported(
    kannel: Kannel, text: str, count: int, coding: DataCoding
) -> None:
    """Each segment's header at the SMSC, in any order, joined they are the text; a receipt each, delivered."""
    of = message_of(text)
    assert (len(of.segments), of.data_coding) == (count, coding)
    await kannel.send(of)
    states = await kannel.states(of)
    assert states == {f"{of.id}:{it.seqnum}": MessageState.DELIVERED for it in of.segments}
    submitted = kannel.smsc.submitted
    assert {(it.source, it.destination) for it in submitted} == {(of.source, of.destination)}
    headers = [bytes.fromhex(segment.udh or "") for segment in of.segments]
    assert sorted(it.short_message[: len(headers[0])] for it in submitted) == headers
    assert joined(submitted, coding) == text


async def test_a_wrong_password_waits_for_an_operator(kannel: Kannel) -> None:
    """Kannel's own words for it."""
    stranger = BoundCarrier(
        shipped_profile("kannel"), str(kannel.carrier.constants["url"]), {"username": USERNAME}, {"password": "wrong"}
    )
    of = message_of("x")
    [(url, headers)] = stranger.request(of, of.segments[0]).targets
    result = stranger.read(await kannel.poster.get(url, headers))
    assert (result.outcome, result.error_class) == (Outcome.NOT_TAKEN, ErrorClass.OPERATOR)
