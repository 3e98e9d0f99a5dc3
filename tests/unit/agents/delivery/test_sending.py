"""A message that goes out whole: one POST, marks in the name of the first segment, all or nothing."""

from datetime import UTC, datetime
from typing import Final

import pytest

from pipeline.errors import InDoubt
from schemas.directory.carrier import InDoubtPolicy, Profile
from schemas.messages.mt_message import WaitingMessage
from schemas.messages.status import CodeId, MessageStatus, StatusName
from schemas.state.journal import JournalEntry, JournalMark
from schemas.topics import JOURNAL
from tests.builders import profile
from tests.unit.agents.delivery.bench import CARRIER, Bench, mark, message

WHOLE: Final = profile(
    "whole",
    """
version: 1
name: Whole texts
about: For tests.
sends: whole_text
request:
  urls: "{url}"
  headers: {idempotency-key: "{segment_id}"}
  body: {json: {segment_id: "{segment_id}", text: "{text}", udh: "{udh|null}"}}
answers:
  - {status: 202, outcome: accepted, message_id: {json: /id}}
  - {status: 402, outcome: operator, says: no credit}
  - {status: 503, outcome: not_sent}
idempotency: {means: The segment id.}
""",
)
TAKES_WHOLE: Final = CARRIER.model_copy(update={"profile": "whole"})


def bench(*script: int | Exception, marks: tuple[JournalEntry, ...] = (), policy: InDoubtPolicy = InDoubtPolicy.GIVE_UP,
          profiles: tuple[Profile, ...] = (WHOLE,)) -> Bench:  # fmt: skip
    carrier = TAKES_WHOLE.model_copy(update={"in_doubt_policy": policy})
    return Bench(*script, carrier=carrier, marks=marks, profiles=profiles)


def whole_mark(kind: JournalMark) -> JournalEntry:
    return mark(1, kind, datetime.now(UTC)).model_copy(update={"whole": True})


async def test_a_whole_text_is_one_post() -> None:
    """Three segments, one request with all of the text; its marks say whole, and all segments count as sent."""
    world = bench(202)
    status = MessageStatus.from_bytes((await world.run(message(3).to_bytes())).value or b"")
    assert world.carrier.posted == ["part 1part 2part 3"]
    assert world.journal == [("1", "submitting"), ("1", "accepted")]
    entries = [JournalEntry.from_bytes(it.value or b"") for it in world.written if it.topic == JOURNAL]
    assert [it.whole for it in entries] == [True, True]
    assert (status.status, status.segments_total, status.segments_sent) == (StatusName.SUCCESS, 3, 3)
    assert status.posts == 1  # so many receipts will come


async def test_a_single_segment_is_what_it_always_was() -> None:
    """Nothing says whole about a message of one segment: another profile could go on with it."""
    world = bench(202)
    await world.run(message(1).to_bytes())
    entries = [JournalEntry.from_bytes(it.value or b"") for it in world.written if it.topic == JOURNAL]
    assert [it.whole for it in entries] == [None, None]


async def test_a_refused_whole_text_has_sent_nothing() -> None:
    """All or nothing."""
    world = bench(400)
    status = MessageStatus.from_bytes((await world.run(message(3).to_bytes())).value or b"")
    assert (status.code_id, status.segments_sent) == (CodeId.ROUTING_FAILED, 0)


@pytest.mark.parametrize(
    ("kind", "policy", "script", "posts", "code"),
    [
        (JournalMark.ACCEPTED, InDoubtPolicy.GIVE_UP, (), 0, None),
        (JournalMark.SUBMITTING, InDoubtPolicy.GIVE_UP, (), 0, CodeId.IN_DOUBT),
        (JournalMark.SUBMITTING, InDoubtPolicy.RESEND_WITH_KEY, (202,), 1, None),
        (JournalMark.REFUSED, InDoubtPolicy.GIVE_UP, (), 0, CodeId.ROUTING_FAILED),
    ],
)
async def test_a_restart_goes_on_with_what_is_known_of_the_whole(
    kind: JournalMark, policy: InDoubtPolicy, script: tuple[int, ...], posts: int, code: CodeId | None
) -> None:
    """Taken is taken, in doubt is settled by the policy, and never is a part of it sent after it."""
    world = bench(*script, marks=(whole_mark(kind),), policy=policy)
    status = MessageStatus.from_bytes((await world.run(message(3).to_bytes())).value or b"")
    assert (len(world.carrier.posted), status.code_id) == (posts, code)
    assert status.segments_sent == (0 if code else 3)


@pytest.mark.parametrize(("kind", "code"), [(JournalMark.ACCEPTED, None), (JournalMark.SUBMITTING, CodeId.IN_DOUBT)])
async def test_what_was_begun_whole_is_not_continued_in_segments(kind: JournalMark, code: CodeId | None) -> None:
    """The profile takes segments now; the text that is out already is not sent a second time in parts."""
    marks = (whole_mark(kind),)
    world = Bench(carrier=CARRIER.model_copy(update={"in_doubt_policy": InDoubtPolicy.RESEND_WITH_KEY}), marks=marks)
    record = await world.run(message(3).to_bytes())
    assert world.carrier.posted == []
    if code is None:
        assert MessageStatus.from_bytes(record.value or b"").status == StatusName.SUCCESS
    else:
        assert WaitingMessage.from_bytes(record.value or b"").in_doubt is True


async def test_what_was_begun_in_segments_is_not_sent_whole() -> None:
    """The first segment is out; the whole text behind it would double it."""
    world = bench(marks=(mark(1, JournalMark.ACCEPTED, datetime.now(UTC)),))
    status = MessageStatus.from_bytes((await world.run(message(3).to_bytes())).value or b"")
    assert (world.carrier.posted, status.code_id, status.segments_sent) == ([], CodeId.ROUTING_FAILED, 1)


async def test_doubt_about_a_whole_text_waits_for_its_policy() -> None:
    """As for a segment."""
    world = bench(InDoubt("timed out"), policy=InDoubtPolicy.RESEND_WITH_KEY)
    waiting = WaitingMessage.from_bytes((await world.run(message(3).to_bytes())).value or b"")
    assert (waiting.next_seqnum, waiting.in_doubt) == (1, True)


async def test_a_message_waits_for_an_operator() -> None:
    """No credit: not sent, tried again later, and the carrier is left alone."""
    world = bench(402)
    waiting = WaitingMessage.from_bytes((await world.run(message(2).to_bytes())).value or b"")
    assert (waiting.in_doubt, waiting.last_error) == (False, "HTTP 402: no credit")
    assert world.peer.error == "HTTP 402: no credit"


async def test_a_carrier_whose_profile_does_not_work_keeps_its_messages() -> None:
    """Nothing is sent and nothing is lost: they wait for an operator."""
    broken = Profile(id="whole", text="version: 1")
    for profiles in ((), (broken,)):
        world = bench(profiles=profiles)
        waiting = WaitingMessage.from_bytes((await world.run(message(2).to_bytes())).value or b"")
        assert world.carrier.posted == []
        assert "profile does not work" in waiting.last_error
