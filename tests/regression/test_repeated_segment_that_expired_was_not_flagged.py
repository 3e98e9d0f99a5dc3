"""A segment was posted, interrupted, posted again and interrupted again; then its message's time to live ended.

The carrier may have both, and the policy `resend` promises a flag for that. The message failed as in doubt without
one, because only a third POST would have set it.
"""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.directory.carrier import InDoubtPolicy
from schemas.messages.mt_message import WaitingMessage
from schemas.messages.status import CodeId, MessageStatus
from schemas.state.journal import JournalMark
from tests.unit.agents.delivery.bench import CARRIER, Bench, mark, message

TWICE = [mark(1, JournalMark.SUBMITTING, datetime.now(UTC))] * 2


@pytest.mark.parametrize(
    ("policy", "flagged"), [(InDoubtPolicy.RESEND, True), (InDoubtPolicy.RESEND_WITH_KEY, None)]
)  # fmt: skip
async def test_a_message_that_expired_after_a_repetition_says_so(policy: InDoubtPolicy, flagged: bool | None) -> None:
    bench = Bench(carrier=CARRIER.model_copy(update={"in_doubt_policy": policy}), marks=TWICE)
    end = await bench.run(message(1, lives=timedelta(seconds=-1)).to_bytes())
    status = MessageStatus.from_bytes(end.value or b"")
    assert (bench.carrier.posted, status.code_id) == ([], CodeId.IN_DOUBT)
    assert status.possible_duplicate is flagged


async def test_a_message_that_waits_after_a_repetition_keeps_the_flag() -> None:
    bench = Bench(carrier=CARRIER.model_copy(update={"in_doubt_policy": InDoubtPolicy.RESEND}), marks=TWICE)
    bench.peer.breaker.pause(60.0)
    assert bench.peer.away
    end = await bench.run(message(1).to_bytes())
    waiting = WaitingMessage.from_bytes(end.value or b"")
    assert (waiting.in_doubt, waiting.possible_duplicate) == (True, True)
