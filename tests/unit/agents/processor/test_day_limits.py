"""Limits of a day over the lives of processes that are killed anywhere, in virtual time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.directory.entry import DirectoryEntry
from schemas.messages.destination import Destination
from schemas.messages.mt_message import MtMessage
from schemas.messages.status import CodeId, MessageStatus
from schemas.record import InRecord
from schemas.state.day_count import DayCount
from schemas.topics import COUNTED, SCHEDULED, SEGMENTED, STATUS, SUBMITTED
from tests.builders import account, carrier, did, route, submission, trunk, uuid
from tests.unit.agents.processor.lives import World, finish, run

MIDNIGHT_MS = 1_767_225_600_000
DAY_MS = 86_400_000
TRUNKS = (11, 12)  # the first one's submissions lie in partition 0, the other's in partition 1
MANY = 1_000_000


class Sent(NamedTuple):
    """A message that went out."""

    trunk_id: str
    day: date
    segments: int


@dataclass
class Limited(World):
    """A world with limits of segments a day."""

    limits: dict[int, int | None] = field(default_factory=lambda: dict.fromkeys((1, *TRUNKS), MANY))
    now_ms: int = MIDNIGHT_MS - 10

    def directory(self) -> list[DirectoryEntry]:
        limited = [trunk(number, segments_per_day=self.limits[number]) for number in TRUNKS]
        return [account(segments_per_day=self.limits[1]), *limited, did(), carrier(), route()]

    def submit(self, place: int, segments: int, destinations: int) -> None:
        numbers = [Destination(address=f"1555{number:07}") for number in range(destinations)]
        content = "x" if segments == 1 else "x" * (153 * segments)
        self.take_in(place, submission(*numbers, trunk_id=uuid(TRUNKS[place]), content=content).to_bytes())

    def sent(self) -> list[Sent]:
        found = []
        for (place, offset, _), outcomes in self.decided().items():
            ((topic, value),) = outcomes
            if topic == SEGMENTED:
                message = MtMessage.from_bytes(value)
                day = datetime.fromtimestamp(self.submitted[place][offset].timestamp_ms / 1000, UTC).date()
                found.append(Sent(message.trunk_id, day, len(message.segments)))
        return found


Step = tuple[str, int, int, int]

submits = st.tuples(st.just("submit"), st.integers(0, 1), st.integers(1, 3), st.integers(1, 4))
works = st.tuples(st.just("work"), st.integers(0, 1), st.integers(0, 12), st.integers(0, 1))
midnights = st.tuples(st.just("midnight"), st.just(0), st.just(0), st.just(0))
changes = st.tuples(st.just("limit"), st.sampled_from((1, *TRUNKS)), st.integers(0, 12), st.just(0))


def play(world: Limited, steps: Sequence[Step], highest: dict[tuple[int, date], float]) -> None:
    """Play a history; note the highest limit that each trunk, and the account (1), has had on each day."""

    def note() -> None:
        day = datetime.fromtimestamp(world.now_ms / 1000, UTC).date()
        for whose, limit in world.limits.items():
            highest[whose, day] = max(highest.get((whose, day), 0), limit or MANY)

    note()
    for kind, first, second, third in steps:
        if (world.now_ms + 1) % DAY_MS == 0:
            finish(world)  # what is worked on later goes by the limit of that time, which is of another day then
        world.now_ms += 1
        if kind == "submit":
            world.submit(first, second, third)
        elif kind == "work":
            run(world, first, second, commits=bool(third))
        elif kind == "midnight":
            finish(world)
            world.now_ms += DAY_MS
        else:
            world.limits[first] = second or MANY
        note()


@settings(max_examples=150)
@given(steps=st.lists(st.one_of(submits, works, midnights, changes), max_size=25))
def test_every_message_has_one_outcome_and_no_day_goes_beyond_its_limit(steps: list[Step]) -> None:
    """Whatever is killed after whichever record, and whoever changes limits meanwhile."""
    world, highest = Limited(), dict[tuple[int, date], float]()
    play(world, steps, highest)
    finish(world)
    decided = world.decided()
    assert [it for it in decided.values() if len(it) > 1] == []
    assert {(place, offset) for place, offset, _ in decided} == {
        (it.partition, it.offset) for records in world.submitted for it in records
    }
    used: dict[tuple[int, date], int] = defaultdict(int)
    for it in world.sent():
        used[int(it.trunk_id[-2:]), it.day] += it.segments
        used[1, it.day] += it.segments
    assert [it for it, segments in used.items() if segments > highest[it]] == []


@settings(max_examples=150)
@given(
    limits=st.tuples(st.integers(1, 30), st.integers(1, 20), st.integers(1, 20)),
    asked=st.lists(submits, min_size=1, max_size=12),
    lives=st.lists(works, max_size=12),
)
def test_who_is_killed_decides_as_who_is_not(
    limits: tuple[int, int, int], asked: list[Step], lives: list[Step]
) -> None:
    """The same outcomes, byte for byte, as of a processor that lives on."""
    worlds = (
        Limited(limits=dict(zip((1, *TRUNKS), limits, strict=True))),
        Limited(limits=dict(zip((1, *TRUNKS), limits, strict=True))),
    )
    for world in worlds:
        for _, place, segments, destinations in asked:
            world.submit(place, segments, destinations)
    killed, calm = worlds
    # Which trunk of the account is served first is another question: here it is the same one in both.
    for _, place, lives_for, commits in sorted(lives, key=lambda it: it[1]):
        if place == 1:
            run(killed, 0)
        run(killed, place, lives_for, commits=bool(commits))
    finish(killed)
    finish(calm)
    assert killed.decided() == calm.decided()


@pytest.mark.parametrize("lives_for", range(8))
def test_what_is_counted_is_written_before_what_follows_from_it(lives_for: int) -> None:
    """Killed anywhere in between: what has gone out is counted, and what is counted is not counted again."""
    world = Limited(limits={1: None, 11: 3, 12: None})
    world.submit(0, 1, 5)
    run(world, 0, lives_for)
    if lives_for:
        assert world.written[0].topic == COUNTED
    world.limits[11] = 100
    finish(world)
    outcomes = [topic for outcome in world.decided().values() for topic, _ in outcome]
    # Where the count was not written nothing has gone out, and the new limit is the first that is asked.
    assert outcomes == [SEGMENTED] * 3 + [STATUS] * 2 if lives_for else [SEGMENTED] * 5


def test_what_was_refused_stays_so_when_the_limit_is_raised_and_it_comes_again() -> None:
    """Three lives without a commit: closed; raised, and open again; and all of it once more."""
    world = Limited(limits={1: None, 11: 2, 12: None})
    world.submit(0, 1, 4)
    run(world, 0, commits=False)
    world.limits[11] = 5
    world.submit(0, 1, 4)
    run(world, 0, commits=False)
    world.limits[11] = None
    world.submit(0, 1, 1)
    finish(world)
    assert [topic for outcomes in world.decided().values() for topic, _ in outcomes] == [
        *([SEGMENTED] * 2 + [STATUS] * 2), *([SEGMENTED] * 3 + [STATUS]), SEGMENTED
    ]  # fmt: skip
    assert max(len(it) for it in world.decided().values()) == 1


def test_the_refusal_is_a_status_with_the_contracts_code() -> None:
    """Failed, code 100, and which limit it was; a message that is refused for another reason is not counted."""
    world = Limited(limits={1: None, 11: 2, 12: None})
    for destinations in (1, 2):
        world.submit(0, 1, destinations)
    finish(world)
    (refused,) = [MessageStatus.from_bytes(it.value or b"") for it in world.written if it.topic == STATUS]
    assert (refused.status, refused.code_id) == ("Failed", CodeId.INSUFFICIENT_BALANCE)
    assert refused.reason == "the trunk's limit of 2 segments a day (UTC) is reached"


def test_what_waits_for_its_time_is_counted_when_that_has_come_and_once() -> None:
    """Counted when it is submitted it would take twice what it needs, of a day on which it may not go out at all."""
    world = Limited(limits={1: None, 11: 1, 12: None})
    due = datetime.fromtimestamp((world.now_ms + DAY_MS) / 1000, UTC)
    value = submission(Destination(address="15550000001"), trunk_id=uuid(11), send_at=due).to_bytes()
    world.take_in(0, value)
    world.submit(0, 1, 1)
    finish(world)
    world.now_ms += DAY_MS
    world.take_in(0, next(it.value or b"" for it in world.written if it.topic == SCHEDULED))
    world.submit(0, 1, 1)
    finish(world)
    decided = [topic for outcome in world.decided().values() for topic, _ in outcome]
    assert decided == [SEGMENTED, SEGMENTED, STATUS]


def test_without_a_limit_nothing_is_written_beside_the_messages() -> None:
    """Nobody pays for what others have."""
    world = Limited(limits=dict.fromkeys((1, *TRUNKS)))
    world.submit(0, 1, 3)
    finish(world)
    assert {it.topic for it in world.written} == {SEGMENTED}


def test_a_long_record_is_counted_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces: what is in one write has been counted before it, and no more."""
    monkeypatch.setattr("agents.processor.worker.MESSAGES_AT_ONCE", 2)
    monkeypatch.setattr("agents.processor.worker.MAX_OUTPUTS", 2)
    world = Limited(limits={1: None, 11: 100, 12: None})
    values = []
    for _ in range(3):
        world.submit(0, 1, 2)
        values.append(world.submitted[0].pop().value or b"")
    value = b"[" + b",".join(values) + b"]"
    world.submitted[0].append(InRecord(SUBMITTED, 0, 0, world.now_ms, None, value, ()))
    finish(world)
    topics = [it.topic for it in world.written]
    assert topics == [COUNTED, SEGMENTED, SEGMENTED] * 3
    counts = [DayCount.from_bytes(it.value or b"") for it in world.written if it.topic == COUNTED]
    assert [it.used[0].segments for it in counts] == [2, 4, 6]
    assert all(a.counted_to.message < b.counted_to.message for a, b in pairwise(counts))
