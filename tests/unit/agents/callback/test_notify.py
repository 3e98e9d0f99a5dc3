"""One attempt to notify, with a scripted endpoint and a broker that only remembers."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from standardwebhooks import Webhook

from agents.callback.attempts import AttemptLog, readable
from agents.callback.line_up import Notification, entry_of, read
from agents.callback.notify import Notifier
from pipeline.directory.model import Directory
from pipeline.errors import AddressNotAllowed, InDoubt, NotSent
from pipeline.http.client import Answer, HttpPoster
from pipeline.http.url import origin_of
from pipeline.kafka.consuming.partition.assignment import Assignment
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.posting.breaker import LONGEST_ASKED_SECONDS, TRIP_AFTER
from pipeline.posting.flows import Flow, Lane, Turn
from pipeline.posting.intake import Entry
from pipeline.posting.peer import Peer
from pipeline.posting.places import QUICK
from pipeline.posting.retry_schedule import RetrySchedule
from schemas.callback import AttemptOutcome, CallbackAttempt, WaitingNotification
from schemas.directory.entry import key_of
from schemas.directory.trunk import CallbackSecret, Trunk
from schemas.headers.dead_letter import DeadLetterSource
from schemas.record import InRecord, OutRecord
from schemas.status import MessageStatus, StatusStage
from schemas.topics import CALLBACK_ATTEMPTED, CALLBACK_RETRY, STATUS
from tests import builders
from tests.builders import directory_of, secret, trunk, waiting_notification
from tests.fakes.clock import Clock
from tests.fakes.directory_view import DirectoryViewInMemory

NOW = datetime.now(UTC)
BEGAN = NOW + timedelta(hours=1)  # no run of the tests, however slow, makes what began then too old
MESSAGE_ID = "0190f0c0-0000-7000-8000-000000000001"
TRUNK_ID = "0190f0c0-0000-7000-8000-000000000002"
SECRET = "whsec_" + b64encode(b"s" * 32).decode()
TRUNK = trunk(
    id=TRUNK_ID, callback_url="https://customer.example/hook?token=private", callback_secrets=(secret(SECRET),)
)
TIER = "sms.callback.retry.5s"
SCHEDULE = RetrySchedule(CALLBACK_RETRY, (5, 30))


def status(**changes: Any) -> MessageStatus:
    defaults: dict[str, Any] = {"message_id": MESSAGE_ID, "trunk_id": TRUNK_ID, "accepted_at": NOW}
    return builders.status(**defaults | changes)


def waiting(attempt: int, **changes: Any) -> bytes:
    defaults: dict[str, Any] = {"attempt": attempt, "first_attempt_at": BEGAN, "due_at": NOW, "last_error": "x"}
    return waiting_notification(status(), **defaults | changes).to_bytes()


class Endpoint:
    """Stands for the HTTP client: answers as told and keeps what was posted."""

    def __init__(self, outcome: int | Answer | Exception) -> None:
        self.outcome = outcome
        self.posted: list[tuple[str, dict[str, str], bytes]] = []

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.posted.append((url, dict(headers), body))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome if isinstance(self.outcome, Answer) else Answer(self.outcome, b"", None)


def view_of(known: Trunk | None) -> DirectoryViewInMemory:
    return DirectoryViewInMemory(directory_of(*([] if known is None else [known])))


class Successes:
    """Stands for the log of attempts: everything it is given is durable at once."""

    def __init__(self) -> None:
        self.events: list[CallbackAttempt] = []

    def add(self, work: Work, event: OutRecord) -> None:
        assert event.topic == CALLBACK_ATTEMPTED
        assert event.key == MESSAGE_ID.encode()
        self.events.append(CallbackAttempt.from_bytes(event.value or b""))
        work.finish()


class Bench:
    """A `Notifier` with everything around it."""

    def __init__(self, outcome: int | Answer | Exception = 200, view: DirectoryViewInMemory | None = None) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint(outcome)
        self.view = view or view_of(TRUNK)
        self.successes = Successes()
        self.failures: list[CallbackAttempt] = []
        self.written: list[OutRecord] = []
        self.tracker = Assignment()
        self.peer = Peer(TRUNK_ID, self.clock, most=8)
        self._offset = 0

        self.notifier = Notifier(
            cast("DirectoryView", self.view),
            cast("HttpPoster", self.endpoint),
            cast("AttemptLog", self.successes),
            SCHEDULE,
        )

    async def take(self, topic: str, value: bytes | None, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Have one record worked on; it must be finished afterwards. `meanwhile` happens while it is queued."""
        self.tracker.hand_out(self._offset)
        timestamp_ms = int(datetime.now(UTC).timestamp() * 1000)
        item = read(Work(InRecord(topic, 3, self._offset, timestamp_ms, b"key", value, ()), self.tracker))
        has_to_wait = self.notifier.has_to_wait(item)
        meanwhile()
        if has_to_wait and isinstance(item, Notification):
            await self.notify(item)
        self._offset += 1
        assert self.tracker.position == self._offset
        following = self.tracker.take_outbox(self._offset)
        self.failures += [
            CallbackAttempt.from_bytes(it.value or b"") for it in following if it.topic == CALLBACK_ATTEMPTED
        ]
        self.written += [it for it in following if it.topic != CALLBACK_ATTEMPTED]

    async def notify(self, item: Notification) -> None:
        """Let it have its turn."""
        entry = entry_of(item, SCHEDULE)
        flow: Flow[Entry[Notification]] = Flow(entry.flow.name, entry.flow.account, self.peer)
        await self.notifier(Turn(flow, Lane(0), entry, probe=False, place=QUICK, began_at=self.clock()))

    def waiting(self) -> list[WaitingNotification]:
        """What was written to retry tiers."""
        return [WaitingNotification.from_bytes(it.value or b"") for it in self.written if "dead-letter" not in it.topic]

    def reasons(self) -> list[str]:
        """Why dead letters were written."""
        return [DeadLetterSource.from_headers(it.headers).reason for it in self.written if "dead-letter" in it.topic]


