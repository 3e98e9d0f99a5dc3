"""Takes submitted records as they come, writes what they cause, and acks them.

What comes of a record depends on it alone. An error of ours over one of them, or over one of its submissions, sets that
aside; only an error of the broker's ends the process, which then begins again with what is not acked.
"""

import asyncio
import time
import traceback
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import structlog

from agents.processor.brake import Brake, is_unreadable
from agents.processor.counting import Counting
from agents.processor.records import (
    Consequences,
    Part,
    consequences,
    count_of,
    count_written,
    in_pieces,
    parts_of,
    set_aside,
)
from agents.processor.repetitions import Repetitions, Unheld
from pipeline.carriers.profiles.book import ProfileBook
from pipeline.directory.model import Directory
from pipeline.failpoints import failpoint
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.metrics import OLDEST
from pipeline.settings import MessageSettings
from pipeline.tracing.spans import UNTRACED, Span, Tracing
from schemas.directory.carrier import Profile
from schemas.record import InRecord, OutRecord
from schemas.topics import SUBMITTED

# A batch: a record may hold 1000 submissions of 1000 numbers each, in as many bytes as the topic takes.
MAX_RECORDS: Final = 32
MAX_BYTES: Final = 1_048_576
# What is written at once of what it causes, and how many messages are made at once of a record.
MAX_OUTPUTS: Final = 2000
MAX_OUTPUT_BYTES: Final = 4_194_304
MESSAGES_AT_ONCE: Final = 500

NAME: Final = "processor"

log = structlog.get_logger(__name__)


class Taken(NamedTuple):
    """An event of the topic, and the stream on which it is acked."""

    event: Any
    stream: Any


