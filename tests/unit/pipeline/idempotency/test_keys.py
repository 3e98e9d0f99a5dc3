"""Who holds an Idempotency-Key: the rule, and histories of processes that write, die and forget in any order."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.ingress.keyed import KeyedSubmitter, under_key
from agents.ingress.submit import Written
from pipeline.idempotency.keys import (
    KEPT_MS,
    LOOK_BACK_MS,
    Claim,
    Keyed,
    SubmissionOffset,
    Verdict,
    check_key,
    digest_of,
    follow,
    judge,
    keyed_submissions,
    may_hold_key,
    name_of,
    short_digest,
)
from pipeline.idempotency.store import ClaimStore
from pipeline.steps.admission.request import Admitted
from schemas.messages.destination import own_digest
from tests.builders import submission, uuid

TRUNK = uuid(11)
MARGIN_MS = 3_600_000


def request(key: str, content: str) -> Admitted:
    """A request with a key, as ingress has admitted it."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    admitted = Admitted(TRUNK, "12125551234", content, (("", "15551234567"),), now)
    return under_key(admitted, key, "outbound_messages")


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("a", None),
        ("8e03978e-40d5-43e8-bc93-6894a57f9324", None),
        ('"quoted", as in the draft of the header', None),
        ("~" * 255, None),
        ("", "Idempotency-Key must not be empty"),
        ("a" * 256, "Idempotency-Key must not be longer than 255 characters"),
        ("clé", "Idempotency-Key must consist of printable ASCII characters"),
        ("a\tb", "Idempotency-Key must consist of printable ASCII characters"),
        ("a\x7f", "Idempotency-Key must consist of printable ASCII characters"),
        ("a\n", "Idempotency-Key must consist of printable ASCII characters"),
        ("\udc80", "Idempotency-Key must consist of printable ASCII characters"),
    ],
)
def test_check_key(key: str, problem: str | None) -> None:
    """1 to 255 printable ASCII characters, of any meaning."""
    assert check_key(key) == problem


def test_digest_tells_requests_apart() -> None:
    """Type, source, text, numbers in their order and names; nothing can be moved from one to the next."""
    asked: list[tuple[Any, ...]] = [
        ("single", "1", "23", ("4", "5")),
        ("bulk", "1", "23", ("4", "5")),
        ("single", "12", "3", ("4", "5")),
        ("single", "1", "234", ("5",)),
        ("single", "1", "23", ("5", "4")),
        ("single", "1", "23", ("45",)),
        ("single", "1", '23",["4","5"', ()),
        ("single", "1", "23", ("4", "5"), "6"),
        ("single", "1", "23", ("4", "5"), "6", ("7",)),
        ("single", "1", "23", ("4", "5"), None, ("6", "7")),
        ("single", "1", "23", ("4", "5"), None, (), "off"),
        ("single", "1", "23", ("4", "5"), None, (), "replace"),
        ("single", "1", "23", ("4", "5"), "6", ("7",), "replace"),
        ("single", "1", None, ("4", "5"), None, (), None, [["23", None, None], ["23", None, None]]),
        ("single", "1", None, ("4", "5"), None, (), None, [["2", None, None], ["3", None, None]]),
        ("single", "1", "23", ("4", "5"), None, (), None, own_digest([(None, {"a": "b", "c": ""}, None)] * 2)),
        ("single", "1", "23", ("4", "5"), None, (), None, own_digest([(None, {"a": "b"}, "c")] * 2)),
        ("single", "1", "23", ("4", "5"), None, None, None, None, {"send_at": "6"}),
        ("single", "1", "23", ("4", "5"), None, None, None, None, {"send_at": "6", "validity_period": 7}),
        ("single", "1", "23", ("4", "5"), "6", None, None, None, {"validity_period": 7}),
        ("single", "1", "23", ("4", "5"), None, (), None, None, None, "6"),
        ("single", "1", "23", ("4", "5"), "6", (), None, None, None, "7"),
        ("single", "1", "23", ("4", "5"), None, (), None, None, None, None, "6"),
        ("single", "1", "23", ("4", "5"), "6", (), None, None, None, None, "6"),
    ]
    assert len({digest_of(*it) for it in asked}) == len(asked)
    assert digest_of("a", "b", "é\ud800", ["c"]) == digest_of("a", "b", "é\ud800", ["c"])


