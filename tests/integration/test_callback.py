"""The callback agent as a process of its own, against a real Apache Kafka and a real receiver."""

import signal
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from agents.local.ports import free_port
from schemas.headers.dead_letter import DeadLetterSource
from schemas.identifiers import uuid7
from schemas.messages.callback import WaitingNotification
from schemas.messages.status import MessageStatus
from schemas.record import OutRecord
from schemas.topics import STATUS
from tests.fakes.receiver import Received, receiving
from tests.integration.agent_process import agent_process
from tests.integration.callback_site import (
    STATUS_DEAD_LETTERS,
    CallbackSite,
    callback_agent,
    new_status,
    new_trunk,
    until_received,
)
from tests.integration.patience import until

pytestmark = pytest.mark.kafka

TIERS_DEAD_LETTERS = "sms.callback.retry.dead-letter"


def webhook_ids(received: list[Received]) -> list[str]:
    return [one.headers["webhook-id"] for one in received]


async def test_notifications_go_out_signed_retried_and_end_visibly(site: CallbackSite, tmp_path: Path) -> None:
    """A good endpoint gets each once; a failing and a redirecting one run through the tiers into dead letters."""
    async with receiving() as receiver:
        good, bad, moved = [
            await site.add(new_trunk(receiver.url(path))) for path in ("/ok", "/fail", "/redirect")
        ]  # fmt: skip
        silent = await site.add(new_trunk(None))
        async with callback_agent(site, receiver, tmp_path / "log") as agent:
            statuses = [new_status(good) for _ in range(50)]
            failing, redirected = new_status(bad), new_status(moved)
            await site.end(failing, redirected, new_status(silent), *statuses)
            delivered = await until_received(receiver, "/ok", 50)
            attempts = await until_received(receiver, "/fail", 3)
            await until_received(receiver, "/redirect", 3)

            async def both_ended() -> bool:
                return await ended(failing) == 1 and await ended(redirected) == 1

            async def ended(status: MessageStatus) -> int:
                def wanted(origin: DeadLetterSource, value: bytes) -> bool:
                    return (
                        origin.reason == "callback-exhausted"
                        and WaitingNotification.from_bytes(value).status == status
                        and WaitingNotification.from_bytes(value).attempt == 3
                    )

                return len(await site.dead_letters(TIERS_DEAD_LETTERS, wanted))

            await until(both_ended)
            assert await agent.stop() == 0
    assert sorted(webhook_ids(delivered)) == sorted(status.webhook_id for status in statuses)
    for one in delivered:
        assert Webhook(good.callback_secrets[0].secret).verify(one.body, one.headers)["data"]["attributes"]
        assert one.headers["content-type"] == "application/vnd.api+json"
    assert webhook_ids(attempts) == [failing.webhook_id] * 3
    assert webhook_ids(receiver.of("/redirect")) == [redirected.webhook_id] * 3
    assert receiver.of("/ok/redirected") == []
    for one in attempts:
        Webhook(bad.callback_secrets[0].secret).verify(one.body, one.headers)
    first_wait, second_wait = attempts[1].at - attempts[0].at, attempts[2].at - attempts[1].at
    assert first_wait >= 0.9
    assert second_wait >= 1.9


async def test_an_address_inside_is_not_called(site: CallbackSite, tmp_path: Path) -> None:
    """A trunk may point anywhere; only what is allowed sees a connection. The endings are dead letters."""
    async with receiving() as receiver, receiving() as internal:
        trunks = [
            await site.add(new_trunk(f"http://{host}:{internal.port}/ok"))
            for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433")
        ]
        statuses = [new_status(trunk) for trunk in trunks]
        async with callback_agent(
            site,
            receiver,
            tmp_path / "log",
        ) as agent:
            await site.end(*statuses)

            def ours(origin: DeadLetterSource, value: bytes) -> bool:
                return (
                    "address-not-allowed" in origin.detail and WaitingNotification.from_bytes(value).status in statuses
                )

            async def all_ended() -> bool:
                return len(await site.dead_letters(TIERS_DEAD_LETTERS, ours)) == len(statuses)

            await until(all_ended)
            assert await agent.stop() == 0
    assert internal.received == []


