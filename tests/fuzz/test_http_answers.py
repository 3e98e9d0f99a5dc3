"""Whatever a carrier or an endpoint answers: bounded bytes and time, no crash, no lie, and nobody else is disturbed."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import pytest
import uvloop
from hypothesis import given

from pipeline.carriers.outcome import Outcome
from pipeline.carriers.profiles.shipped import PRACTICE, shipped_profile
from pipeline.errors import InDoubt, NotSent, PostFailed
from pipeline.http import client
from pipeline.http.answer import MAX_BYTES_AROUND_BODY, Answer
from pipeline.http.client import HttpPoster
from pipeline.http.connection import Connection
from tests.fuzz.answering_peer import BODY, AnsweringPeer
from tests.fuzz.answers import MAX_ANSWER_BYTES, SCRIPTS, End, Framing, Model, Script
from tests.fuzz.rounds import SETTINGS, go_on, seconds_for

pytestmark = pytest.mark.timeout(7200)

TIMEOUT_SECONDS = 0.15
TRIES = 5
PATIENCE_SECONDS = 3.0  # what this machine may be late by
ONE_READ_BYTES = 262_144  # what the event loop hands over at once, at most
Outcome_ = Answer | PostFailed


class CountedConnection(Connection):
    """Counts what it is given of each answer."""

    most = 0
    _given = 0

    async def ask(self, request: bytes, deadline: float, loop: asyncio.AbstractEventLoop) -> Answer:
        self._given = 0
        return await super().ask(request, deadline, loop)

    def data_received(self, data: bytes) -> None:
        self._given += len(data)
        CountedConnection.most = max(CountedConnection.most, self._given)
        super().data_received(data)


def poster() -> HttpPoster:
    return HttpPoster(
        timeout_seconds=TIMEOUT_SECONDS, connect_timeout_seconds=PATIENCE_SECONDS,
        max_answer_bytes=MAX_ANSWER_BYTES, max_connections=16,
    )  # fmt: skip


class Site:
    """One client, a peer that plays scripts and one that is well."""

    def __init__(self, hostile: AnsweringPeer, well: AnsweringPeer, the_client: HttpPoster) -> None:
        self.hostile, self.well, self.client = hostile, well, the_client
        self._names = count(1)

    async def post(self, url: str, name: int) -> Outcome_:
        """Post once; nothing but an answer or one of the two failures may come of it, and in time."""
        began = asyncio.get_running_loop().time()
        try:
            return await self.client.post(url, {"x-name": str(name)}, BODY)
        except PostFailed as failure:
            return failure
        finally:
            assert asyncio.get_running_loop().time() - began < TIMEOUT_SECONDS + PATIENCE_SECONDS

    async def play(self, scripts: list[Script], judge: Callable[[Model, Script, Outcome_], None]) -> None:
        """Post once for each script, two at a time, with a request to the peer that is well beside each."""
        names = [next(self._names) for _ in scripts]
        waiting = iter(list(zip(names, scripts, strict=True)))
        outcomes: dict[int, Outcome_] = {}

        async def post_some() -> None:
            for name, script in waiting:
                if script.at_once:
                    self.hostile.speaks_at_once = script
                self.hostile.scripts[name] = script
                outcomes[name] = await self.post(self.hostile.url, name)
                await self.well_is_well()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(post_some())
            tasks.create_task(post_some())
        reads_all = not any(script.at_once for script in scripts)
        for name, script in zip(names, scripts, strict=True):
            outcome, seen = outcomes[name], self.hostile.seen(name)
            assert seen <= 1, "sent twice"
            assert not (isinstance(outcome, NotSent) and seen), "sent, and told as not sent"
            if isinstance(outcome, Answer):
                assert len(outcome.body) <= MAX_ANSWER_BYTES
            if not reads_all:
                continue  # who speaks before it has read may have answered any of them
            assert seen == 1 or not isinstance(outcome, Answer), "answered, and never sent"
            if script.model is not None and seen:
                await self._judged(script, outcome, partial(judge, script.model))
        self.hostile.speaks_at_once = None
        await self.hostile.forget()
        await self.well_is_well()
        self.well.received.clear()
        assert CountedConnection.most <= MAX_BYTES_AROUND_BODY + MAX_ANSWER_BYTES + ONE_READ_BYTES

    async def _judged(self, script: Script, outcome: Outcome_, judge: Callable[[Script, Outcome_], None]) -> None:
        for tries_left in reversed(range(TRIES)):
            try:
                judge(script, outcome)
                break
            except AssertionError:
                # Where the machine stood still for longer than the time-out: what is wrong does not go away.
                if not (tries_left and isinstance(outcome, InDoubt) and "in time" in str(outcome)):
                    raise
            name = next(self._names)
            self.hostile.scripts[name] = script
            outcome = await self.post(self.hostile.url, name)

    async def close(self) -> None:
        await self.client.close()
        await self.hostile.close()
        await self.well.close()
        await asyncio.sleep(0.1)  # each transport still has to hear that it is lost

    async def well_is_well(self) -> None:
        """The other peer's answer is to this request, and to no other."""
        name = next(self._names)
        for _ in range(20):  # a machine that stands still for longer than the time-out is nobody's fault
            outcome = await self.post(self.well.url, name)
            if isinstance(outcome, Answer):
                break
        assert outcome == Answer(200, str(name).encode(), None)


