"""Limits by number over the lives of processes that are killed anywhere, in virtual time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from agents.processor.counting import Counting
from pipeline.kafka.views.screens_view import ScreensView
from pipeline.limits.counts import Position
from pipeline.limits.guards import Stop
from pipeline.limits.screens import Screens
from schemas.messages.destination import Destination
from schemas.messages.status import CodeId, StatusName
from schemas.state.screening import Guard, Screening
from schemas.topics import COUNTED, SCREENED, SEGMENTED, STATUS
from tests.builders import directory_of, submission, uuid
from tests.fakes.counts_view import CountsInMemory
from tests.fakes.directory_view import DirectoryViewInMemory
from tests.fakes.screens_view import ScreeningsInMemory
from tests.unit.agents.processor.guarded_world import MINUTE_MS, NUMBERS, Guarded
from tests.unit.agents.processor.lives import finish, run

Step = tuple[str, int, tuple[int, ...], int]

limits_by_number = st.fixed_dictionaries(
    {"messages_per_number": st.integers(1, 4), "number_window_minutes": st.integers(1, 5)}
)
limits_by_range = st.fixed_dictionaries(
    {"messages_per_range": st.integers(1, 6), "range_window_minutes": st.integers(1, 5)}
)
limits_by_text = st.fixed_dictionaries({"same_text_minutes": st.integers(1, 5)})
some_limits = st.lists(st.one_of(limits_by_number, limits_by_range, limits_by_text), max_size=3).map(
    lambda found: {name: value for it in found for name, value in it.items()}
)
submits = st.tuples(
    st.just("submit"), st.integers(0, 1), st.lists(st.integers(0, len(NUMBERS) - 1), min_size=1, max_size=4).map(tuple),
    st.integers(0, 90),
)  # fmt: skip
works = st.tuples(st.just("work"), st.integers(0, 12), st.tuples(st.integers(0, 4)), st.integers(0, 1))
changes = st.tuples(st.just("change"), st.integers(0, 6), st.just(()), st.integers(0, 2))


def play(world: Guarded, steps: Sequence[Step]) -> None:
    """Play a history: messages and seconds, lives that end somewhere and have a partition given to them twice."""
    for kind, first, more, last in steps:
        if kind == "submit":
            world.now_ms += last * 1000
            world.submit(first, *more)
        elif kind == "work":
            run(world, 0, first, commits=bool(last), again=more[0])
        else:
            name = ("messages_per_number", "messages_per_range", "same_text_minutes")[last]
            window = {"messages_per_number": "number_window_minutes", "messages_per_range": "range_window_minutes"}
            world.limits.pop(name, None)
            world.limits.pop(window.get(name, name), None)
            if first:
                world.limits |= {name: first} | ({window[name]: 3} if name in window else {})


@settings(max_examples=200)
@given(of_trunk=some_limits, of_account=some_limits, steps=st.lists(st.one_of(submits, works), max_size=25))
def test_who_is_killed_decides_as_one_who_counts_on_fingers(
    of_trunk: dict[str, int], of_account: dict[str, int], steps: list[Step]
) -> None:
    """Every message as the model has it, with the words; after whichever record a life ends, whatever comes again."""
    world = Guarded(limits=of_trunk, of_account=of_account)
    play(world, steps)
    finish(world)
    assert world.outcomes() == world.expected()


@settings(max_examples=150)
@given(steps=st.lists(st.one_of(submits, works, changes), max_size=25))
def test_every_message_has_one_outcome_whoever_changes_limits_meanwhile(steps: list[Step]) -> None:
    """Sent or refused, never both, and in the same words as often as it is said.

    The account has a limit all the time: what had gone out before there was any is not known (docs/reliability.md, Not
    promised).
    """
    limits = {"messages_per_number": 2, "number_window_minutes": 3}
    world = Guarded(limits=limits, of_account={"messages_per_range": 1000, "range_window_minutes": 3})
    play(world, steps)
    finish(world)
    assert len(world.outcomes()) == sum(1 for _ in world.expected())


of_either = st.tuples(
    st.just("submit"), st.integers(0, 1), st.integers(0, len(NUMBERS) - 1), st.integers(0, 90), st.integers(0, 1)
)
works_on_either = st.tuples(
    st.just("work"), st.integers(0, 1), st.integers(0, 12), st.integers(0, 4), st.booleans()
)  # fmt: skip


@settings(max_examples=200)
@given(of_account=some_limits, steps=st.lists(st.one_of(of_either, works_on_either), max_size=30))
def test_an_accounts_limit_holds_over_its_trunks_whoever_works_on_them(
    of_account: dict[str, int], steps: list[tuple[Any, ...]]
) -> None:
    """Two trunks in two partitions: no window has more than may be, and nobody is refused for less.

    Partitions are less than a window behind each other (docs/limits.md): further behind nothing is promised.
    """
    world = Guarded(of_account=of_account)
    window_ms = MINUTE_MS * min([it for name, it in of_account.items() if "minutes" in name], default=1)
    for kind, *given_ in steps:
        if kind == "submit":
            text, number, seconds, place = given_
            world.now_ms += seconds * 1000
            for behind in range(2):
                if world.has_waited_ms(behind) >= window_ms:
                    assert run(world, behind)
            world.submit(text, number, place=place)
        else:
            place, lives_for, again, commits = given_
            run(world, place, lives_for, commits=commits, again=again)
    finish(world)
    outcomes = world.outcomes()
    asked = world.asked()
    assert len(outcomes) == len(asked)
    sent = [it for place, it in asked if outcomes[place] == "sent"]
    assert world.holds(sent)
    for place, it in asked:
        assert (outcomes[place] == "sent") or (outcomes[place].startswith("the account") and world.is_beyond(it, sent))


def test_without_a_look_at_the_other_partition_an_account_would_send_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The protection taken away: each partition has the account's limit for itself."""
    monkeypatch.setattr(Screens, "learn_elsewhere", lambda *_: None)
    world = Guarded(of_account=FEW)
    for place in (0, 0, 1, 1):
        world.submit(0, 0, place=place)
    finish(world)
    assert world.sent(0) == 4


