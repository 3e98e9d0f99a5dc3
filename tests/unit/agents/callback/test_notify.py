"""One attempt to notify, with a scripted endpoint and a broker that only remembers."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from standardwebhooks import Webhook

from agents.callback.notify import Notifier
from agents.callback.read import Notification, Unreadable, endpoint_of, read
from pipeline.directory import Directory
from pipeline.errors import AddressNotAllowed, InDoubt, NotSent
from pipeline.http_poster import Answer, HttpPoster
from pipeline.kafka.ack_tracker import AckTracker
from pipeline.kafka.consumer import Work
from pipeline.kafka.directory_view import DirectoryView
from pipeline.kafka.producer import OutRecord
from schemas.callback import WaitingNotification
from schemas.dead_letter import DeadLetterOrigin
from schemas.directory import CallbackSecret, PasswordVerifier, Trunk, key_of
from schemas.status import MessageStatus, StatusStage
from schemas.topics import STATUS

NOW = datetime.now(UTC)
MESSAGE_ID = "0190f0c0-0000-7000-8000-000000000001"
TRUNK_ID = "0190f0c0-0000-7000-8000-000000000002"
SECRET = "whsec_" + b64encode(b"s" * 32).decode()
TRUNK = Trunk(
    id=TRUNK_ID,
    account_id=TRUNK_ID,
    name="one",
    callback_url="https://customer.example/hook?token=private",
    credentials=(PasswordVerifier(username="username", version=1, hmac="0" * 64, sealed="", key_id=""),),
    callback_secrets=(CallbackSecret(secret=SECRET),),
    created_at=NOW,
)
TIER = "sms.callback.retry.5s"


def status(**changes: Any) -> MessageStatus:
    values: dict[str, Any] = {
        "message_id": MESSAGE_ID, "trunk_id": TRUNK_ID, "stage": StatusStage.PROCESSING, "status": "Success",
        "source": "12125551234", "destination": "15551234567", "accepted_at": NOW, "ended_at": NOW,
    }  # fmt: skip
    return MessageStatus(**values | changes)


def waiting(attempt: int) -> bytes:
    return WaitingNotification(
        status=status(), attempt=attempt, first_attempt_at=NOW - timedelta(hours=1), due_at=NOW, last_error="x"
    ).to_bytes()  # fmt: skip


class Endpoint:
    """Stands for the HTTP client: answers as told and keeps what was posted."""

    def __init__(self, outcome: int | Exception) -> None:
        self.outcome = outcome
        self.posted: list[tuple[str, dict[str, str], bytes]] = []

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.posted.append((url, dict(headers), body))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return Answer(self.outcome, b"", None)


class View:
    """Stands for the directory's follower; `behind` is what it has not read yet."""

    def __init__(self, trunk: Trunk | None, behind: Trunk | None = None) -> None:
        self.directory = Directory()
        self.looks = 0
        self._behind = behind
        if trunk is not None:
            self.directory.apply(key_of(trunk), trunk.to_bytes())

    async def catch_up(self) -> None:
        self.looks += 1
        if self._behind is not None:
            self.directory.apply(key_of(self._behind), self._behind.to_bytes())


class Bench:
    """A `Notifier` with everything around it."""

    def __init__(self, outcome: int | Exception = 200, view: View | None = None) -> None:
        self.endpoint = Endpoint(outcome)
        self.view = view or View(TRUNK)
        self.written: list[OutRecord] = []
        self.tracker = AckTracker()
        self._offset = 0

        self.notifier = Notifier(cast("DirectoryView", self.view), cast("HttpPoster", self.endpoint), (5, 30))

    async def take(self, topic: str, value: bytes | None) -> None:
        """Have one record worked on; it must be finished afterwards."""
        self.tracker.hand_out(self._offset)
        timestamp_ms = int(datetime.now(UTC).timestamp() * 1000)
        await self.notifier(
            read(Work(topic, 3, self._offset, timestamp_ms, b"key", value, (), self.tracker))
        )  # fmt: skip
        self._offset += 1
        assert self.tracker.position == self._offset
        self.written += self.tracker.take_following(self._offset)


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
        (410, "status 410"),
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
    assert found.first_attempt_at == NOW - timedelta(hours=1)


