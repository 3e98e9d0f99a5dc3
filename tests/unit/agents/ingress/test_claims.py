"""Ingress goes on when the Idempotency-Keys are lost, and knows them again as soon as they can be read."""

import asyncio
from collections.abc import Mapping
from typing import Self

import pytest
from aiokafka.errors import ConsumerStoppedError

from agents.ingress import claims
from agents.ingress.claims import LastingClaims
from pipeline.errors import BrokerUnreachable, ConfigurationError, DiskFull, StateLost
from pipeline.idempotency.keys import Keyed, SubmissionOffset, Verdict

KEYED = Keyed(b"name", SubmissionOffset(0, 0), 0, b"")


class View:
    """A view that starts, lives and ends as it is told."""

    def __init__(self, start_error: Exception | None = None) -> None:
        self.start_error = start_error
        self.error: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.stopped = 0

    async def start(self) -> Self:
        if self.start_error is not None:
            raise self.start_error
        return self

    async def follow(self) -> None:
        await self.error

    async def stop(self) -> None:
        self.stopped += 1

    def known(self, name: bytes, digest: bytes) -> Verdict | None:
        return Verdict.REPEATS

    def judge(self, keyed: Keyed) -> Verdict:
        return Verdict.HOLDS

    async def catch_up(self, targets: Mapping[int, int]) -> None:
        raise ConsumerStoppedError


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "AGAIN_SECONDS", 0)


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("error", [StateLost("gone"), BrokerUnreachable("silent"), LookupError("ours")])
async def test_lost_keys_are_read_anew_and_refused_meanwhile(error: Exception) -> None:
    """Whatever it was: nobody but who has a key notices."""
    views = [View(), View(error), View(error), View()]
    made: list[View] = []

    def make() -> View:
        made.append(views[len(made)])
        return made[-1]

    lasting = LastingClaims(make)
    await lasting.start()
    following = asyncio.create_task(lasting.follow())
    assert lasting.known(b"", b"") is Verdict.REPEATS
    await turns()
    views[0].error.set_exception(error)
    await turns(1)
    with pytest.raises(BrokerUnreachable):
        lasting.known(b"", b"")
    with pytest.raises(BrokerUnreachable):
        lasting.judge(KEYED)
    with pytest.raises(BrokerUnreachable):
        await lasting.catch_up({})
    await turns(30)
    assert lasting.judge(KEYED) is Verdict.HOLDS
    assert (len(made), views[0].stopped) == (4, 1)
    following.cancel()
    await asyncio.wait([following])
    assert views[3].stopped == 1


@pytest.mark.parametrize("error", [BrokerUnreachable("silent"), LookupError("ours")])
async def test_a_topic_that_cannot_be_read_does_not_keep_ingress_from_starting(error: Exception) -> None:
    """What has no key can be taken."""
    lasting = LastingClaims(lambda: View(error))
    await lasting.start()
    with pytest.raises(BrokerUnreachable):
        lasting.known(b"", b"")
    await lasting.stop()


async def test_a_setting_that_cannot_work_ends_the_start_and_no_more_than_that() -> None:
    """Two processes with one file: the second one ends. A disk that fills up later ends nobody."""
    attempts = []

    def make() -> View:
        attempts.append(1)
        raise ConfigurationError("cannot be used")

    lasting = LastingClaims(make)
    with pytest.raises(ConfigurationError):
        await lasting.start()
    following = asyncio.create_task(lasting.follow())
    await turns(30)
    assert len(attempts) > 2
    assert not following.done()
    following.cancel()
    await asyncio.wait([following])


async def test_a_view_that_stops_while_it_is_asked_is_an_answer_too() -> None:
    """The request is in doubt, and no error of ours."""
    lasting = LastingClaims(View)
    await lasting.start()
    with pytest.raises(BrokerUnreachable):
        await lasting.catch_up({})


async def test_a_disk_that_is_full_at_the_start_keeps_nobody_out() -> None:
    """Whatever has a key waits until there is room; all else is taken."""
    full = [True]

    def make() -> View:
        if full:
            raise DiskFull("/state has no room")
        return View()

    lasting = LastingClaims(make)
    await lasting.start()
    with pytest.raises(BrokerUnreachable):
        lasting.known(b"name", b"digest")
    following = asyncio.create_task(lasting.follow())
    full.clear()
    await turns(30)
    lasting.known(b"name", b"digest")
    following.cancel()
    await asyncio.wait([following])
