"""The one writer of `sms.directory`: fenced, all or nothing, and what it has written it has read back.

A second writer takes the first one's place: it announces itself in the topic (the record `writer:current`, which
readers of configuration pass over), and the broker refuses the first one's next transaction.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final, Self

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced
from pydantic import ValidationError

from pipeline.directory.model import Directory
from pipeline.directory.rules.changes import Change, Removal, change_key
from pipeline.directory.rules.check import check
from pipeline.errors import BrokerError, BrokerUnreachable, DirectoryFenced, DirectoryInUse, NotAcknowledged
from pipeline.failpoints import failpoint
from pipeline.kafka.directory.liveness import is_alive_here
from pipeline.kafka.directory.transactions import STOP_TIMEOUT_SECONDS, Record, append, new_producer, stop_producer
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.settings import KafkaSettings
from schemas.directory.entry import key_of
from schemas.directory.trunk import Trunk
from schemas.directory.writer_claim import WriterClaim
from schemas.identifiers import uuid7
from schemas.record import InRecord, OutRecord
from schemas.topics import DIRECTORY

log = structlog.get_logger(__name__)

CLAIM_KEY: Final = b"writer:current"
READ_TIMEOUT_SECONDS: Final = 30.0
LARGE_SET: Final = 1000  # changes; checking more than these is left to a thread


class DirectoryWriter:
    """Checks and writes changes, one set at a time. `directory` holds what this writer has written and read.

    `patience_seconds` is how long each step of a small write waits for the broker; without it as long as makes sense
    where no person waits.
    """

    def __init__(self, kafka: KafkaSettings, *, patience_seconds: float | None = None) -> None:
        self._kafka = kafka
        self._patience_seconds = patience_seconds
        self._leaving: set[asyncio.Task[None]] = set()
        self._view = DirectoryView(kafka, client_id="directory-writer-view", on_record=self._see)
        self._producer: AIOKafkaProducer | None = None
        self._instance = uuid7()
        self._claim: WriterClaim | None = None
        self._trunks_written_at_ms: dict[bytes, int] = {}
        self._replaced = asyncio.Event()
        self._writing = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None

    @property
    def directory(self) -> Directory:
        """The directory as it is, also when another writer has taken over."""
        return self._view.directory

    def written_at(self, trunk: Trunk) -> datetime | None:
        """Return when a trunk was last written, by the clock of who wrote it."""
        found = self._trunks_written_at_ms.get(key_of(trunk))
        return None if found is None else datetime.fromtimestamp(found / 1000, UTC)

    async def until_replaced(self) -> None:
        """Wait until another writer has taken over, or the directory is no longer followed.

        Raises `DirectoryFenced`, or what ended the following.
        """
        if self._following is None:
            raise DirectoryFenced("the directory's writer has not been started")
        replaced = asyncio.create_task(self._replaced.wait())
        try:
            await asyncio.wait({replaced, self._following}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            replaced.cancel()
        if self._following.done():
            self._following.result()
        self._must_be_ours()

    async def start(self, *, take_over: bool = True) -> Self:
        """Read the directory and take the place of any earlier writer.

        Without `take_over` one that is alive on this machine keeps its place. Raises `DirectoryInUse` then, and
        `BrokerUnreachable`, also when the topic does not exist.
        """
        await self._view.start()
        try:
            if not take_over and self._claim is not None and is_alive_here(self._claim):
                raise DirectoryInUse(f"{_described(self._claim)} writes {DIRECTORY} and is alive")
            # From here on an earlier writer can write no more, so what is read now is the last that it wrote.
            self._producer = await new_producer(self._kafka)
            await self._catch_up()
            self._following = asyncio.create_task(self._view.follow())
            claim = WriterClaim(
                instance=self._instance, host=socket.gethostname(), pid=os.getpid(), since=datetime.now(UTC)
            )
            await self._append([(CLAIM_KEY, claim.to_bytes())])
        except BaseException:
            await self.stop()
            raise
        log.info("directory_writer_started", version=self.directory.version)
        return self

    async def write(self, *changes: Change, beside: Sequence[OutRecord] = ()) -> None:
        """Check `changes` as one set and write them in one transaction: all of them, or none.

        Returns when `directory` shows them. What changes nothing is left out. Records for other topics `beside` the
        changes are part of the transaction; they are left out when nothing changes.

        Raises:
            RuleViolated: with every problem; nothing is written.
            DirectoryFenced: another writer has taken over; this one can write no more.
            NotAcknowledged: in doubt. Writing the same changes again settles it.
            BrokerUnreachable: the directory could not be read; nothing is written.
        """
        async with self._writing:
            if self._producer is None:
                # After an error nobody can tell what the broker will still do with the old producer's requests; a
                # new one's start ends their transaction one way or the other.
                await self._catch_up()
                self._must_be_ours()
                self._producer = await new_producer(self._impatient())
                await self._catch_up()
            self._must_be_ours()
            # While this is the only writer the view is at the topic's end: each write has read itself back.
            prepare = asyncio.to_thread(self._prepare, changes) if len(changes) > LARGE_SET else None
            records = await prepare if prepare else self._prepare(changes)
            if records:
                await self._append(records, beside)

    def _impatient(self) -> KafkaSettings:
        patience = self._patience_seconds or self._kafka.connect_timeout_seconds
        return self._kafka.model_copy(update={"connect_timeout_seconds": patience})

    async def purge(self, older_than: timedelta, now: datetime | None = None) -> int:
        """Remove the records of trunks that were deleted longer ago, and return how many those were."""
        before = (now or datetime.now(UTC)) - older_than
        gone = [
            Removal(Trunk, trunk.id)
            for trunk in self.directory.entries(Trunk)
            if trunk.deleted_at is not None and trunk.deleted_at < before
        ]
        await self.write(*gone)
        return len(gone)

    async def stop(self) -> None:
        """Leave the writer's place and disconnect."""
        if self._following is not None:
            await self._leave()
            self._following.cancel()
            await asyncio.wait([self._following])
        self._discard()
        if self._leaving:
            await asyncio.wait(set(self._leaving))
        await self._view.stop()

    async def _leave(self) -> None:
        """Say that nobody writes now, so that the next writer need not ask whether we live."""
        if self._producer is None or self._claim is None or self._claim.instance != self._instance:
            return
        try:
            async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
                await self._append([(CLAIM_KEY, None)])
        except (BrokerError, TimeoutError) as error:
            log.warning("directory_claim_left_behind", error=repr(error))

    def _see(self, record: InRecord) -> None:
        if record.key != CLAIM_KEY:
            if record.key is not None and record.key.startswith(b"trunk:"):
                self._trunks_written_at_ms[record.key] = record.timestamp_ms
            return
        try:
            self._claim = WriterClaim.from_bytes(record.value) if record.value is not None else None
        except ValidationError:
            # Of a version that we do not know: a newer writer's, not ours.
            self._claim = None
        if self._following is not None and (self._claim is None or self._claim.instance != self._instance):
            self._replaced.set()

    def _must_be_ours(self) -> None:
        if self._claim is None or self._claim.instance != self._instance:
            raise _fenced(self._claim)

    def _prepare(self, changes: Sequence[Change]) -> list[Record]:
        check(changes, self.directory)
        return [record for change in changes if (record := self._record(change)) is not None]

    def _record(self, change: Change) -> Record | None:
        key = change_key(change)
        if isinstance(change, Removal):
            known = self.directory.get(change.kind, change.identity) is not None  # type: ignore[type-var]
            return (key, None) if known else None
        identity = key.decode().partition(":")[2]
        same = self.directory.get(type(change), identity) == change  # type: ignore[type-var]
        return None if same else (key, change.to_bytes())

    async def _catch_up(self) -> None:
        limit = READ_TIMEOUT_SECONDS
        if self._following is not None and self._patience_seconds is not None:
            limit = self._patience_seconds
        try:
            async with asyncio.timeout(limit):
                await self._view.catch_up()
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnreachable(f"the topic {DIRECTORY} cannot be read: {error!r}", stage="directory") from error

    async def _append(self, records: Sequence[Record], beside: Sequence[OutRecord] = ()) -> None:
        producer = self._producer
        if producer is None:
            raise NotAcknowledged("the directory's writer has not been started", stage="directory")
        try:
            last = await append(producer, records, beside, self._patience_seconds)
            failpoint("directory.after_commit")
            await self._read_back(last)
        except ProducerFenced as error:
            self._discard()
            with suppress(BrokerUnreachable):
                await self._catch_up()  # to say who it is
            raise _fenced(self._claim if self._claim and self._claim.instance != self._instance else None) from error
        except (KafkaError, TimeoutError) as error:
            self._discard()
            raise NotAcknowledged(
                f"the broker did not confirm a change of the directory, which may or may not be in force: {error!r}",
                stage="directory",
            ) from error
        except BaseException:
            self._discard()  # cancelled half-way: this producer cannot be trusted either
            raise

    async def _read_back(self, offset: int) -> None:
        if self._following is None or self._following.done():
            raise KafkaError("the directory is no longer followed")
        async with asyncio.timeout(READ_TIMEOUT_SECONDS):
            await self._view.wait_for(offset)

    def _discard(self) -> None:
        """Leave the producer behind. It stops by itself: nobody waits for a broker that does not answer."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            task = asyncio.create_task(stop_producer(producer))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)


@asynccontextmanager
async def directory_writer(kafka: KafkaSettings, *, take_over: bool = False) -> AsyncIterator[DirectoryWriter]:
    """Have the directory's writer for as long as the context lasts; raises what its `start` does."""
    writer = await DirectoryWriter(kafka).start(take_over=take_over)
    try:
        yield writer
    finally:
        await writer.stop()


def _described(claim: WriterClaim) -> str:
    return f"process {claim.pid} on {claim.host}, since {claim.since:%Y-%m-%d %H:%M:%S} UTC"


def _fenced(claim: WriterClaim | None) -> DirectoryFenced:
    who = _described(claim) if claim else "not known"
    return DirectoryFenced(f"another writer of {DIRECTORY} has taken over ({who}); only one can write at a time")