def test_without_a_name_and_a_time_a_digest_is_what_it_always_was() -> None:
    """Repetitions may come from before an update."""
    before = hashlib.sha256(b'["","1","2",["3"]]').hexdigest()
    assert digest_of("", "1", "2", ["3"]) == digest_of("", "1", "2", ["3"], None, (), None, None, {}) == before
    assert own_digest([(None, None, None)]) is None


def test_the_order_of_values_is_none() -> None:
    """JSON says that of an object's members."""
    one, other = ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    assert own_digest([(None, one, None)]) == own_digest([(None, other, None)])


@pytest.mark.parametrize(
    ("hours", "digest", "verdict"),
    [
        (0, b"same", Verdict.REPEATS),
        (23.999, b"same", Verdict.REPEATS),
        (23.999, b"other", Verdict.CONFLICTS),
        (24, b"same", Verdict.HOLDS),
        (24, b"other", Verdict.HOLDS),
        (-1, b"same", Verdict.REPEATS),  # a broker's clock that was set back
    ],
)
def test_rule(hours: float, digest: bytes, verdict: Verdict) -> None:
    """Within 24 hours the first one holds the key."""
    first = Keyed(b"name", SubmissionOffset(5, 1), 10**12, b"same")
    claim = follow(None, first)
    second = Keyed(b"name", SubmissionOffset(9, 0), 10**12 + int(hours * 3_600_000), digest)
    assert judge(claim, first) is Verdict.HOLDS
    assert judge(follow(claim, second), second) is verdict


def test_the_day_counts_from_the_last_use() -> None:
    """What is written within the day keeps the key, but is a repetition only within a day of the first."""
    claim: Claim | None = None
    verdicts = []
    for n, hours in enumerate((0, 20, 40, 63, 87, 88)):
        keyed = Keyed(b"name", SubmissionOffset(n, 0), hours * 3_600_000, b"same")
        claim = follow(claim, keyed)
        verdicts.append(judge(claim, keyed))
    assert verdicts == [
        Verdict.HOLDS, Verdict.REPEATS, Verdict.CONFLICTS, Verdict.CONFLICTS, Verdict.HOLDS, Verdict.REPEATS,
    ]  # fmt: skip


def test_keyed_submissions() -> None:
    """Those of an array with their elements; what cannot be read and what has no key takes no part."""
    first, second = submission(idempotency_key="a"), submission(idempotency_key="b", idempotency_digest="ab" * 32)
    parts = [first.to_bytes(), submission().to_bytes(), b'{"idempotency_key": "c"}', second.to_bytes()]
    found = list(keyed_submissions(3, 7, 99, b"[" + b",".join(parts) + b"]"))
    own = digest_of("", first.source, first.content, ["15551234567"])
    assert found == [
        Keyed(name_of(3, TRUNK, "a"), SubmissionOffset(7, 0), 99, short_digest(own)),
        Keyed(name_of(3, TRUNK, "b"), SubmissionOffset(7, 3), 99, b"\xab" * 16),
    ]
    assert [it.submission for it in keyed_submissions(3, 8, 99, first.to_bytes())] == [SubmissionOffset(8, 0)]
    assert list(keyed_submissions(3, 8, 99, None)) == list(keyed_submissions(3, 8, 99, b"[")) == []


def test_key_behind_escapes_is_found() -> None:
    """JSON may write the attribute's name in escapes: it is not overlooked."""
    value = submission(idempotency_key="a").to_bytes().replace(b'"idempotency_key"', b'"\\u0069dempotency_key"')
    assert may_hold_key(value)
    assert [it.submission for it in keyed_submissions(0, 1, 2, value)] == [SubmissionOffset(1, 0)]
    assert not may_hold_key(submission().to_bytes())


def test_names_are_apart() -> None:
    """Partition, trunk and key make the name."""
    names = {name_of(partition, trunk, key) for partition in (0, 1) for trunk in ("a", "b") for key in ("c", "d")}
    assert len(names) == 8