async def test_an_endpoint_that_hangs_does_not_keep_another_waiting(site: CallbackSite, tmp_path: Path) -> None:
    """A hundred notifications hang; those of another endpoint, behind them, arrive at once."""
    async with receiving() as hanging, receiving() as receiver:
        slow = await site.add(new_trunk(hanging.url("/hang")))
        quick = await site.add(new_trunk(receiver.url("/ok")))
        allowed = f"127.0.0.1:{receiver.port},127.0.0.1:{hanging.port}"
        async with callback_agent(
            site, receiver, tmp_path / "log", SMSOUT_CALLBACK_ALLOWED_ADDRESSES=allowed, SMSOUT_CALLBACK_WORKERS="8"
        ) as agent:
            await site.end(*(new_status(slow) for _ in range(100)))
            await until_received(hanging, "/hang", 6)
            await site.end(*(new_status(quick) for _ in range(20)))
            await until_received(receiver, "/ok", 20)
            assert len(hanging.received) == 6
            hanging.let_go.set()
            await until_received(hanging, "/hang", 100)
            assert await agent.stop() == 0


@pytest.mark.parametrize("place", ["callback.after_post", "handoff.after_commit"])
async def test_a_kill_in_the_middle_loses_nothing(site: CallbackSite, tmp_path: Path, place: str) -> None:
    """Killed at the worst moment and started again, the agent goes on; the id tells a repeated POST."""
    async with receiving() as receiver:
        trunk = await site.add(new_trunk(receiver.url("/fail" if place == "handoff.after_commit" else "/ok")))
        status = new_status(trunk)
        async with callback_agent(site, receiver, tmp_path / "log", failpoint=f"{place}:1") as agent:
            await site.end(status)
            assert await agent.ended() == -signal.SIGKILL
        path = "/fail" if place == "handoff.after_commit" else "/ok"
        before = len(receiver.of(path))
        async with callback_agent(site, receiver, tmp_path / "log") as agent:
            await until_received(receiver, path, before + 1)
            assert await agent.stop() == 0
    assert set(webhook_ids(receiver.of(path))) == {status.webhook_id}


async def test_a_changed_schedule_is_in_force_after_a_restart(site: CallbackSite, tmp_path: Path) -> None:
    """New tiers are consumed and gone ones no trouble, although the broker remembers the member of this slot."""
    async with receiving() as receiver:
        trunk = await site.add(new_trunk(receiver.url("/fail")))
        async with callback_agent(site, receiver, tmp_path / "log") as agent:
            assert await agent.stop() == 0
        changed = {"SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS": "1,3"}
        async with callback_agent(site, receiver, tmp_path / "log", **changed) as agent:
            await site.end(new_status(trunk))
            attempts = await until_received(receiver, "/fail", 3)
            assert await agent.stop() == 0
    assert attempts[2].at - attempts[1].at >= 2.9


async def test_an_unreadable_record_is_kept_and_stops_nobody(site: CallbackSite, tmp_path: Path) -> None:
    """It becomes a dead letter with its bytes; the record behind it is notified."""
    junk = b'{"junk": "' + uuid7().encode() + b'"}'
    async with receiving() as receiver:
        trunk = await site.add(new_trunk(receiver.url("/ok")))
        async with callback_agent(site, receiver, tmp_path / "log") as agent:
            await site.producer.write([OutRecord(STATUS, b"key", junk)])
            await site.end(new_status(trunk))
            await until_received(receiver, "/ok", 1)

            async def kept() -> bool:
                def wanted(origin: DeadLetterSource, value: bytes) -> bool:
                    return value == junk and (origin.stage, origin.reason) == ("callback", "schema-violation")

                return await site.dead_letters(STATUS_DEAD_LETTERS, wanted) == [junk]

            await until(kept)
            assert await agent.stop() == 0


async def test_a_broker_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    """The process ends with the code for an unavailable service and names address and setting."""
    port = free_port()
    log = tmp_path / "log"
    settings = {
        "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
        "SMSOUT_KAFKA_CONNECT_TIMEOUT_SECONDS": "1",
    }
    async with agent_process("callback", log, settings) as agent:
        assert await agent.ended() == 69
    assert f"127.0.0.1:{port} (SMSOUT_KAFKA_BOOTSTRAP_SERVERS)" in log.read_text()