def flood(limits: dict[str, int], messages: int = 6) -> Guarded:
    """Return a world in which so many messages have been submitted to one number."""
    world = Guarded(limits=limits)
    for _ in range(messages):
        world.now_ms += 1000
        world.submit(0, 0)
    return world


FEW = {"messages_per_number": 2, "number_window_minutes": 10}


@pytest.mark.parametrize("lives_for", range(8))
def test_what_is_decided_is_written_before_what_follows_from_it(lives_for: int) -> None:
    """Killed anywhere in between, and the limit raised: what has gone out is known, and what was refused stays so."""
    world = flood(FEW, 4)
    run(world, 0, lives_for)
    if lives_for:
        assert world.written[0].topic == SCREENED
    world.limits = {"messages_per_number": 100, "number_window_minutes": 10}
    finish(world)
    assert world.sent(0) == (2 if lives_for else 4)
    assert len(world.outcomes()) == 4


def test_without_what_was_written_a_second_life_would_send_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The protection taken away: a life that does not read what was decided begins to count anew."""
    monkeypatch.setattr(ScreensView, "_learn", lambda *_: None)
    world = flood(FEW)
    run(world, 0)
    world.submit(0, 0)
    finish(world)
    assert world.sent(0) == 3


def test_without_its_decisions_a_message_would_be_refused_and_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The protection taken away: what was stopped, and comes again, goes out."""
    monkeypatch.setattr(Screens, "decided", lambda *_: None)
    world = flood(FEW)
    run(world, 0, commits=False)
    finish(world)
    assert max(len(it) for it in world.decided().values()) == 2


