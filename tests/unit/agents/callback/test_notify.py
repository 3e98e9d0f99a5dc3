"""One attempt to notify, with a scripted endpoint and a broker that only remembers."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from agents.callback.attempts import readable
from agents.callback.line_up import Notification, entry_of, read
from pipeline.directory.callback_secrets import CallbackSealer, with_secrets
from pipeline.directory.key_file import SealingKey
from pipeline.directory.model import Directory
from pipeline.errors import AddressNotAllowed, InDoubt, NotSent
from pipeline.http.client import Answer
from pipeline.http.url import origin_of
from pipeline.kafka.consuming.work import Work
from pipeline.posting.peers.breaker import LONGEST_ASKED_SECONDS, TRIP_AFTER
from pipeline.tracing.spans import MESSAGE_ID as MESSAGE_ID_ATTRIBUTE
from pipeline.tracing.spans import STATUS_CODE, Tracing
from schemas.directory.callback_options import CallbackEvent, CallbackOptions
from schemas.directory.entry import key_of
from schemas.directory.trunk import CallbackSecret, Trunk
from schemas.headers.dead_letter import DeadLetterSource
from schemas.headers.trace import TraceContext
from schemas.messages.callback import AttemptOutcome, CallbackAttempt, CallbackVia, WaitingNotification
from schemas.messages.status import MessageStatus, StatusStage
from schemas.record import InRecord
from schemas.topics import STATUS
from tests.fakes.certificates import Authority
from tests.fakes.directory_view import DirectoryViewInMemory
from tests.fakes.tracer import TracerInMemory
from tests.unit.agents.callback.bench import (
    BEGAN,
    MESSAGE_ID,
    NOW,
    SCHEDULE,
    SEALER,
    SECRET,
    TIER,
    TRUNK,
    TRUNK_ID,
    Bench,
    status,
    view_of,
    waiting,
)


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


# What the trunk wishes.


async def test_headers_of_the_trunk_go_with_each_post() -> None:
    """Beside ours."""
    bench = Bench(view=view_of(TRUNK.model_copy(update={"callbacks": CallbackOptions(headers={"X-Env": "test"})})))
    await bench.take(STATUS, status().to_bytes())
    [(_, headers, body)] = bench.endpoint.posted
    assert headers["X-Env"] == "test"
    assert Webhook(SECRET).verify(body, headers)["data"]["id"] == MESSAGE_ID


async def test_credentials_and_certificates_of_the_trunk_go_with_each_post() -> None:
    """And the signature stays what it is."""
    wanted = CallbackOptions(ca=Authority().pem)
    shown = TRUNK.model_copy(update={"callbacks": with_secrets(TRUNK_ID, wanted, {"token": "abc"}, SEALER)})
    bench = Bench(view=view_of(shown))
    await bench.take(STATUS, status().to_bytes())
    await bench.take(TIER, waiting(2))
    for _, headers, body in bench.endpoint.posted:
        assert headers["authorization"] == "Bearer abc"
        assert Webhook(SECRET).verify(body, headers)["data"]["id"] == MESSAGE_ID
    first, second = bench.endpoint.tls
    assert first is second is not None


async def test_without_its_credentials_nothing_is_posted() -> None:
    """As without its signature: what is sealed with a key that we lack can be put right while notifications wait."""
    options = CallbackOptions(secrets=(CallbackSealer([SealingKey("gone", b"g" * 32)]).seal(TRUNK_ID, "token", "x"),))
    bench = Bench(view=view_of(TRUNK.model_copy(update={"callbacks": options})))
    await bench.take(STATUS, status().to_bytes())
    assert (bench.endpoint.posted, [it.attempt for it in bench.waiting()]) == ([], [2])
    [event] = bench.failures
    assert "credentials of callbacks cannot be used" in (event.error or "")
    assert bench.peer.breaker.closed
    assert await bench.notifier.reach(TRUNK_ID)


BACKUP = "https://backup.example/hook?token=private"


def with_failover(**options: Any) -> Trunk:
    return TRUNK.model_copy(update={"callbacks": CallbackOptions(failover_url=BACKUP, **options)})


async def test_after_its_failed_attempts_a_notification_goes_to_the_failover() -> None:
    """Signed and shown as ever; the event says which address it was, and no answer there is about the other one."""
    bench = Bench(500, view_of(with_failover(failover_after=1, headers={"X-A": "1"})))
    await bench.take(STATUS, status().to_bytes())
    await bench.take(TIER, waiting(2))
    (first, _, _), (second, headers, body) = bench.endpoint.posted
    assert (first, second) == (TRUNK.callback_url, BACKUP)
    assert headers["X-A"] == "1"
    assert Webhook(SECRET).verify(body, headers)["data"]["id"] == MESSAGE_ID
    assert [(it.endpoint, it.via) for it in bench.failures] == [
        ("https://customer.example", None), ("https://backup.example", CallbackVia.FAILOVER),
    ]  # fmt: skip
    assert set(bench.peers) == {TRUNK_ID, f"{TRUNK_ID}/failover"}


async def test_a_failover_that_is_gone_disables_nothing() -> None:
    """Its 410 is a failed attempt: the trunk's own endpoint has not said so."""
    bench = Bench(410, view_of(with_failover(failover_after=1)))
    await bench.take(TIER, waiting(2))
    [event] = bench.failures
    assert (event.outcome, event.status_code, event.via) == (AttemptOutcome.FAILED, 410, CallbackVia.FAILOVER)
    assert [it.attempt for it in bench.waiting()] == [3]
    bench.endpoint.outcome = 200
    await bench.take(STATUS, status().to_bytes())
    assert bench.endpoint.posted[-1][0] == TRUNK.callback_url
    assert len(bench.successes.events) == 1


