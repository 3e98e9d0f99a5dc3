"""Endpoints that are gone for good, or ask for a pause: a callback agent on a real Kafka."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.headers.dead_letter import DeadLetterSource
from schemas.messages.callback import AttemptOutcome
from schemas.messages.status import MessageStatus
from tests.fakes.receiver import receiving
from tests.integration.callback_site import (
    STATUS_DEAD_LETTERS,
    CallbackSite,
    attempts_of,
    callback_agent,
    new_status,
    new_trunk,
)
from tests.integration.patience import until

pytestmark = pytest.mark.kafka


async def test_endpoints_that_are_gone_or_want_a_pause(site: CallbackSite, tmp_path: Path) -> None:
    """410 ends it all, visibly; Retry-After moves the next attempt; and every attempt is on record."""
    async with receiving() as gone, receiving() as pausing, receiving() as receiver:
        disabled = await site.add(new_trunk(gone.url("/gone")))
        paused = await site.add(new_trunk(pausing.url("/pause")))
        allowed = f"127.0.0.1:{gone.port},127.0.0.1:{pausing.port}"
        async with callback_agent(
            site, receiver, tmp_path / "log",
            SMSOUT_CALLBACK_ALLOWED_ADDRESSES=allowed, SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS="1,3,2",
        ) as agent:  # fmt: skip
            first, later, throttled = new_status(disabled), new_status(disabled), new_status(paused)
            await site.end(first, throttled)
            [ended] = await attempts_of(site, [first], 1)
            await site.end(later)

            def reasons(status: MessageStatus) -> Callable[[DeadLetterSource, bytes], bool]:
                return lambda origin, value: (
                    origin.reason == ("endpoint-gone" if status is first else "endpoint-disabled")
                    and MessageStatus.from_bytes(value) == status
                )

            async def both_are_kept() -> bool:
                found = [await site.dead_letters(STATUS_DEAD_LETTERS, reasons(it)) for it in (first, later)]
                return [len(it) for it in found] == [1, 1]

            await until(both_are_kept)
            refused, accepted = await attempts_of(site, [throttled], 2)
            assert await agent.stop() == 0
    assert len(gone.of("/gone")) == 1
    assert (ended.outcome, ended.status_code, ended.answer) == (AttemptOutcome.GONE, 410, "no more")
    assert [it.attempt for it in (ended, refused, accepted)] == [1, 1, 2]
    assert [it.outcome for it in (refused, accepted)] == [AttemptOutcome.FAILED, AttemptOutcome.ACCEPTED]
    assert accepted.endpoint == f"http://127.0.0.1:{pausing.port}"
    before, after = pausing.of("/pause")
    assert after.at - before.at >= 2.9
