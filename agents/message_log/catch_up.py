"""From the topics into the database: batch by batch, for as long as there is more, and on as it comes."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.message_log.distance import Distance
from pipeline.directory.model import Directory
from pipeline.errors import BrokerUnreachable, LogUnavailable, Stuck
from pipeline.kafka.views.topics_feed import Fetched, TopicsFeed
from pipeline.message_log.tables import day_of, micros
from pipeline.message_log.writing.batch import LogBatch
from pipeline.message_log.writing.decoding import RecordReader
from pipeline.message_log.writing.writer import LogPlace, LogWriter
from pipeline.metrics import LAG, LOG_BATCH_SECONDS, LOG_PASSED_OVER, LOG_RECORDS
from pipeline.settings import MessageLogSettings
from schemas.record import InRecord

WAIT_SECONDS: Final = 0.5
FUTURE_DAYS: Final = 2  # clocks differ, and days begin at different times
LAG_INTERVAL_SECONDS: Final = 1.0
SWEEP_SECONDS: Final = 600.0
SAID_LAG: Final = 100_000

log = structlog.get_logger(__name__)


class CatchUp:
    """Reads `feed` into `writer`; `distance` tells how far it has come."""

    def __init__(
        self,
        feed: TopicsFeed,
        writer: LogWriter,
        directory: Directory,
        settings: MessageLogSettings,
        watchdog_seconds: float,
    ) -> None:
        self._feed = feed
        self._writer = writer
        self._directory = directory
        self._reader = RecordReader(directory)
        self._settings = settings
        self._watchdog_seconds = watchdog_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="message-log")
        self._moved_at = time.monotonic()
        self.distance = Distance()
        self._written = 0

    async def follow(self, stopping: asyncio.Event) -> None:
        """Write what comes until `stopping` is set. Raises `LogUnavailable`, `StateLost`."""
        settings, loop = self._settings, asyncio.get_running_loop()
        while not stopping.is_set():
            taken = await self._feed.take(
                wait_seconds=WAIT_SECONDS, gather_seconds=settings.gather_seconds, most=settings.batch_records
            )
            if taken.positions:
                # In a thread: meanwhile the event loop answers questions, and the next records arrive.
                await loop.run_in_executor(self._thread, self._write, taken)
                self._moved_at = time.monotonic()

    def _write(self, taken: Fetched) -> None:
        began = time.perf_counter()
        self._take({LogPlace(*place): records for place, records in taken.records.items()})
        # Beyond the last record there may be a gap: a transaction's marker.
        self._writer.write(self._empty(), _places(taken.positions))
        count = sum(map(len, taken.records.values()))
        self._written += count
        LOG_RECORDS.inc(count)
        LOG_BATCH_SECONDS.observe(time.perf_counter() - began)

    def _empty(self) -> LogBatch:
        today = day_of(micros(datetime.now(UTC)))
        return LogBatch(today - self._settings.retention_days, today + FUTURE_DAYS, self._writer.days)

    def _take(self, found: Mapping[LogPlace, Sequence[InRecord]]) -> None:
        """Write records in their order. What no database takes is found by halves, and passed over.

        Raises `LogUnavailable` when that is not because of what is in them.
        """
        if not found:
            return
        batch, positions = self._empty(), dict[LogPlace, int]()
        for place, records in found.items():
            self._reader.read(batch, place.topic, records)
            positions[place] = records[-1].offset + 1
        try:
            self._writer.write(batch, positions)
        except (LogUnavailable, ValueError, OverflowError, TypeError) as error:
            if isinstance(error, LogUnavailable) and not error.rejected:
                raise
            (record, *others) = [it for records in found.values() for it in records]
            if others:
                for half in _halves(found):
                    self._take(half)
                return
            log.error(
                "log_record_unwritable", topic=record.topic, partition=record.partition, offset=record.offset,
                error=type(error).__name__,
            )  # fmt: skip
            LOG_PASSED_OVER.labels("unwritable").inc()
            self._writer.write(self._empty(), positions)
            return
        if batch.passed_over:
            LOG_PASSED_OVER.labels("too old").inc(batch.passed_over)
        if batch.unreadable:
            LOG_PASSED_OVER.labels("unreadable").inc(batch.unreadable)
            log.warning("log_records_unreadable", count=batch.unreadable)

    async def watch(self) -> None:
        """Look at the lag until cancelled. Raises `Stuck` when there is work and nothing has moved for long."""
        said = False
        while True:
            await asyncio.sleep(LAG_INTERVAL_SECONDS)
            try:
                lags = await self._feed.lag()
                ahead = sum(lags.values())
            except (KafkaError, BrokerUnreachable, TimeoutError) as error:
                log.warning("log_lag_unknown", error=repr(error))
                self._moved_at = time.monotonic()
                continue
            self.distance.look(ahead, self._written)
            by_topic: Counter[str] = Counter()
            for place, lag in lags.items():
                by_topic[place.topic] += lag
            for topic, lag in by_topic.items():
                LAG.labels("message_log", topic).set(lag)
            if (ahead > SAID_LAG) != said:
                said = not said
                log.info("log_catches_up" if said else "log_has_caught_up", records=ahead)
            if not ahead:
                self._moved_at = time.monotonic()
            elif time.monotonic() - self._moved_at > self._watchdog_seconds:
                raise Stuck(f"{ahead} records wait for the message log and none was written for a while")

    async def sweep(self) -> None:
        """Drop what is over, again and again until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await loop.run_in_executor(self._thread, self._sweep)
            await asyncio.sleep(SWEEP_SECONDS)

    def _sweep(self) -> None:
        today = day_of(micros(datetime.now(UTC)))
        if dropped := self._writer.drop_days_before(today - self._settings.retention_days):
            log.info("log_days_dropped", days=len(dropped))
        if forgotten := self._writer.forget_texts(self._keeps_text):
            log.info("log_texts_forgotten", messages=forgotten)

    def _keeps_text(self, account_id: str) -> bool:
        account = self._directory.account(account_id)
        return account is not None and account.keeps_text

    def close(self) -> None:
        """Wait for what is being written."""
        self._thread.shutdown()


def _halves(
    found: Mapping[LogPlace, Sequence[InRecord]],
) -> tuple[dict[LogPlace, Sequence[InRecord]], dict[LogPlace, Sequence[InRecord]]]:
    """Split records in two, in their order."""
    first, second = dict[LogPlace, Sequence[InRecord]](), dict[LogPlace, Sequence[InRecord]]()
    room = sum(map(len, found.values())) // 2
    for place, records in found.items():
        if room:
            first[place] = records[:room]
        if len(records) > room:
            second[place] = records[room:]
        room = max(0, room - len(records))
    return first, second


def _places(positions: Mapping[TopicPartition, int]) -> dict[LogPlace, int]:
    return {LogPlace(it.topic, it.partition): offset for it, offset in positions.items()}
