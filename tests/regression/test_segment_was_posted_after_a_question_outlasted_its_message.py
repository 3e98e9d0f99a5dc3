"""A segment was in doubt, its carrier was asked, and the answer, that it has not got it, took longer than the message
had to live. The segment was posted all the same: how late it was had been looked up before the question.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pipeline.http.client import Answer
from schemas.directory.carrier import InDoubtPolicy
from schemas.messages.status import CodeId, MessageStatus
from schemas.state.journal import JournalMark
from tests.unit.agents.delivery.bench import CARRIER, Bench, ScriptedCarrier, mark, message


class SlowToTell(ScriptedCarrier):
    """Answers that it has not got it, when the message's time to live is over."""

    async def get(
        self, url: str, headers: Mapping[str, str], *, timeout_seconds: float | None = None, tls: object = None
    ) -> Answer:
        answer = await super().get(url, headers)
        await asyncio.sleep(0.05)
        return answer


async def test_a_message_that_expires_while_its_carrier_is_asked_is_not_posted() -> None:
    bench = Bench(
        carrier=CARRIER.model_copy(update={"in_doubt_policy": InDoubtPolicy.QUERY}),
        marks=[mark(1, JournalMark.SUBMITTING, datetime.now(UTC))],
    )
    bench.carrier.__class__ = SlowToTell
    end = await bench.run(message(1, lives=timedelta(seconds=0.04)).to_bytes())
    assert (len(bench.carrier.asked), bench.carrier.posted) == (1, [])
    assert MessageStatus.from_bytes(end.value or b"").code_id is CodeId.ALL_ATTEMPTS_FAILED
