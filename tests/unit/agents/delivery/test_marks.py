"""What is written around a POST: receipts that name nothing but the carrier's own id are expected."""

from datetime import UTC, datetime

import pytest

from schemas.directory.carrier import Carrier, InDoubtPolicy, Profile
from schemas.messages.dlr import ExpectedReceipt
from schemas.messages.status import MessageStatus
from schemas.state.journal import JournalMark
from schemas.topics import DLR_EXPECTED, STATUS
from tests.builders import status
from tests.unit.agents.delivery.bench import CARRIER, Bench, mark, message

BY_ITS_OWN_ID = """
version: "1"
name: By its own id
about: Can be told no address
sends: {sends}
request:
  urls: "{{url}}"
  headers: {{idempotency-key: "{{segment_id}}"}}
  body: {{json: {{segment_id: "{{segment_id}}", text: "{{text}}"}}}}
answers:
  - {{status: 2xx, outcome: accepted, message_id: {{json: /id}}}}
receipts:
  id: {{field: id}}
  state: {{field: state}}
"""
WANTED = message(2).model_copy(update={"receipts": True})


def carrier_and_profile(sends: str = "segments") -> tuple[Carrier, Profile]:
    profile = Profile(id="by-id", text=BY_ITS_OWN_ID.format(sends=sends))
    carrier = CARRIER.model_copy(update={"profile": "by-id", "in_doubt_policy": InDoubtPolicy.GIVE_UP})
    return carrier, profile


def expected(bench: Bench) -> list[ExpectedReceipt]:
    found = [it for it in bench.written if it.topic == DLR_EXPECTED]
    assert {it.key for it in found} <= {f"{CARRIER.id}:x".encode()}
    return [ExpectedReceipt.from_bytes(it.value or b"") for it in found]


def success(bench: Bench) -> MessageStatus:
    (found,) = [MessageStatus.from_bytes(it.value or b"") for it in bench.written if it.topic == STATUS]
    return found


async def test_a_carrier_that_takes_no_address_is_expected_to_report_by_its_id() -> None:
    """One record a segment, under what the carrier calls it; where nobody wants receipts, none."""
    carrier, profile = carrier_and_profile()
    bench = Bench(202, 202, carrier=carrier, profiles=(profile,))
    await bench.hand_out(WANTED)
    assert [(it.message_id, it.seqnum, it.carrier_message_id) for it in expected(bench)] == [
        (WANTED.id, 1, "x"), (WANTED.id, 2, "x"),
    ]  # fmt: skip
    assert (success(bench).receipts, success(bench).posts) == (True, None)
    bench = Bench(202, 202, carrier=carrier, profiles=(profile,))
    await bench.hand_out(message(2))
    assert (expected(bench), success(bench).receipts) == ([], None)


async def test_a_carrier_that_is_told_where_to_post_is_not_expected_to_do_otherwise() -> None:
    """The practice carrier gets an address with each POST."""
    bench = Bench(202, 202)
    await bench.hand_out(WANTED)
    assert (expected(bench), success(bench).receipts) == ([], True)


async def test_of_a_whole_text_one_receipt_is_awaited() -> None:
    """However many segments the carrier makes of it."""
    carrier, profile = carrier_and_profile("whole_text")
    bench = Bench(202, carrier=carrier, profiles=(profile,))
    await bench.hand_out(WANTED)
    assert [it.seqnum for it in expected(bench)] == [1]
    assert (success(bench).segments_sent, success(bench).posts) == (2, 1)


@pytest.mark.parametrize("told", [False, True])
async def test_what_an_earlier_life_accepted_is_expected_again(told: bool) -> None:
    """Outcome, expectation and status were written together, and perhaps not all of them are there."""
    carrier, profile = carrier_and_profile()
    marks = [
        mark(seqnum, kind, datetime.now(UTC)).model_copy(update={"carrier_message_id": "x"})
        for seqnum in (1, 2)
        for kind in (JournalMark.SUBMITTING, JournalMark.ACCEPTED)
    ]
    bench = Bench(carrier=carrier, profiles=(profile,), marks=marks)
    if told:
        bench.journal_state.learn(status(message_id=WANTED.id, trunk_id=WANTED.trunk_id, ended_at=datetime.now(UTC)))
    await bench.hand_out(WANTED)
    assert [it.seqnum for it in expected(bench)] == [1, 2]
    assert bench.carrier.posted == []
    assert [it.topic for it in bench.written].count(STATUS) == (0 if told else 1)