@pytest.mark.parametrize("code", [200, 201, 204, 299])
async def test_any_2xx_ends_it(code: int) -> None:
    """One signed POST in JSON:API, and no record."""
    bench = Bench(code)
    await bench.take(STATUS, status().to_bytes())
    [(url, headers, body)] = bench.endpoint.posted
    assert url == TRUNK.callback_url
    assert headers["content-type"] == "application/vnd.api+json"
    assert headers["webhook-id"] == f"{MESSAGE_ID}.processing"
    assert Webhook(SECRET).verify(body, headers)["data"]["id"] == MESSAGE_ID
    assert bench.written == []


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (199, "status 199"),
        (301, "status 301"),
        (307, "status 307"),
        (400, "status 400"),
        (503, "status 503"),
        (NotSent("refused"), "not-sent: refused"),
        (InDoubt("timed out"), "in-doubt: timed out"),
        (AddressNotAllowed("inside"), "address-not-allowed: inside"),
    ],
)
async def test_anything_else_waits_in_the_next_tier(outcome: int | Exception, expected: str) -> None:
    """With the attempt that comes next, when it is due, and why the last one failed."""
    bench = Bench(outcome)
    await bench.take(STATUS, status().to_bytes())
    [record] = bench.written
    assert (record.topic, record.key) == ("sms.callback.retry.5s", TRUNK_ID.encode())
    found = WaitingNotification.from_bytes(record.value or b"")
    assert (found.attempt, found.last_error, found.status) == (2, expected, status())
    assert timedelta(0) <= found.due_at - found.first_attempt_at - timedelta(seconds=5) < timedelta(seconds=1)


async def test_a_later_attempt_keeps_its_id_and_its_beginning() -> None:
    """The receiver sees one webhook-id; the record still knows when it all began."""
    bench = Bench(500)
    await bench.take(TIER, waiting(2))
    [(_, headers, _)] = bench.endpoint.posted
    assert headers["webhook-id"] == f"{MESSAGE_ID}.processing"
    [record] = bench.written
    found = WaitingNotification.from_bytes(record.value or b"")
    assert (record.topic, found.attempt) == ("sms.callback.retry.30s", 3)
    assert found.first_attempt_at == BEGAN


async def test_after_the_last_tier_it_is_a_dead_letter() -> None:
    """With the bytes of the record that it was, and the last error."""
    bench = Bench(500)
    await bench.take(TIER, waiting(3))
    [record] = bench.written
    assert (record.topic, record.key, record.value) == ("sms.callback.retry.dead-letter", b"key", waiting(3))
    origin = DeadLetterSource.from_headers(record.headers)
    assert (origin.topic, origin.partition, origin.offset) == (TIER, 3, 0)
    assert (origin.stage, origin.reason, origin.detail) == (
        "callback",
        "callback-exhausted",
        "attempt 3: status 500",
    )


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        (STATUS, None),
        (STATUS, b""),
        (STATUS, b"{}"),
        (STATUS, b"\xff\xfe"),
        (STATUS, waiting(2)),
        (TIER, status().to_bytes()),
        (STATUS, status(accepted_at=datetime.fromisoformat("0001-01-01T00:00:00+14:00")).to_bytes()),
    ],
)
async def test_an_unreadable_record_is_a_dead_letter(topic: str, value: bytes | None) -> None:
    """It is kept as it was, nothing is posted, and the next record is worked on."""
    bench = Bench()
    await bench.take(topic, value)
    await bench.take(STATUS, status().to_bytes())
    assert len(bench.endpoint.posted) == 1
    [record] = bench.written
    assert record.value == value
    assert DeadLetterSource.from_headers(record.headers).reason == "schema-violation"