# -- histories ---------------------------------------------------------------------------------------------------------


@dataclass
class World:
    """The topic, and the broker's clock."""

    now_ms: int = 100 * KEPT_MS
    log: list[tuple[int, bytes]] = field(default_factory=list)

    def append(self, value: bytes) -> int:
        self.log.append((self.now_ms, value))
        return len(self.log) - 1


class Reader:
    """A process's store, which may be lost, be behind, or be ahead."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = ClaimStore(None)
        self.restart(world.now_ms, keeps_file=False)

    def restart(self, needed_from: int, *, keeps_file: bool) -> None:
        """As `ClaimsView.start` does it."""
        complete_from = self.store.complete_from_ms
        if not keeps_file or complete_from is None or complete_from > needed_from - LOOK_BACK_MS:
            horizon = needed_from - LOOK_BACK_MS - MARGIN_MS
            first = next((n for n, (at, _) in enumerate(self.world.log) if at >= horizon), len(self.world.log))
            self.store.begin_anew({0: first}, horizon)

    def read(self, end: int) -> None:
        for offset in range(self.store.positions[0].next, end):
            self.store.apply(0, offset, *self.world.log[offset])
        self.store.save()

    def purge(self, needed_from: int) -> None:
        while self.store.purge(needed_from - LOOK_BACK_MS - MARGIN_MS):
            pass

    # what the ingress asks for
    def known(self, name: bytes, digest: bytes) -> Verdict | None:
        claim, now = self.store.latest(name), self.world.now_ms
        return claim.verdict(digest, now) if claim is not None and claim.is_alive(now) else None

    def judge(self, keyed: Keyed) -> Verdict:
        verdict = self.store.judge(keyed._replace(at_ms=self.world.log[keyed.submission.offset][0]))
        assert verdict is not None
        return verdict

    async def catch_up(self, targets: Mapping[int, int]) -> None:
        self.read(targets[0])


class Died(Exception):
    """The process is gone."""


@dataclass
class MortalSubmitter:
    """What a `Submitter` is to `KeyedSubmitter`: it writes, and the process may die right after."""

    world: World
    dies: bool = False
    wrote: int | None = None

    async def partition_of(self, trunk_id: str) -> int:
        return 0

    async def submit(self, trunk_id: str, value: bytes, written: Written, trace: object = None) -> None:
        self.wrote = self.world.append(value)
        if self.dies:
            raise Died
        written.at = SubmissionOffset(self.wrote, 0)


class Processor:
    """Reads on from what it has committed, and never forgets what it has sent: that is the carrier's ledger."""

    def __init__(self, world: World, *, asks: bool = True) -> None:
        self.world = world
        self.reader = Reader(world)
        self.asks = asks
        self.committed = self.next = 0
        self.verdicts: dict[int, Verdict] = {}

    @property
    def needed_from(self) -> int:
        log = self.world.log
        return min(self.world.now_ms, log[self.committed][0]) if self.committed < len(log) else self.world.now_ms

    def process(self, records: int, *, ahead: bool) -> None:
        log = self.world.log
        end = min(len(log), self.next + records)
        self.reader.read(len(log) if ahead else end)
        for offset in range(self.next, end):
            (keyed,) = keyed_submissions(0, offset, *log[offset])
            complete_from = self.reader.store.complete_from_ms
            assert complete_from is not None
            assert complete_from <= keyed.at_ms - LOOK_BACK_MS  # or the view gives up
            verdict = self.reader.judge(keyed) if self.asks else Verdict.HOLDS
            assert self.verdicts.setdefault(offset, verdict) is verdict  # the same at every replay
        self.next = end


