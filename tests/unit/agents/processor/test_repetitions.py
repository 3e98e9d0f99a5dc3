"""The processor and Idempotency-Keys: what is asked, what is left out, and how what follows is numbered."""

import asyncio
from collections.abc import Mapping

import pytest

from agents.processor.repetitions import Repetitions
from pipeline.errors import BrokerUnreachable
from pipeline.idempotency.keys import Keyed, SubmissionOffset, Verdict
from pipeline.settings import MessageSettings
from schemas.headers.dead_letter import DeadLetterSource
from schemas.record import InRecord, OutRecord
from schemas.topics import SEGMENTED, SUBMITTED, dead_letter_topic
from tests.builders import account, carrier, did, directory_of, in_record, route, submission, trunk, uuid
from tests.unit.agents.processor.causing import caused_by

NUMBERS = ("15551234567", "15551234568")
ROUTED = directory_of(account(), did(), trunk(), carrier(), route())


def record(offset: int, value: bytes, partition: int = 0) -> InRecord:
    return in_record(SUBMITTED, value, offset, partition=partition)


def array(*keys: str | None) -> bytes:
    """Submissions with these keys, of two destinations each."""
    parts = [submission(*NUMBERS, id=uuid(n), idempotency_key=key) for n, key in enumerate(keys)]
    return b"[" + b", ".join(part.to_bytes() for part in parts) + b"]"


class FakeClaims:
    """Verdicts by submission, and what was asked for."""

    def __init__(self, verdicts: Mapping[SubmissionOffset, Verdict] | None = None) -> None:
        self.verdicts = verdicts or {}
        self.targets: list[Mapping[int, int]] = []
        self.silent = False

    def judge(self, keyed: Keyed) -> Verdict:
        return self.verdicts.get(keyed.submission, Verdict.HOLDS)

    async def catch_up(self, targets: Mapping[int, int]) -> None:
        self.targets.append(targets)
        if self.silent:
            await asyncio.Event().wait()


async def test_without_keys_nothing_is_asked() -> None:
    """A batch without keys costs a search for a few bytes."""
    claims = FakeClaims()
    assert await Repetitions(claims, 1.0).unheld([record(n, array(None)) for n in range(3)]) == [{}, {}, {}]
    assert claims.targets == []


async def test_keys_are_asked_for_once_a_batch() -> None:
    """Each partition is read beyond its last record with a key, and each submission judged by where it is."""
    claims = FakeClaims({SubmissionOffset(5, 1): Verdict.REPEATS, SubmissionOffset(6, 0): Verdict.CONFLICTS})
    records = [
        record(5, array("a", "b", None)),
        record(6, array("c")),
        record(7, array(None)),
        record(2, array("d"), partition=1),
    ]
    assert await Repetitions(claims, 1.0).unheld(records) == [
        {1: Verdict.REPEATS},
        {0: Verdict.CONFLICTS},
        {},
        {},
    ]
    assert claims.targets == [{0: 7, 1: 3}]


async def test_silent_broker_is_not_waited_for_for_ever() -> None:
    """Nothing is processed on a guess: the error ends the process, which begins again."""
    claims = FakeClaims()
    claims.silent = True
    with pytest.raises(BrokerUnreachable):
        await Repetitions(claims, 0.01).unheld([record(5, array("a"))])


def caused(value: bytes, unheld: Mapping[int, Verdict]) -> list[OutRecord]:
    return caused_by(record(5, value), ROUTED, MessageSettings(), unheld)


@pytest.mark.parametrize("verdict", [Verdict.REPEATS, Verdict.CONFLICTS])
def test_what_follows_is_numbered_as_if_nothing_were_left_out(verdict: Verdict) -> None:
    """Restarts tell repetitions by these numbers: they do not depend on a verdict."""
    value = array("a", "b", "c")
    everything = [it for it in caused(value, {}) if it.topic == SEGMENTED]
    rest = [it for it in caused(value, {1: verdict}) if it.topic == SEGMENTED]
    assert len(everything) == 6
    assert rest == everything[:2] + everything[4:]


def test_repetition_leaves_nothing() -> None:
    """No message, no status, no dead letter."""
    assert caused(array("a"), {0: Verdict.REPEATS}) == []


@pytest.mark.parametrize(("element", "value"), [(1, array("a", "b")), (None, array("b")[1:-1])])
def test_conflict_is_a_dead_letter_with_its_bytes(element: int | None, value: bytes) -> None:
    """The submission as it was written, with its element when it came in an array."""
    letter = caused(value, {element or 0: Verdict.CONFLICTS})[-1]
    source = DeadLetterSource.from_headers(letter.headers)
    part = array("a", "b")[1:-1].split(b", {")[1] if element else None
    assert letter.topic == dead_letter_topic(SUBMITTED)
    assert letter.value == (b"{" + part if part else value)
    assert (source.reason, source.element, source.offset) == ("idempotency-conflict", element, 5)