@pytest.mark.parametrize(
    ("trunk", "record", "posts"),
    [
        (TRUNK.model_copy(update={"callback_url": None}), status(), 0),
        (TRUNK.model_copy(update={"deleted_at": NOW}), status(), 1),
        (TRUNK.model_copy(update={"blocked": True}), status(), 1),
        (TRUNK, status(stage=StatusStage.DELIVERY, status="DELIVERED"), 0),
        (TRUNK.model_copy(update={"receipts_enabled": True}), status(stage=StatusStage.DELIVERY), 1),
        (None, status(), 0),
    ],
)
async def test_who_is_notified(trunk: Trunk | None, record: MessageStatus, posts: int) -> None:
    """Trunks with a URL, deleted and blocked ones too; of delivery receipts only those that want them."""
    bench = Bench(view=view_of(trunk))
    await bench.take(STATUS, record.to_bytes())
    assert len(bench.endpoint.posted) == posts
    assert bench.written == []


async def test_a_trunk_that_is_newer_than_our_directory_is_looked_up() -> None:
    """A message can be faster than the record of its trunk; its notification must not be lost for that."""
    bench = Bench(view=DirectoryViewInMemory(Directory(), TRUNK))
    await bench.take(STATUS, status().to_bytes())
    assert len(bench.endpoint.posted) == 1


async def test_trunks_that_do_not_exist_do_not_cost_a_look_each() -> None:
    """Records older than the last look need no new one."""
    bench = Bench(view=view_of(None))
    value = status().to_bytes()
    bench.tracker.hand_out(0)
    old = read(Work(InRecord(STATUS, 0, 1, 1, b"key", value, ()), bench.tracker))
    await bench.take(STATUS, value)
    looks = bench.view.looks
    bench.tracker.hand_out(1)
    assert isinstance(old, Notification)
    await bench.notify(old)
    assert (looks, bench.view.looks) == (1, 1)


async def test_the_endpoint_is_read_at_each_attempt() -> None:
    """A notification that waited goes to where the trunk points now, signed with what it has now."""
    bench = Bench()
    secret = CallbackSecret(secret="whsec_" + b64encode(b"n" * 32).decode())
    moved = TRUNK.model_copy(update={"callback_url": "https://new.example/", "callback_secrets": (secret,)})
    await bench.take(TIER, waiting(2), lambda: bench.view.directory.apply(key_of(moved), moved.to_bytes()))
    [(url, headers, body)] = bench.endpoint.posted
    assert url == "https://new.example/"
    Webhook(secret.secret).verify(body, headers)


async def test_a_secret_that_cannot_sign_is_a_failed_attempt() -> None:
    """It can be put right while the notification waits; an unsigned POST would be worse than none."""
    broken = TRUNK.model_copy(update={"callback_secrets": (CallbackSecret(secret="whsec_" + "A" * 33),)})
    bench = Bench(view=view_of(broken))
    await bench.take(STATUS, status().to_bytes())
    assert bench.endpoint.posted == []
    assert [record.topic for record in bench.written] == [TIER]


async def test_work_that_is_no_longer_ours_is_not_begun() -> None:
    """After a rebalance or a stop the queue's rest belongs to somebody else."""
    bench = Bench()
    item = read(Work(InRecord(STATUS, 0, 0, 0, b"key", status().to_bytes(), ()), bench.tracker))
    assert bench.notifier.has_to_wait(item)
    assert isinstance(item, Notification)
    bench.tracker.closed = True
    await bench.notify(item)
    bench.notifier.expire(item)
    assert not bench.notifier.has_to_wait(read(Work(InRecord(STATUS, 0, 1, 0, b"key", b"", ()), bench.tracker)))
    assert (bench.endpoint.posted, bench.tracker.take_outbox(99)) == ([], [])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x?token=private", "https://a.example"),
        ("https://a.example:443/y", "https://a.example"),
        ("http://A.example:8080/", "http://a.example:8080"),
        ("nonsense", "invalid"),
    ],
)
def test_what_is_said_of_an_endpoint_is_its_origin(url: str, expected: str) -> None:
    """Path and query may hold a customer's secret, and are in no log."""
    assert origin_of(url) == expected


