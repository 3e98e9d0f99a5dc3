"""Endpoints of one account that all hang, and a hostile path on a shared host: what another account notices of them.

The shape of what `make bench` measures (tests/bench/scenarios/neighbours.py).
"""

import asyncio
import time
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from schemas.messages.status import MessageStatus
from tests.fakes.peer import Manner, Peer, peer
from tests.fakes.receiver import Receiver
from tests.integration.callback_site import CallbackSite, callback_agent, new_status, new_trunk
from tests.integration.patience import until

pytestmark = pytest.mark.kafka

ENDPOINTS: Final = 40
EACH: Final = 10  # callbacks to each of them
WORKERS: Final = 8
TIMEOUT_SECONDS: Final = 10
PROBES: Final = 40  # of each kind
EVERY_SECONDS: Final = 0.1
MEDIAN_SECONDS: Final = 1.5
SLOWEST_SECONDS: Final = 6.0

HOSTILE, BESIDE, ELSEWHERE = "/callback/hostile", "/callback/beside", "/callback/elsewhere"

numbers = count(15550000000)


def to_a_number(trunk: Trunk) -> MessageStatus:
    """Return how a message to a number of its own has ended, by which its callback is told from others."""
    return new_status(trunk).model_copy(update={"destination": str(next(numbers))})


async def until_called(there: Peer, path: str, times: int) -> None:
    async def were_called() -> bool:
        return there.count(path) >= times

    await until(were_called)


async def probe(site: CallbackSite, trunks: dict[str, Trunk], *peers: Peer) -> dict[str, list[float]]:
    """Have messages of these trunks end; return how long their callbacks took, by path."""
    began: dict[str, dict[str, float]] = {path: {} for path in trunks}
    for _ in range(PROBES):
        statuses = {path: to_a_number(trunk) for path, trunk in trunks.items()}
        for path, status in statuses.items():
            began[path][status.destination] = time.monotonic()
        await site.end(*statuses.values())
        await asyncio.sleep(EVERY_SECONDS)

    def came() -> dict[tuple[str, str], float]:
        return {(it.path, it.destination): it.at for there in peers for it in reversed(there.arrivals)}

    async def all_came() -> bool:
        return {(path, number) for path, ended in began.items() for number in ended} <= came().keys()

    await until(all_came)
    at = came()
    return {path: [at[path, number] - ended for number, ended in of.items()] for path, of in began.items()}


async def test_another_accounts_callbacks_are_quick(site: CallbackSite, tmp_path: Path) -> None:
    """However many endpoints of one account hang, and whatever another path of its own endpoint's host says."""
    async with peer() as hanging, peer() as shared, peer() as elsewhere:
        hanging.manners["/"] = Manner(hangs=True)
        shared.manners[HOSTILE] = Manner(status=503, headers="Retry-After: 300\r\n")
        account = uuid7()
        hang = [
            await site.add(new_trunk(hanging.url(f"/{n}")).model_copy(update={"account_id": account}))
            for n in range(ENDPOINTS)
        ]
        hostile = await site.add(new_trunk(shared.url(HOSTILE)))
        well = {
            path: await site.add(new_trunk(there.url(path)))
            for path, there in ((BESIDE, shared), (ELSEWHERE, elsewhere))
        }
        async with callback_agent(
            site, Receiver(), tmp_path / "log",
            SMSOUT_CALLBACK_ALLOWED_ADDRESSES="127.0.0.1", SMSOUT_CALLBACK_WORKERS=str(WORKERS),
            SMSOUT_CALLBACK_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS),
        ):  # fmt: skip
            await site.end(to_a_number(hostile))
            await until_called(shared, HOSTILE, 1)
            await site.end(*(to_a_number(trunk) for _ in range(EACH) for trunk in hang), to_a_number(hostile))
            await until_called(hanging, "/", 2)
            took = await probe(site, well, shared, elsewhere)
        for path, seconds in took.items():
            print(f"{path}: median {median(seconds):.2f} s, at most {max(seconds):.2f} s")
        assert median(took[BESIDE]) <= MEDIAN_SECONDS
        assert median(took[ELSEWHERE]) <= MEDIAN_SECONDS
        assert max(took[BESIDE] + took[ELSEWHERE]) <= SLOWEST_SECONDS
        assert shared.count(HOSTILE) == 1