def whole(model: Model, said: int) -> bool:
    """Tell whether the answer's end is among the first so many bytes."""
    return said >= model.all_bytes and model.framing is not Framing.CONNECTION


def judge_answer(model: Model, script: Script, outcome: Outcome_) -> None:
    """What must come of a well-formed answer, or of the first part of one."""
    said = len(script.said)
    if script.end is End.RESETS and isinstance(outcome, InDoubt):
        return  # a reset may overtake what was said before it
    if said < model.head_bytes:
        assert isinstance(outcome, InDoubt), outcome
        return
    assert isinstance(outcome, Answer), outcome
    assert (outcome.status, outcome.retry_after) == (model.status, model.retry_after)
    kept = model.body[:MAX_ANSWER_BYTES]
    if whole(model, said):
        assert outcome.body == kept or script.end is End.RESETS
    assert kept.startswith(outcome.body)
    if model.framing is Framing.CONNECTION and script.end is End.CLOSES:
        assert outcome.body == model.body[: said - model.head_bytes][:MAX_ANSWER_BYTES]
        assert outcome.cut_short is None
    elif whole(model, said) or len(outcome.body) == MAX_ANSWER_BYTES:
        assert outcome.cut_short is None or script.end is End.RESETS
    else:
        assert outcome.cut_short is not None


def judge_endpoint(model: Model, script: Script, outcome: Outcome_) -> None:
    """A callback has arrived when the head of a 2xx has, and only then."""
    judge_answer(model, script, outcome)
    if script.end is not End.RESETS:
        arrived = isinstance(outcome, Answer) and 200 <= outcome.status < 300
        assert arrived == (200 <= model.status < 300 and len(script.said) >= model.head_bytes)


def judge_carrier(model: Model, script: Script, outcome: Outcome_) -> None:
    """A segment is taken by a whole 2xx and refused by a head; all else is in doubt."""
    judge_answer(model, script, outcome)
    if not isinstance(outcome, Answer):
        return
    taken = 200 <= model.status < 300 and outcome.cut_short is None
    refused = 400 <= model.status < 500 and model.status != 429
    not_taken = model.status in (429, 503)
    expected = (
        Outcome.ACCEPTED if taken else Outcome.REFUSED if refused
        else Outcome.NOT_TAKEN if not_taken else Outcome.IN_DOUBT
    )  # fmt: skip
    assert shipped_profile(PRACTICE).answers.read(outcome).outcome is expected


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Runner]:
    monkeypatch.setattr(client, "Connection", CountedConnection)
    with asyncio.Runner(loop_factory=request.param) as found:
        yield found


@pytest.mark.parametrize("judge", [judge_carrier, judge_endpoint])
def test_whatever_is_answered(runner: asyncio.Runner, judge: Callable[[Model, Script, Outcome_], None]) -> None:
    """At most once, never told as not sent when it was, no more read than allowed, and the neighbour's are right."""

    async def open_site() -> Site:
        return Site(await AnsweringPeer().start(), await AnsweringPeer().start(), poster())

    site = runner.run(open_site())

    @SETTINGS
    @given(SCRIPTS)
    def try_it(scripts: list[Script]) -> None:
        runner.run(site.play(scripts, judge))

    try:
        go_on(try_it, seconds_for(1 / 4))
    finally:
        runner.run(site.close())