# Attempts as events.


async def test_a_success_is_an_event() -> None:
    """With everything about it; also where it is a later attempt of a chain that an operator asked for."""
    bench = Bench(204)
    await bench.take(STATUS, status().to_bytes())
    await bench.take(TIER, waiting(3, resent_at=NOW))
    first, third = bench.successes.events
    assert abs(first.at.timestamp() - datetime.now(UTC).timestamp()) < 60
    assert first == CallbackAttempt(
        webhook_id=f"{MESSAGE_ID}.processing", message_id=MESSAGE_ID, trunk_id=TRUNK_ID, attempt=1,
        endpoint="https://customer.example", at=first.at, milliseconds=first.milliseconds,
        outcome=AttemptOutcome.ACCEPTED, status_code=204,
    )  # fmt: skip
    assert (third.attempt, third.resent_at) == (3, NOW)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (
            Answer(500, b"it \xff\x1b[31mbroke\r\nhere", None),
            (AttemptOutcome.FAILED, 500, None, "it \ufffd[31mbroke here"),
        ),
        (Answer(404, b"", None), (AttemptOutcome.FAILED, 404, None, None)),
        (Answer(410, b"no more", None), (AttemptOutcome.GONE, 410, None, "no more")),
        (InDoubt("timed out"), (AttemptOutcome.FAILED, None, "in-doubt: timed out", None)),
        (AddressNotAllowed("inside"), (AttemptOutcome.FAILED, None, "address-not-allowed: inside", None)),
    ],
)  # fmt: skip
async def test_a_failure_is_an_event_that_goes_with_what_follows(
    outcome: Answer | Exception, expected: tuple[AttemptOutcome, int | None, str | None, str | None]
) -> None:
    """In one transaction: what is tried again was tried before, and the event of that is there."""
    bench = Bench(outcome)
    await bench.take(STATUS, status().to_bytes())
    [event] = bench.failures
    assert (event.outcome, event.status_code, event.error, event.answer) == expected
    assert (event.attempt, event.endpoint, len(bench.written)) == (1, "https://customer.example", 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\x00b\x7fc\x85d\x9be", "abcde"),
        ("\u202egnp.exe\u2066\u200b\u2028x\ufeff", "gnp.exex"),
        ("line\nline\ttab\r\n", "line line tab "),
        ('<b>&"', '<b>&"'),
        ("é" * 300, "é" * 256),
        ("\x00" * 5000 + "far", ""),
        ("\x00" * 500 + "near", "near"),
    ],
)
def test_what_an_endpoint_says_is_kept_readable(text: str, expected: str) -> None:
    """At most 256 characters, none of which steers a terminal or turns around what stands beside it."""
    assert readable(text) == expected


# An endpoint that is down.


@pytest.mark.parametrize("outcome", [500, 503, InDoubt("timed out"), NotSent("refused")])
async def test_an_endpoint_that_fails_again_and_again_is_left_alone(outcome: int | Exception) -> None:
    """Each of these attempts counts and is followed by a later one; the peer then takes nothing."""
    bench = Bench(outcome)
    for _ in range(TRIP_AFTER):
        assert not bench.peer.away
        await bench.take(STATUS, status().to_bytes())
    assert bench.peer.away
    assert [it.attempt for it in bench.waiting()] == [2] * TRIP_AFTER


@pytest.mark.parametrize("outcome", [404, 301, 410, AddressNotAllowed("inside")])
async def test_an_answer_shows_that_the_endpoint_lives(outcome: int | Exception) -> None:
    """Whatever it says; a refused address says nothing about it."""
    bench = Bench(outcome)
    for _ in range(3 * TRIP_AFTER):
        other = TRUNK.model_copy(update={"name": "another"})
        bench.view.directory.apply(key_of(other), other.to_bytes())
        await bench.take(STATUS, status().to_bytes())
    assert (len(bench.endpoint.posted), bench.peer.away) == (3 * TRIP_AFTER, False)