OWN_URL = "https://tenant.example/hook?token=private"


@pytest.mark.parametrize("configured", [{}, {"callback_url": None}, {"callback_disabled_at": NOW}, {"deleted_at": NOW}])
async def test_a_message_may_say_where_it_is_told(configured: dict[str, Any]) -> None:
    """Whatever is with the trunk's own endpoint; signed with the trunk's secret, and without its headers."""
    headers = CallbackOptions(headers={"X-Api-Key": "private"})
    bench = Bench(view=view_of(TRUNK.model_copy(update={"callbacks": headers, **configured})))
    await bench.take(STATUS, status(callback_url=OWN_URL).to_bytes())
    [(url, sent, body)] = bench.endpoint.posted
    assert url == OWN_URL
    assert "X-Api-Key" not in sent
    assert Webhook(SECRET).verify(body, sent)["data"]["id"] == MESSAGE_ID
    [event] = bench.successes.events
    assert (event.endpoint, event.via) == ("https://tenant.example", CallbackVia.MESSAGE)
    assert bench.peer.name != TRUNK_ID


@pytest.mark.parametrize("outcome", [500, NotSent("refused")])
async def test_what_fails_at_a_messages_url_says_nothing_of_the_trunks_endpoint(outcome: int | Exception) -> None:
    """It waits and is tried there again, while the trunk's own endpoint is posted to as ever."""
    bench = Bench(outcome)
    for _ in range(2 * TRIP_AFTER):
        await bench.take(STATUS, status(callback_url=OWN_URL).to_bytes())
    assert not bench.peer.breaker.closed
    assert bench.peers[TRUNK_ID].breaker.closed
    assert {it.status.callback_url for it in bench.waiting()} == {OWN_URL}