async def test_after_the_last_tier_it_is_a_dead_letter() -> None:
    """With the bytes of the record that it was, and the last error."""
    bench = Bench(500)
    await bench.take(TIER, waiting(3))
    [record] = bench.written
    assert (record.topic, record.key, record.value) == ("sms.callback.retry.dead-letter", b"key", waiting(3))
    origin = DeadLetterOrigin.from_headers(record.headers)
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
    assert DeadLetterOrigin.from_headers(record.headers).reason == "schema-violation"


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
    bench = Bench(view=View(trunk))
    await bench.take(STATUS, record.to_bytes())
    assert len(bench.endpoint.posted) == posts
    assert bench.written == []


async def test_a_trunk_that_is_newer_than_our_directory_is_looked_up() -> None:
    """A message can be faster than the record of its trunk; its notification must not be lost for that."""
    bench = Bench(view=View(None, behind=TRUNK))
    await bench.take(STATUS, status().to_bytes())
    assert len(bench.endpoint.posted) == 1


async def test_trunks_that_do_not_exist_do_not_cost_a_look_each() -> None:
    """Records older than the last look need no new one."""
    bench = Bench(view=View(None))
    value = status().to_bytes()
    bench.tracker.hand_out(0)
    old = Work(STATUS, 0, 0, 1, b"key", value, (), bench.tracker)
    await bench.take(STATUS, value)
    looks = bench.view.looks
    bench.tracker.hand_out(1)
    await bench.notifier(read(old._replace(offset=1)))
    assert (looks, bench.view.looks) == (1, 1)


async def test_the_endpoint_is_read_at_each_attempt() -> None:
    """A notification that waited goes to where the trunk points now, signed with what it has now."""
    bench = Bench()
    secret = CallbackSecret(secret="whsec_" + b64encode(b"n" * 32).decode())
    moved = TRUNK.model_copy(update={"callback_url": "https://new.example/", "callback_secrets": (secret,)})
    item = read(Work(TIER, 0, 0, 0, b"key", waiting(2), (), bench.tracker))
    bench.tracker.hand_out(0)
    bench.view.directory.apply(key_of(moved), moved.to_bytes())
    await bench.notifier(item)
    [(url, headers, body)] = bench.endpoint.posted
    assert url == "https://new.example/"
    Webhook(secret.secret).verify(body, headers)


async def test_a_secret_that_cannot_sign_is_a_failed_attempt() -> None:
    """It can be put right while the notification waits; an unsigned POST would be worse than none."""
    broken = TRUNK.model_copy(update={"callback_secrets": (CallbackSecret(secret="whsec_" + "A" * 33),)})
    bench = Bench(view=View(broken))
    await bench.take(STATUS, status().to_bytes())
    assert bench.endpoint.posted == []
    assert [record.topic for record in bench.written] == [TIER]


async def test_work_that_is_no_longer_ours_is_not_begun() -> None:
    """After a rebalance or a stop the queue's rest belongs to somebody else."""
    bench = Bench()
    bench.tracker.closed = True
    await bench.notifier(read(Work(STATUS, 0, 0, 0, b"key", status().to_bytes(), (), bench.tracker)))
    await bench.notifier(read(Work(STATUS, 0, 1, 0, b"key", b"", (), bench.tracker)))
    assert (bench.endpoint.posted, bench.written) == ([], [])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x?token=private", "https://a.example"),
        ("https://a.example:443/y", "https://a.example"),
        ("http://A.example:8080/", "http://a.example:8080"),
        ("nonsense", "invalid"),
        (None, "nobody"),
    ],
)
def test_endpoints_are_told_apart_by_origin(url: str | None, expected: str) -> None:
    """What may be slow or down together shares a share; path and query are not part of it, nor of any log."""
    directory = View(TRUNK.model_copy(update={"callback_url": url})).directory
    work = Work(STATUS, 0, 0, 0, b"key", status().to_bytes(), (), AckTracker())
    item = read(work)
    assert isinstance(item, Notification)
    assert endpoint_of(directory, item) == expected
    assert endpoint_of(directory, Unreadable(work, "")) == "unreadable"