async def test_what_has_waited_for_longer_than_the_whole_schedule_ends() -> None:
    """Attempts that are not made are no reason to wait for ever: the dead letter says so."""
    bench = Bench()
    bench.tracker.hand_out(0)
    began = NOW - timedelta(hours=1)
    item = read(Work(InRecord(TIER, 0, 0, 0, b"key", waiting(2, first_attempt_at=began), ()), bench.tracker))
    assert isinstance(item, Notification)
    assert entry_of(item, SCHEDULE).expires_ms == int(began.timestamp() * 1000) + 35_000
    bench.notifier.expire(item)
    [letter] = bench.tracker.take_outbox(1)
    source = DeadLetterSource.from_headers(letter.headers)
    assert (source.reason, source.detail) == (
        "callback-exhausted", "before attempt 2: the endpoint took nothing for all the time",
    )  # fmt: skip
    assert bench.endpoint.posted == []


@pytest.mark.parametrize(
    ("code", "retry_after", "tier", "pause"),
    [
        (429, "20", "30s", 20.0),
        (503, "20", "30s", 20.0),
        (503, "1", "5s", 1.0),
        (503, "86400", "30s", LONGEST_ASKED_SECONDS),
        (503, "99999999999", "30s", LONGEST_ASKED_SECONDS),
        (503, "soon", "5s", 0.0),
        (503, None, "5s", 0.0),
        (500, "20", "5s", 0.0),
    ],
)
async def test_retry_after_is_honoured_within_bounds(
    code: int, retry_after: str | None, tier: str, pause: float
) -> None:
    """The notification waits at least so long, as far as there are tiers, and the endpoint is left alone meanwhile."""
    bench = Bench(Answer(code, b"", retry_after))
    await bench.take(STATUS, status().to_bytes())
    assert [it.topic.rpartition(".")[2] for it in bench.written] == [tier]
    assert (bench.peer.breaker.seconds_left, bench.peer.away) == (pause, pause > 0)


# An endpoint that is gone.


async def test_410_ends_it_and_everything_after_it() -> None:
    """Visibly: both are dead letters. Another URL, or any change of the trunk, is worth an attempt."""
    bench = Bench(410)
    await bench.take(STATUS, status().to_bytes())
    await bench.take(STATUS, status().to_bytes())
    await bench.take(TIER, waiting(2))
    assert len(bench.endpoint.posted) == 1
    assert bench.reasons() == ["endpoint-gone", "endpoint-disabled", "endpoint-disabled"]
    assert bench.written[1].value == status().to_bytes()
    bench.endpoint.outcome = 200
    moved = TRUNK.model_copy(update={"callback_url": "https://customer.example/new"})
    bench.view.directory.apply(key_of(moved), moved.to_bytes())
    await bench.take(STATUS, status().to_bytes())
    assert [url for url, _, _ in bench.endpoint.posted[1:]] == ["https://customer.example/new"]


async def test_what_the_directory_says_is_disabled_gets_nothing_until_it_is_enabled() -> None:
    """Also what was queued before."""
    bench = Bench(200)
    disabled = TRUNK.model_copy(update={"callback_disabled_at": NOW})
    await bench.take(
        STATUS, status().to_bytes(), lambda: bench.view.directory.apply(key_of(disabled), disabled.to_bytes())
    )
    await bench.take(STATUS, status().to_bytes())
    assert (bench.endpoint.posted, bench.reasons()) == ([], ["endpoint-disabled"] * 2)
    bench.view.directory.apply(key_of(TRUNK), TRUNK.to_bytes())
    await bench.take(STATUS, status().to_bytes())
    assert len(bench.endpoint.posted) == 1


async def test_a_notification_too_large_to_wait_is_a_dead_letter() -> None:
    """A record that fits can become one that does not; it must not end the agent again and again."""
    bench = Bench(500)
    large = status(reason="x" * (1_048_576 - 600))
    await bench.take(STATUS, large.to_bytes())
    assert bench.reasons() == ["schema-violation"]
    assert bench.written[0].value == large.to_bytes()


async def test_an_error_of_ours_over_one_notification_ends_that_one() -> None:
    """A dead letter with the error's type and place; the agent goes on with the next."""
    bench = Bench(ZeroDivisionError())
    await bench.take(TIER, waiting(2))
    bench.endpoint.outcome = 200
    await bench.take(STATUS, status().to_bytes())
    assert len(bench.endpoint.posted) == 2
    [record] = [it for it in bench.written if it.topic.endswith("dead-letter")]
    origin = DeadLetterSource.from_headers(record.headers)
    assert (record.value, origin.reason) == (waiting(2), "internal-error")
    assert origin.detail.startswith("an error of ours: ZeroDivisionError in post")
