"""The directory on real brokers: one writer at a time, all or nothing, and seen by everybody within a second."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from agents.exit_codes import EXIT_CONFIGURATION
from agents.memory import collect_seldom
from pipeline.directory.credentials import PasswordSealer, verify
from pipeline.directory.rules.changes import Change, Removal
from pipeline.errors import BrokerUnreachable, ConfigurationError, DirectoryFenced, NotAcknowledged, RuleViolated
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.directory import transactions
from pipeline.kafka.directory.apply import apply_file, export_text
from pipeline.kafka.directory.writer import DirectoryWriter
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.directory.account import Account, Did
from schemas.directory.entry import KINDS, key_of
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from schemas.topics import DIRECTORY
from tests.brokers import RunningBroker, running_broker
from tests.builders import LATER, PEPPER, account, contents, credential, did, trunk
from tests.integration.agent_process import agent_process

pytestmark = pytest.mark.kafka

REPOSITORY = Path(__file__).resolve().parents[2]

KILLED_WRITER = """
import asyncio, sys
from pipeline.kafka.directory.writer import DirectoryWriter
from pipeline.settings import KafkaSettings
from schemas.directory.account import Account, Did

async def main():
    writer = await DirectoryWriter(KafkaSettings(bootstrap_servers=sys.argv[1])).start()
    dids = [Did(number=f"1213{n}", account_id=sys.argv[2]) for n in range(5550000, 5553000)]
    await writer.write(Account(id=sys.argv[2], name="killed"), *dids)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """A broker for this module alone: there is one directory on it."""
    with running_broker(tmp_path_factory.mktemp("directory")) as running:
        settings = KafkaSettings(bootstrap_servers=running.bootstrap_servers)
        retry = RetrySettings(callback_delays_seconds=(5,), mt_delays_seconds=(5,))
        asyncio.run(topic_admin.apply(settings, TopicSettings(partitions=1), retry))
        yield running


@pytest.fixture
def kafka_settings(broker: RunningBroker) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=broker.bootstrap_servers)


@asynccontextmanager
async def writing(kafka: KafkaSettings) -> AsyncIterator[DirectoryWriter]:
    writer = await DirectoryWriter(kafka).start()
    try:
        yield writer
    finally:
        await writer.stop()


@asynccontextmanager
async def viewing(kafka: KafkaSettings) -> AsyncIterator[DirectoryView]:
    view = await DirectoryView(kafka, client_id="test").start()
    following = asyncio.create_task(view.follow())
    try:
        yield view
    finally:
        following.cancel()
        await view.stop()


async def clear(kafka: KafkaSettings) -> None:
    """Delete everything, as the rules ask: trunks leave service first."""
    async with writing(kafka) as writer:
        trunks = list(writer.directory.entries(Trunk))
        await writer.write(*(entry.model_copy(update={"deleted_at": LATER}) for entry in trunks))
        await writer.write(
            *(
                Removal(kind, getattr(entry, "number" if kind is Did else "id"))
                for kind in KINDS.values()
                for entry in writer.directory.entries(kind)  # type: ignore[type-var]
            )
        )
        assert contents(writer.directory) == {}


def new_account(**values: object) -> Account:
    return account(1, **({"id": uuid7(), "name": "new"} | values))


async def test_a_write_is_in_the_writers_own_view_when_it_returns(kafka_settings: KafkaSettings) -> None:
    """Created, changed, several at once and deleted: each is seen at once, with nothing waited for."""
    async with writing(kafka_settings) as writer:
        first = new_account()
        await writer.write(first)
        assert writer.directory.account(first.id) == first
        for turn in range(20):
            changed = first.model_copy(update={"name": f"name {turn}"})
            await writer.write(changed)
            assert writer.directory.account(first.id) == changed
        number = did(account_id=first.id)
        await writer.write(number, first.model_copy(update={"blocked": True}))
        assert writer.directory.did(number.number) == number
        await writer.write(Removal(Did, number.number), Removal(Account, first.id))
        assert writer.directory.account(first.id) is None
        assert writer.directory.did(number.number) is None