def test_without_a_look_at_places_a_partition_that_comes_back_would_be_taken_for_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The protection taken away: what was decided in this life is not known when it is read a second time."""
    monkeypatch.setattr(ScreensView, "is_behind", lambda view, *_: not view._taken_over)
    world = flood(FEW)
    run(world, 0, again=6)
    assert max(len(it) for it in world.decided().values()) == 2


def test_lifting_a_limit_lets_nothing_go_that_was_stopped() -> None:
    """Of what comes again; what comes then is not counted any more."""
    world = flood(FEW, 4)
    run(world, 0, commits=False)
    world.limits = {}
    world.submit(0, 0)
    finish(world)
    assert [it == "sent" for it in world.outcomes().values()] == [True, True, False, False, True]


def test_a_window_slides() -> None:
    """As soon as the first is ten minutes old another one may go; what was refused has not been counted."""
    world = Guarded(limits=FEW)
    for second in (0, 300, 599, 600, 601, 899, 900):
        world.now_ms = 10 * MINUTE_MS + second * 1000
        world.submit(second % 2, 0)
    finish(world)
    assert [it == "sent" for it in world.outcomes().values()] == [True, True, False, True, False, False, True]


def test_the_refusal_is_a_status_with_the_contracts_code() -> None:
    """Routing error, code 9, and which limit it was."""
    world = Guarded(limits={"messages_per_range": 1, "range_window_minutes": 60})
    world.submit(0, 0, 1, 3)
    finish(world)
    (refused,) = world.statuses()
    assert (refused.status, refused.code_id) == (StatusName.ROUTING_ERROR, CodeId.DESTINATION_NOT_ALLOWED)
    assert refused.reason == "the trunk's limit of 1 messages to the numbers 1555123… in 60 minutes is reached"
    assert refused.destination == NUMBERS[1]


def test_what_a_day_has_no_room_for_is_not_counted_by_number() -> None:
    """And what is stopped by number takes nothing of the day."""
    world = Guarded(limits=FEW | {"segments_per_day": 3})
    for number in (0, 0, 0, 1, 1, 3):
        world.submit(0, number)
    run(world, 0, commits=False)
    finish(world)
    reasons = [next(iter(it))[0] == SEGMENTED for it in world.decided().values()]
    assert reasons == [True, True, False, True, False, False]
    world.limits = dict(FEW)
    world.submit(0, 1)
    finish(world)
    assert world.sent(1) == 2


def test_what_waits_for_its_time_is_counted_when_that_has_come() -> None:
    """Not when it is submitted: then it would be two messages."""
    world = Guarded(limits=FEW)
    later = (world.now_ms + 20 * MINUTE_MS) / 1000
    value = submission(
        Destination(address=NUMBERS[0]), trunk_id=uuid(11), send_at=datetime.fromtimestamp(later, UTC)
    ).to_bytes()
    for _ in range(5):
        world.take_in(0, value)
    finish(world)
    assert {it.topic for it in world.written} == {"sms.mt.scheduled"}


def test_without_a_limit_nothing_is_written_beside_the_messages() -> None:
    """Nobody pays for what others have."""
    world = flood({})
    finish(world)
    assert {it.topic for it in world.written} == {SEGMENTED}


def test_a_record_of_screenings_says_what_went_where() -> None:
    """And nothing of texts but their digests, where somebody asks for them."""
    world = Guarded(limits={"same_text_minutes": 5})
    world.submit(0, 0, 3)
    world.submit(0, 0)
    finish(world)
    (written,) = [Screening.from_bytes(it.value or b"") for it in world.written if it.topic == SCREENED]
    assert [(it.offset, it.message, it.number) for it in written.passed or ()] == [
        (0, 0, NUMBERS[0]),
        (0, 1, NUMBERS[3]),
    ]
    assert len({it.text for it in written.passed or ()}) == 1
    assert [(it.offset, it.guard, it.messages, it.minutes) for it in written.stopped or ()] == [(1, "same_text", 1, 5)]
    assert (written.screened_to.offset, written.at_ms) == (1, world.now_ms)
    assert [it.topic for it in world.written if it.topic in (COUNTED, STATUS)] == [STATUS]


def test_who_stops_messages_is_named_once_a_minute() -> None:
    """With how many by which limit since it was told last: a flood is to be seen, not to flood the log."""
    world, now = flood(FEW | {"same_text_minutes": 1}, 0), [0.0]
    view = DirectoryViewInMemory(directory_of(*world.directory()))
    screenings = ScreeningsInMemory()
    counting = Counting(cast("Any", view), CountsInMemory(), screenings, clock=lambda: now[0])
    with capture_logs() as logs:
        for offset, (seconds, guard) in enumerate([(0, "number"), (1, "number"), (59, "same_text"), (61, "number")]):
            now[0] = float(seconds)
            screenings.screens.stop((0, uuid(11)), Position(offset, 0, 1), Stop(Guard(guard), 2, 10))
            assert len(counting.take_unwritten()) == 1
    told = [{k: v for k, v in it.items() if k not in ("event", "log_level", "trunk_id")} for it in logs]
    assert told == [{"number": 1}, {"number": 2, "same_text": 1}]
    assert {it["trunk_id"] for it in logs} == {uuid(11)}