class Worker:
    """Processes what is in `intake`."""

    def __init__(
        self,
        intake: "asyncio.Queue[Taken]",
        producer: RecordProducer,
        view: DirectoryView,
        repetitions: Repetitions,
        counting: Counting,
        messages: MessageSettings,
        brake: Brake,
        tracing: Tracing = UNTRACED,
    ) -> None:
        self._intake = intake
        self._producer = producer
        self._view = view
        self._repetitions = repetitions
        self._counting = counting
        self._messages = messages
        self._brake = brake
        self._tracing = tracing
        self._spans: list[Span] = []
        self._alphabets_of = ProfileBook(partial(view.directory.get, Profile)).national_alphabets
        self._outputs: list[OutRecord] = []
        self._output_bytes = 0
        self._began_ms: int | None = None
        OLDEST.labels(NAME, SUBMITTED).set_function(self._oldest_seconds)

    def _oldest_seconds(self) -> float:
        """Return for how long what is at work has been in its topic."""
        return 0.0 if self._began_ms is None else max(0.0, time.time() - self._began_ms / 1000)

    async def run(self) -> None:
        """Take as much at once as has come, until cancelled.

        Faust's own batching waits on a timer, which costs latency under light load and a tenth of a core when idle.
        This takes what is there. Any error of the broker's is raised, and no record is acked after it; an error over
        one record sets that aside.
        """
        while True:
            batch = await self._next_batch()
            records = [_record(taken.event.message) for taken in batch]
            self._began_ms = records[0].timestamp_ms
            unheld = await self._repetitions.unheld(records)
            directory = _Directory(self._view)
            for record, not_held in zip(records, unheld, strict=True):
                await self._process(record, not_held, directory)
            self._add(self._brake.release())
            await self._write()
            failpoint("processor.after_outputs")
            for taken in batch:
                await taken.stream.ack(taken.event)
            self._began_ms = None

    async def _next_batch(self) -> list[Taken]:
        batch = [await self._intake.get()]
        size = len(batch[0].event.message.value or b"")
        while len(batch) < MAX_RECORDS and size < MAX_BYTES and not self._intake.empty():
            batch.append(self._intake.get_nowait())
            size += len(batch[-1].event.message.value or b"")
        return batch

    async def _process(self, record: InRecord, unheld: Unheld | Exception, directory: "_Directory") -> None:
        """Work on a record, some submissions after the others: a megabyte can hold a hundred of them in what it causes.

        What no part of could be read is written with the end of it, when that is known.
        """
        try:
            if isinstance(unheld, Exception):
                raise unheld
            parts = parts_of(record)
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the agent at each of its lives
            _report(record, error)
            self._add(self._brake.let_through(record, [set_aside(record, None, error)]))
            return
        letters: list[OutRecord] | None = []
        first = 0
        for piece in in_pieces(parts, MESSAGES_AT_ONCE):
            await self._counting.take_over(record, first, self._write)
            mark = self._counting.mark()
            caused = self._caused_by(record, piece, first, directory, unheld)
            if caused.are_refused and await directory.renewed():
                self._counting.undo(mark)
                await self._counting.take_over(record, first, self._write)
                caused = self._caused_by(record, piece, first, directory, unheld)
            first += caused.messages
            self._spans += caused.spans
            if letters is not None and (not caused.outputs or is_unreadable(caused.outputs)):
                letters += caused.outputs
                continue
            self._add([*letters, *caused.outputs] if letters else caused.outputs)
            letters = None
            if len(self._outputs) >= MAX_OUTPUTS or self._output_bytes >= MAX_OUTPUT_BYTES:
                await self._write()
        self._add(self._brake.let_through(record, [] if letters is None else letters))

    def _caused_by(
        self, record: InRecord, parts: Sequence[Part], first: int, directory: "_Directory", unheld: Unheld
    ) -> Consequences:
        counting = self._counting
        mark = counting.mark()
        try:
            return consequences(
                record, parts, first, directory.now, self._messages, unheld, self._tracing, self._alphabets_of,
                counting.days, counting.screens,
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001  # as above; if there are several, it is one of them
            counting.undo(mark)
            if len(parts) == 1:
                _report(record, error)
                return Consequences([set_aside(record, parts[0], error)], count_of(record, parts[0]))
        outputs: list[OutRecord] = []
        spans: list[Span] = []
        messages, are_refused = 0, False
        for part in parts:
            caused = self._caused_by(record, [part], first + messages, directory, unheld)
            outputs += caused.outputs
            messages += caused.messages
            are_refused = are_refused or caused.are_refused
            spans += caused.spans
        return Consequences(outputs, messages, are_refused, tuple(spans))

    def _add(self, outputs: list[OutRecord]) -> None:
        self._outputs += outputs
        self._output_bytes += sum([len(it.value or b"") for it in outputs])

    async def _write(self) -> None:
        outputs, self._outputs, self._output_bytes = self._outputs, [], 0
        if counted := self._counting.take_unwritten():
            # Before what follows from them: whatever has gone out is known to have, and at which place.
            await self._producer.write(counted)
            failpoint("processor.after_counts")
        await self._producer.write(outputs)
        count_written(outputs)
        if self._spans:
            spans, self._spans = self._spans, []
            for span in spans:
                span.end()


class _Directory:
    """The directory during one batch. A refusal stands only when it is not this view that is behind.

    Ingress may have read of a new trunk, and let its first message in, a moment before this process has.
    """

    def __init__(self, view: DirectoryView) -> None:
        self._view = view
        self._is_renewed = False

    @property
    def now(self) -> Directory:
        return self._view.directory

    async def renewed(self) -> bool:
        """See, once, that it is as new as the batch; tell whether it is another one by that."""
        if self._is_renewed:
            return False
        version = self._view.directory.version
        await self._view.catch_up()
        self._is_renewed = True
        return self._view.directory.version != version


def _report(record: InRecord, error: Exception) -> None:
    where = [f"{it.name}:{it.lineno}" for it in traceback.extract_tb(error.__traceback__)]
    log.error(
        "record_set_aside", topic=record.topic, partition=record.partition, offset=record.offset,
        error=type(error).__name__, where=where,
    )  # fmt: skip


def _record(message: Any) -> InRecord:
    return InRecord(
        message.topic,
        message.partition,
        message.offset,
        round(message.timestamp * 1000),
        message.key,
        message.value,
        tuple(message.headers.items()) if isinstance(message.headers, dict) else tuple(message.headers or ()),
    )