def run(steps: list[tuple[Any, ...]], *, asks: bool = True) -> None:
    """Play a history and check it."""
    world = World()
    readers = [Reader(world), Reader(world)]
    processor = Processor(world, asks=asks)
    answers: list[tuple[int, str, bytes, int | None, Verdict]] = []
    for step, *arguments in steps:
        if step == "post":
            which, key, content, dies = arguments
            asked = request(key, content)
            submitter = MortalSubmitter(world, dies)
            try:
                verdict = asyncio.run(KeyedSubmitter(submitter, readers[which], 1.0).submit(asked))  # type: ignore[arg-type]
            except Died:
                continue
            answers.append((world.now_ms, key, short_digest(asked.idempotency_digest or ""), submitter.wrote, verdict))
        elif step == "produce":
            key, content = arguments
            world.append(request(key, content).to_bytes())
        elif step == "wait":
            world.now_ms += int(arguments[0] * 3_600_000)
        elif step == "process":
            processor.process(arguments[0], ahead=arguments[1])
        elif step == "commit":
            processor.committed = processor.next
        elif step == "purge":
            readers[0].purge(world.now_ms)
            processor.reader.purge(processor.needed_from)
        elif step == "restart submitter":
            readers[arguments[0]].restart(world.now_ms, keeps_file=arguments[1])
        else:
            processor.next = processor.committed
            processor.reader.restart(processor.needed_from, keeps_file=arguments[0])
    processor.process(len(world.log), ahead=False)
    check(world, processor, answers)
    for reader in (*readers, processor.reader):
        reader.store.close()


def check(world: World, processor: Processor, answers: list[tuple[int, str, bytes, int | None, Verdict]]) -> None:
    sent: dict[bytes, list[Keyed]] = {}
    for offset, (at, value) in enumerate(world.log):
        (keyed,) = keyed_submissions(0, offset, at, value)
        if processor.verdicts[offset] is Verdict.HOLDS:
            sent.setdefault(keyed.name, []).append(keyed)
    for submissions in sent.values():
        times = [it.at_ms for it in submissions]
        assert all(later - earlier >= KEPT_MS for earlier, later in pairwise(times)), "sent twice"
    for at, key, digest, wrote, verdict in answers:
        former = [it for it in sent.get(name_of(0, TRUNK, key), ()) if it.at_ms <= at]
        if verdict is Verdict.HOLDS:
            assert wrote in {it.submission.offset for it in former}, "a 201 whose message is not sent"
        elif verdict is Verdict.REPEATS:
            assert digest in {it.digest for it in former}, "a replay of what was never sent"
        else:
            assert former, "a conflict with nothing"


KEYS, TEXTS = st.sampled_from("ab"), st.sampled_from(["Hello", "Hi"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.integers(0, 1), KEYS, TEXTS, st.booleans()),
        st.tuples(st.just("produce"), KEYS, TEXTS),
        st.tuples(st.just("wait"), st.sampled_from([0.001, 1, 13, 23.999, 24, 30, 100])),
        st.tuples(st.just("process"), st.integers(1, 4), st.booleans()),
        st.just(("commit",)),
        st.just(("purge",)),
        st.tuples(st.just("restart submitter"), st.integers(0, 1), st.booleans()),
        st.tuples(st.just("restart processor"), st.booleans()),
    ),
    max_size=30,
)


# The submitter forgets who held the key, and still knows of a conflict: it must not take that for a holder.
CONFLICT_OUTLIVES_ITS_HOLDER = [
    ("produce", "a", "Hello"),
    ("wait", 23.999),
    ("produce", "a", "Hi"),
    ("wait", 13),
    ("restart submitter", 0, False),
    ("post", 0, "a", "Hi", False),
]


@given(STEPS)
@example(CONFLICT_OUTLIVES_ITS_HOLDER)
@settings(max_examples=200)
def test_one_key_is_sent_once_in_any_history(steps: list[tuple[Any, ...]]) -> None:
    """Two readers, producers and a processor that die, lag, forget and replay: nothing twice, and every answer true."""
    run(steps)


def test_without_the_processors_question_it_is_sent_twice() -> None:
    """The oracle sees it when the processor does not ask: two readers raced, or one died before its answer."""
    raced = [("post", 0, "a", "Hello", False), ("post", 1, "a", "Hello", False)]
    died = [("post", 0, "a", "Hello", True), ("restart submitter", 0, False), ("post", 0, "a", "Hello", False)]
    for steps in (raced, died):
        run(steps)
        with pytest.raises(AssertionError, match="sent twice"):
            run(steps, asks=False)
