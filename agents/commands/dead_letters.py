"""`smsout dead-letters`: what could not be processed, and what to do with it."""

import asyncio
import sys
import time
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated

import typer

from agents.commands.callbacks import moment_of
from pipeline.dead_letters.book import Book, Letter, again, letters_of, lies_elsewhere, obstacle, replay_of
from pipeline.errors import Refused
from pipeline.failpoints import failpoint
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings, RetrySettings
from schemas.headers.dead_letter import DeadLetterSource, Settled, Settlement
from schemas.record import InRecord, OutRecord, UnreadableBatch
from schemas.topics import DEAD_LETTER_SUFFIX, catalogue

app = typer.Typer(help="Records that could not be processed.", no_args_is_help=True)

CLIENT = "smsout-dead-letters"

TopicName = Annotated[str, typer.Argument(metavar="TOPIC", help="A topic, with or without `.dead-letter`.")]
Offset = Annotated[int, typer.Argument(min=0, help="As `list` shows it.")]
OnlyTopic = Annotated[str | None, typer.Option("--topic", help="Of this topic only.")]
Reason = Annotated[str | None, typer.Option(help="With this reason only.")]
Since = Annotated[str | None, typer.Option(help="From then on: `2h` (s, m, h, d) or a time, UTC unless it says.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Again = Annotated[bool, typer.Option("--again", help="Also what was settled, or may have been replayed.")]
Everything = Annotated[bool, typer.Option("--all", help="Every letter of the topic that is open.")]
OneOffset = Annotated[int | None, typer.Argument(min=0, help="As `list` shows it.")]


def topics(name: str | None) -> list[str]:
    """Return the dead-letter topics that `name` means; all of them for None. Raises `typer.BadParameter`."""
    retry = RetrySettings()
    known = {
        it.dead_letter
        for it in catalogue(1, retry.callback_delays_seconds, retry.mt_delays_seconds)
        if it.dead_letter is not None
    }
    if name is None:
        return sorted(known)
    wanted = name if name.endswith(DEAD_LETTER_SUFFIX) else name + DEAD_LETTER_SUFFIX
    if wanted not in known:
        raise typer.BadParameter(f"no dead-letter topic {wanted}; there are {', '.join(sorted(known))}")
    return [wanted]


async def read_book(kafka: KafkaSettings, topic: str) -> Book:
    """Read all letters of a topic, without their bytes, and what became of them."""
    book = Book()
    async with aclosing(read_topic(kafka, topic, client_id=CLIENT)) as records:
        async for record in records:
            for entry in letters_of((record,)):
                book.add(entry)
    return book


async def read_one(kafka: KafkaSettings, topic: str, offset: int) -> InRecord:
    """Return the letter at an offset. Raises `Refused` when there is none."""
    async with aclosing(read_topic(kafka, topic, client_id=CLIENT, offsets={0: offset}, partitions=[0])) as records:
        async for record in records:
            if record.offset == offset and any(isinstance(it, Letter) for it in letters_of((record,))):
                return record
            break
    raise Refused(f"{topic} has no dead letter at {offset}", stage="dead-letters")


async def replays_of(kafka: KafkaSettings, letter: InRecord) -> list[OutRecord]:
    """Return what a letter stands for, to be written again. Raises `Refused` when that is not there any more."""
    source = DeadLetterSource.from_headers(letter.headers)
    if not lies_elsewhere(source):
        return [replay_of(letter)]
    first = source.offset if source.first_offset is None else source.first_offset
    found: list[InRecord] = []
    where = {source.partition: first}
    async with aclosing(
        read_topic(kafka, source.topic, client_id=CLIENT, offsets=where, partitions=[source.partition])
    ) as records:
        async for record in records:
            if record.offset > source.offset:
                break
            if record.offset < first or isinstance(record.value, UnreadableBatch):
                break
            found.append(record)
    if not found or found[0].offset != first or found[-1].offset != source.offset:
        raise Refused(
            f"{source.topic}-{source.partition} does not hold {first} to {source.offset} any more", stage="dead-letters"
        )
    return [again(it, source) for it in found]


@app.command("list")
def list_command(
    topic: OnlyTopic = None,
    reason: Reason = None,
    since: Since = None,
    everything: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
) -> None:
    """Show dead letters: how many of each kind, then each."""
    begin = moment_of("--since", since, datetime.now(UTC))
    found = asyncio.run(_select(topics(topic), everything, reason, begin))
    for (name, why), count in sorted(Counter((it.topic, it.source.reason) for it in found).items()):
        typer.echo(f"{count:8} {name} {why}")
    for it in found:
        at = datetime.fromtimestamp(it.at_ms / 1000, UTC).isoformat(timespec="seconds")
        state = "in doubt: may have been replayed" if it.settled is Settled.REPLAYING else it.settled or "open"
        detail = _printable(it.source.detail)
        typer.echo(f"{it.topic} {it.offset} {at} {it.source.stage} {it.source.reason} [{state}] {detail}{_lies(it)}")


def _lies(letter: Letter) -> str:
    """Say where what a letter does not hold is to be found."""
    source = letter.source
    if source.first_offset is None and source.value_size is None:
        return ""
    first = "" if source.first_offset in (None, source.offset) else f"{source.first_offset} to "
    size = "" if source.value_size is None else f", {source.value_size} bytes"
    return f" ({source.topic}-{source.partition} at {first}{source.offset}{size})"


async def _select(names: list[str], settled_too: bool, reason: str | None, since: datetime | None) -> list[Letter]:
    kafka = KafkaSettings()
    found: list[Letter] = []
    for name in names:
        found += (await read_book(kafka, name)).select(settled_too=settled_too, reason=reason, since=since)
    return found


@app.command()
def show(
    topic: TopicName,
    offset: Offset,
    raw: Annotated[bool, typer.Option("--raw", help="The bytes alone, as they were.")] = False,
) -> None:
    """Show a dead letter's headers and bytes. They can hold the text of a message."""
    record = asyncio.run(read_one(KafkaSettings(), topics(topic)[0], offset))
    if raw:
        sys.stdout.buffer.write(record.value or b"")
        sys.stdout.buffer.flush()
        return
    for name, value in record.headers:
        typer.echo(f"{_printable(name)}: {_printable(value.decode(errors='backslashreplace'))}")
    typer.echo(f"key: {'none' if record.key is None else _printable(record.key.decode(errors='backslashreplace'))}")
    typer.echo()
    typer.echo("no value" if record.value is None else _printable(record.value.decode(errors="backslashreplace")))


def _printable(text: str) -> str:
    """Keep a stranger's bytes from steering the terminal."""
    return "".join(it if it.isprintable() else it.encode("unicode_escape").decode() for it in text)


@app.command()
def replay(
    topic: TopicName, offset: OneOffset = None, reason: Reason = None, everything: Everything = False,
    again: Again = False, yes: Yes = False,
) -> None:  # fmt: skip
    """Write dead letters back to where they came from: one, or all that are open (with a reason)."""
    _settle(topic, offset, reason, everything, again=again, yes=yes, action=Settled.REPLAYED)


@app.command()
def drop(
    topic: TopicName, offset: OneOffset = None, reason: Reason = None, everything: Everything = False, yes: Yes = False
) -> None:
    """Say that dead letters are settled: one, or all that are open (with a reason). Their bytes stay."""
    _settle(topic, offset, reason, everything, again=False, yes=yes, action=Settled.DROPPED)


def _settle(
    topic: str, offset: int | None, reason: str | None, everything: bool, *, again: bool, yes: bool, action: Settled
) -> None:
    name = topics(topic)[0]
    if (offset is not None) + (reason is not None or everything) != 1:
        raise typer.BadParameter("say which: an OFFSET, or --reason, or --all")
    chosen = asyncio.run(_choose(name, offset, reason))
    able = []
    for letter in chosen:
        problem = obstacle(letter, again=again) if action is Settled.REPLAYED else None
        if problem is None:
            able.append(letter.offset)
        else:
            typer.echo(f"{name} {letter.offset} {problem}", err=True)
    if offset is None and able and not yes:
        typer.confirm(f"{len(able)} dead letters of {name} become {action.value}. Go on?", abort=True)
    asyncio.run(settle(KafkaSettings(), name, able, action))
    typer.echo(f"{len(able)} {action.value}")
    if len(able) < len(chosen):
        raise typer.Exit(1)


async def _choose(name: str, offset: int | None, reason: str | None) -> list[Letter]:
    book = await read_book(KafkaSettings(), name)
    if offset is None:
        return book.select(settled_too=False, reason=reason, since=None)
    letter = book.letter(offset)
    if letter is None:
        raise Refused(f"{name} has no dead letter at {offset}", stage="dead-letters")
    return [letter]


async def settle(kafka: KafkaSettings, name: str, offsets: list[int], action: Settled) -> None:
    """Replay or drop letters, one after the other. Raises `BrokerUnreachable`, `NotAcknowledged`, `Refused`."""
    if not offsets:
        return
    producer = await RecordProducer(kafka, client_id=CLIENT).start()
    try:
        for offset in offsets:
            if action is Settled.REPLAYED:
                records = await replays_of(kafka, await read_one(kafka, name, offset))
                await producer.write([_marker(name, offset, Settled.REPLAYING)])
                failpoint("dead_letters.before_replay")
                await producer.write(records)
                failpoint("dead_letters.after_replay")
            await producer.write([_marker(name, offset, action)])
    finally:
        await producer.stop()


def _marker(name: str, offset: int, action: Settled) -> OutRecord:
    return OutRecord(name, None, None, Settlement(offset, action, int(time.time() * 1000)).to_headers(), partition=0)