async def test_a_messages_url_that_is_gone_ends_that_message_alone() -> None:
    """Its 410 disables nothing."""
    bench = Bench(410)
    await bench.take(STATUS, status(callback_url=OWN_URL).to_bytes())
    [event] = bench.failures
    assert (event.outcome, event.via, bench.reasons()) == (
        AttemptOutcome.FAILED,
        CallbackVia.MESSAGE,
        ["endpoint-gone"],
    )
    bench.endpoint.outcome = 200
    await bench.take(STATUS, status().to_bytes())
    assert bench.endpoint.posted[-1][0] == TRUNK.callback_url


async def test_where_a_failover_is_reached() -> None:
    """At its own address; a peer that is not there any more is found by what waits for it."""
    bench = Bench(view=view_of(with_failover()))
    assert await bench.notifier.reach(f"{TRUNK_ID}/failover")
    assert await bench.notifier.reach(TRUNK_ID)
    assert bench.endpoint.reached == [BACKUP, TRUNK.callback_url]
    bench = Bench()
    assert await bench.notifier.reach(f"{TRUNK_ID}/failover")
    assert bench.endpoint.reached == []


@pytest.mark.parametrize("changed_meanwhile", [False, True])
async def test_what_is_not_chosen_leaves_an_event_and_no_attempt(changed_meanwhile: bool) -> None:
    """Whether the trunk had chosen otherwise when the notification lined up; nothing is posted and nothing waits."""
    options = CallbackOptions(events=(CallbackEvent.NOT_SENT,))
    choosy = TRUNK.model_copy(update={"callbacks": options})
    bench = Bench(view=view_of(TRUNK if changed_meanwhile else choosy))
    await bench.take(
        STATUS, status().to_bytes(), lambda: bench.view.directory.apply(key_of(choosy), choosy.to_bytes())
    )  # fmt: skip
    [event] = bench.successes.events
    assert (event.outcome, event.webhook_id, event.endpoint, event.status_code, event.milliseconds) == (
        AttemptOutcome.FILTERED, f"{MESSAGE_ID}.processing", "https://customer.example", None, 0,
    )  # fmt: skip
    assert (bench.endpoint.posted, bench.written, bench.failures) == ([], [], [])
    await bench.take(STATUS, status(status="Failed").to_bytes())
    assert len(bench.endpoint.posted) == 1


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
    assert entry_of(item, TRUNK, SCHEDULE).expires_ms == int(began.timestamp() * 1000) + 35_000
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


async def test_what_belongs_to_a_trace_goes_on_in_it() -> None:
    """The endpoint is told of the POST's span; the attempt that follows a failure has the record's own parent again."""
    context, tracer = TraceContext("a" * 32, "b" * 16, sampled=True, state="v=1"), TracerInMemory()
    bench = Bench(503, tracing=Tracing(tracer))
    await bench.take(STATUS, status().to_bytes(), headers=context.headers())
    [span] = tracer.spans
    [(_, headers, _)] = bench.endpoint.posted
    assert (headers["traceparent"], headers["tracestate"]) == (f"00-{'a' * 32}-{1:016x}-01", "v=1")
    assert (span.parent, span.ended, span.error) == (context, True, "not taken")
    assert span.attributes == {
        MESSAGE_ID_ATTRIBUTE: MESSAGE_ID, "smsout.stage": "processing", "smsout.attempt": 1, STATUS_CODE: 503,
    }  # fmt: skip
    [record] = bench.written
    assert record.headers == context.headers()


async def test_a_post_that_brings_no_answer_ends_its_span_too() -> None:
    """And whoever exports nothing passes on what came."""
    context, tracer = TraceContext("a" * 32, "b" * 16, sampled=False), TracerInMemory()
    bench = Bench(InDoubt("timed out"), tracing=Tracing(tracer))
    await bench.take(STATUS, status().to_bytes(), headers=context.headers())
    assert [(it.ended, it.error) for it in tracer.spans] == [(True, "InDoubt")]
    untraced = Bench()
    await untraced.take(STATUS, status().to_bytes(), headers=context.headers())
    [(_, headers, _)] = untraced.endpoint.posted
    assert headers["traceparent"] == context.traceparent
