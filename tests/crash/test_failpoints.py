"""An agent dies at the worst moments; every accepted message still reaches the carrier and is called back.

The oracle is what the outside sees: the carrier's ledger and the customer's inbox. A segment may be in the ledger
twice only where the process died between the POST and the note of its outcome; it then has the same idempotency key,
which the practice carrier's policy (`resend_with_key`) relies on.
"""

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.customer import Customer
from tests.systems import running_system

pytestmark = pytest.mark.e2e

MESSAGES = 12
LONG = "0123456789" * 20  # two segments


def more_than(sent: int, found: dict[str, int]) -> bool:
    return found["count"] > sent


async def send_all(customer: Customer, *, one_at_a_time: bool) -> dict[str, int]:
    """Send, and send again what got no answer; return the accepted ids with their numbers of segments.

    One at a time, only one segment can be in doubt when a process dies.
    """
    accepted: dict[str, int] = {}
    for number in range(MESSAGES):
        text, segments = (LONG, 2) if number % 3 == 0 else ("Hello", 1)
        async with asyncio.timeout(60):
            while True:
                try:
                    accepted[await customer.send(f"1212555{number:04d}", text)] = segments
                    break
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.1)
        if one_at_a_time:
            await customer.wait_for("/inbox/demo/count", partial(more_than, number), limit_seconds=90)
    return accepted


@pytest.mark.parametrize(
    ("failpoint", "agent", "repeats"),
    [
        ("ingress.after_acknowledge:3", "ingress", 0),
        ("processor.after_outputs:3", "processor", 0),
        ("delivery.after_marker:4", "delivery", 0),
        ("delivery.after_post:4", "delivery", 1),
        ("delivery.after_outcome:4", "delivery", 0),
        ("callback.after_post:3", "callback", 0),
    ],
)
async def test_nothing_is_lost_and_nothing_is_sent_twice(
    tmp_path: Path, failpoint: str, agent: str, repeats: int
) -> None:
    """SIGKILL at a failpoint: accepted messages are in the ledger and called back; repeats only where in doubt."""
    with running_system(tmp_path, environment={"SMSOUT_FAILPOINT": failpoint}) as ready:
        async with Customer(ready) as customer:
            accepted = await send_all(customer, one_at_a_time=agent == "delivery")
            await customer.wait_for(
                "/inbox/demo",
                lambda inbox: {customer.verified(it)["data"]["id"] for it in inbox} >= set(accepted),
                limit_seconds=90,
            )
            ledger = Counter(it["idempotency_key"] for it in await customer.ledger())
            inbox = [customer.verified(it)["data"] for it in await customer.inbox()]
        assert f"{agent:9s} | " in Path(ready["log_file"]).read_text()
        restarted = [line for line in Path(ready["log_file"]).read_text().splitlines() if "SIGKILL" in line]
    expected = {f"{message}:{n}" for message, segments in accepted.items() for n in range(1, segments + 1)}
    assert restarted, "the failpoint was never passed"
    assert expected <= set(ledger)
    # What is beyond the accepted ones is a request that was stored and whose answer died with ingress.
    unanswered = {key.rpartition(":")[0] for key in set(ledger) - expected}
    assert len(unanswered) <= (1 if agent == "ingress" else 0)
    assert sum(ledger.values()) - len(ledger) <= repeats
    assert {it["attributes"]["status"] for it in inbox} == {"Success"}
    webhook_ids = Counter(it["id"] for it in inbox)
    assert max(webhook_ids.values()) <= (3 if agent in ("callback", "processor") else 2)