async def test_writes_at_the_same_time_go_one_after_the_other(kafka_settings: KafkaSettings) -> None:
    """Of many trunks that want one name at once exactly one gets it."""
    async with writing(kafka_settings) as writer:
        owner = new_account()
        await writer.write(owner)
        rivals = [
            trunk(1, id=uuid7(), account_id=owner.id, name="same", credentials=(credential(f"rival-{number:03d}"),))
            for number in range(10)
        ]
        results = await asyncio.gather(*(writer.write(rival) for rival in rivals), return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["NoneType"] + ["RuleViolated"] * 9
        assert len([entry for entry in writer.directory.entries(Trunk) if entry.account_id == owner.id]) == 1


async def test_a_change_is_seen_everywhere_within_a_second(kafka_settings: KafkaSettings) -> None:
    """Another view shows 20 changes each less than a second after its write was begun, whatever the machine does else.

    One may be later: other tests may have both cores for that long.
    """
    async with writing(kafka_settings) as writer, viewing(kafka_settings) as view:
        entry = new_account()
        took: list[float] = []
        for number in range(20):
            entry = entry.model_copy(update={"name": f"name {number}"})
            began = time.monotonic()
            await writer.write(entry)
            while view.directory.account(entry.id) != entry:
                await asyncio.sleep(0.001)
                assert time.monotonic() - began < 10
            took.append(time.monotonic() - began)
        assert sorted(took)[-2] < 1.0


async def test_what_breaks_a_rule_is_not_written_and_nothing_with_it(kafka_settings: KafkaSettings) -> None:
    """The sound part of a set stays out too."""
    async with writing(kafka_settings) as writer:
        version = writer.directory.version
        sound = new_account()
        with pytest.raises(RuleViolated):
            await writer.write(sound, trunk(1, id=uuid7(), account_id=sound.id, callback_url="nonsense"))
        await writer.write()
    async with viewing(kafka_settings) as view:
        assert view.directory.account(sound.id) is None
        assert version >= 0


async def test_what_changes_nothing_is_not_written(kafka_settings: KafkaSettings) -> None:
    """The topic does not grow when the same is written again, or what is not there is deleted."""
    async with writing(kafka_settings) as writer:
        entry = new_account()
        await writer.write(entry)
        version = writer.directory.version
        await writer.write(entry, Removal(Account, uuid7()))
        assert writer.directory.version == version


async def test_a_second_writer_takes_the_place_of_the_first(kafka_settings: KafkaSettings) -> None:
    """The first one's next write says who has taken over, and leaves nothing behind; the second goes on."""
    async with writing(kafka_settings) as first:
        entry = new_account()
        await first.write(entry)
        async with writing(kafka_settings) as second:
            with pytest.raises(DirectoryFenced, match=f"process {os.getpid()} on "):
                await first.write(entry.model_copy(update={"name": "too late"}))
            await second.write(entry.model_copy(update={"name": "in time"}))
        async with viewing(kafka_settings) as view:
            held = view.directory.account(entry.id)
            assert held is not None
            assert held.name == "in time"


async def test_the_broker_fences_a_writer_that_has_not_noticed(
    kafka_settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without our own look at the claim it is the transaction that fails, again with nothing left behind."""
    async with writing(kafka_settings) as first, writing(kafka_settings) as second:
        monkeypatch.setattr(first, "_must_be_ours", lambda: None)
        entry = new_account()
        with pytest.raises(DirectoryFenced):
            await first.write(entry)
        assert second.directory.account(entry.id) is None
        await second.write(entry)


@pytest.mark.parametrize(
    ("failpoint", "written"), [("directory.after_append", False), ("directory.after_commit", True)]
)
async def test_a_killed_writer_leaves_all_or_nothing(
    kafka_settings: KafkaSettings, failpoint: str, written: bool
) -> None:
    """SIGKILL inside a transaction of 3,001 records: nobody sees any of them. After the commit: all of them."""
    identity = uuid7()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED_WRITER, kafka_settings.bootstrap_servers, identity,
        # The first transaction is the writer's announcement, the second the one that counts.
        env=os.environ | {"SMSOUT_FAILPOINT": f"{failpoint}:2", "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL

    async def seen() -> tuple[bool, int]:
        async with viewing(kafka_settings) as view:
            owned = [entry for entry in view.directory.entries(Did) if entry.account_id == identity]
            return view.directory.account(identity) is not None, len(owned)

    everything = (True, 3000) if written else (False, 0)
    assert await seen() == everything  # while the dead writer's transaction is still open
    async with writing(kafka_settings) as writer:
        assert (writer.directory.account(identity) is not None) == written
        await writer.write(*(Removal(Did, entry.number) for entry in writer.directory.entries(Did)))
        everything = (written, 0)
    assert await seen() == everything


async def test_an_error_in_doubt_is_settled_by_writing_again(
    kafka_settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker's confirmation is lost: the writer says so, and its next write starts with a new producer."""
    async with writing(kafka_settings) as writer:
        entry = new_account()
        before = writer._producer
        assert before is not None

        async def lost() -> None:
            await asyncio.sleep(60)

        monkeypatch.setattr(before, "commit_transaction", lost)
        monkeypatch.setattr(transactions, "WRITE_TIMEOUT_SECONDS", 1.0)
        with pytest.raises(NotAcknowledged):
            await writer.write(entry)
        monkeypatch.undo()
        await writer.write(entry)
        assert writer._producer is not before
        assert writer.directory.account(entry.id) == entry


async def test_a_cancelled_write_does_not_break_the_next(kafka_settings: KafkaSettings) -> None:
    """Whoever gives up waiting leaves the writer able to work."""
    async with writing(kafka_settings) as writer:
        entry = new_account()
        task = asyncio.create_task(writer.write(entry))
        await asyncio.sleep(0.004)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        changed = entry.model_copy(update={"name": "after"})
        await writer.write(changed)
        assert writer.directory.account(entry.id) == changed


async def test_a_view_survives_what_it_cannot_read(kafka_settings: KafkaSettings) -> None:
    """Bytes of another program, unknown kinds and broken entries: the rest is there, and the writer goes on."""
    entry = new_account()
    async with writing(kafka_settings) as writer:
        await writer.write(entry)
    producer = AIOKafkaProducer(bootstrap_servers=kafka_settings.bootstrap_servers)
    await producer.start()
    try:
        for key, value in (
            (b"account:" + entry.id.encode(), b"{"),
            (b"account:" + entry.id.encode(), b'{"schema_version":"9"}'),
            (b"unknown:1", b"x"),
            (b"\xff", b"\xff"),
            (b"writer:current", b"{"),
        ):
            await producer.send_and_wait(DIRECTORY, value, key=key)
    finally:
        await producer.stop()
    async with writing(kafka_settings) as writer, viewing(kafka_settings) as view:
        assert view.directory.account(entry.id) == entry
        changed = entry.model_copy(update={"name": "changed"})
        await writer.write(changed)
        assert writer.directory.account(entry.id) == changed


async def test_a_directory_of_a_later_version_is_refused_at_a_start(kafka_settings: KafkaSettings) -> None:
    """A view that runs keeps what it knew; no reader and no writer begins before that entry can be read again."""
    entry = new_account()
    async with writing(kafka_settings) as writer:
        await writer.write(entry)
    later = entry.to_bytes().replace(b'"schema_version":1', b'"schema_version":2')
    async with AIOKafkaProducer(bootstrap_servers=kafka_settings.bootstrap_servers) as producer:
        async with viewing(kafka_settings) as view:
            await producer.send_and_wait(DIRECTORY, later, key=key_of(entry))
            await view.catch_up()
            assert view.directory.account(entry.id) == entry
        words = f"1 entries of sms.directory are of a later version of smsout, account:{entry.id} among them"
        with pytest.raises(ConfigurationError, match=words):
            await DirectoryView(kafka_settings, client_id="older").start()
        with pytest.raises(ConfigurationError, match="nothing was changed"):
            await DirectoryWriter(kafka_settings).start(take_over=True)
        await producer.send_and_wait(DIRECTORY, entry.to_bytes(), key=key_of(entry))
    async with viewing(kafka_settings) as view:
        assert view.directory.account(entry.id) == entry


async def test_deleted_trunks_stay_until_they_are_purged(kafka_settings: KafkaSettings) -> None:
    """A deleted trunk keeps its callback URL for its messages in flight, but nobody gets in with its username."""
    async with writing(kafka_settings) as writer:
        owner = new_account()
        username = f"deleted-{owner.id}"
        entry = trunk(1, id=uuid7(), account_id=owner.id, credentials=(credential(username),))
        await writer.write(owner, entry)
        now = datetime.now(UTC)
        await writer.write(entry.model_copy(update={"deleted_at": now}))
        held = writer.directory.trunk(entry.id)
        assert held is not None
        assert held.callback_url == entry.callback_url
        assert writer.directory.trunk_by_username(username) is None
        day = timedelta(days=1)
        assert await writer.purge(30 * day, now + 29 * day) == 0
        assert await writer.purge(30 * day, now + 31 * day) >= 1
        assert writer.directory.trunk(entry.id) is None


async def test_a_file_goes_in_and_an_export_restores_it(kafka_settings: KafkaSettings, tmp_path: Path) -> None:
    """Hand-written file, export, empty installation, import: equal, and the password still opens."""
    await clear(kafka_settings)
    sealer = PasswordSealer.from_file(tmp_path / "keys")
    file = tmp_path / "directory.yaml"
    file.write_text(
        "accounts:\n  - name: Demo\n    dids: [{number: 12125551234, p2p_enabled: true}]\n"
        "    trunks: [{name: Main, callback_url: https://example.com/callback}]\n"
        "carriers: [{name: Practice, url: http://127.0.0.1:9000/}]\nroutes: [{carrier: Practice}]\n"
    )
    dry = await apply_file(file, kafka_settings, PEPPER, sealer, dry_run=True)
    report = await apply_file(file, kafka_settings, PEPPER, sealer)
    again = await apply_file(file, kafka_settings, PEPPER, sealer, prune=True)
    ((made, account_name, password),) = report.issued
    assert (account_name, made.name) == ("Demo", "Main")
    assert (dry.summary, dry.issued) == (report.summary, ())
    assert (again.summary, again.issued) == ((), ())
    async with viewing(kafka_settings) as view:
        original = contents(view.directory)
        held = view.directory.trunk_by_username(made.credentials[0].username)
        assert held is not None
        assert verify(held.credentials[0], held.id, password, PEPPER)
        assert sealer.open(held.id, held.credentials[0]) == password
    file.write_text(await export_text(kafka_settings))
    await clear(kafka_settings)
    restored = await apply_file(file, kafka_settings, PEPPER, sealer)
    assert restored.issued == ()
    async with viewing(kafka_settings) as view:
        assert contents(view.directory) == original


@pytest.fixture
def _collector_of_an_agent() -> Iterator[None]:
    """The garbage of a process that has run thousands of tests is no agent's: to look through it takes seconds."""
    usual = gc.get_threshold()
    collect_seldom()
    yield
    gc.set_threshold(*usual)
    gc.unfreeze()


@pytest.mark.usefixtures("_collector_of_an_agent")
async def test_ten_thousand_trunks_and_a_hundred_thousand_numbers(kafka_settings: KafkaSettings) -> None:
    """Written in one transaction each, read by a fresh view in less than ten seconds, with the loop kept alive.

    How long others had to wait for the loop is told by what this thread has computed meanwhile: another's turn on the
    processor is not the view's.
    """
    await clear(kafka_settings)
    owner = new_account()
    changes: list[Change] = [owner]
    changes += [did(f"1212{number}", account_id=owner.id) for number in range(2_000_000, 2_100_000)]
    trunks = [
        trunk(1, id=uuid7(), account_id=owner.id, name=f"trunk {n}", credentials=(credential(f"username-{n:05d}"),))
        for n in range(10_000)
    ]
    async with writing(kafka_settings) as writer:
        await writer.write(*changes)
        await writer.write(*trunks)
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.thread_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.thread_time() - began)

    watching = asyncio.create_task(watch())
    began = time.monotonic()
    async with viewing(kafka_settings) as view:
        took = time.monotonic() - began
        assert len(list(view.directory.entries(Did))) == 100_000
        assert len(list(view.directory.entries(Trunk))) == 10_000
    watching.cancel()
    print(f"read in {took:.2f} s, the event loop was taken for at most {longest * 1000:.0f} ms")
    assert took < 10
    assert longest < 0.3
    await clear(kafka_settings)


async def test_a_missing_topic_is_told_with_its_remedy(tmp_path: Path) -> None:
    """Nobody answers, or the topic is not there: one clear line."""
    nobody = KafkaSettings(bootstrap_servers="127.0.0.1:1", connect_timeout_seconds=0.5)
    with pytest.raises(BrokerUnreachable, match="SMSOUT_KAFKA_BOOTSTRAP_SERVERS"):
        await DirectoryWriter(nobody).start()
    with running_broker(tmp_path) as empty:
        writer = DirectoryWriter(KafkaSettings(bootstrap_servers=empty.bootstrap_servers))
        with pytest.raises(BrokerUnreachable, match="smsout topics apply"):
            await writer.start()


async def test_an_older_agent_does_not_start_on_a_later_versions_directory(
    kafka_settings: KafkaSettings, tmp_path: Path
) -> None:
    """It is a setting that cannot work, in words; with the entry as it was it starts."""
    entry = new_account()
    environment = {"SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka_settings.bootstrap_servers}
    async with AIOKafkaProducer(bootstrap_servers=kafka_settings.bootstrap_servers) as producer:
        later = entry.to_bytes().replace(b'"schema_version":1', b'"schema_version":2')
        await producer.send_and_wait(DIRECTORY, later, key=key_of(entry))
        async with agent_process("callback", tmp_path / "older.log", environment) as agent:
            assert await agent.ended() == EXIT_CONFIGURATION
            assert "are of a later version of smsout" in agent.log.read_text()
        await producer.send_and_wait(DIRECTORY, entry.to_bytes(), key=key_of(entry))
    async with agent_process("callback", tmp_path / "again.log", environment) as agent:
        await agent.until_ready()
        assert await agent.stop() == 0
