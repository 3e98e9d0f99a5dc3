"""`smsout doctor`: looks at the whole installation and says what is stuck and why."""

import asyncio
import json
import socket
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from agents.commands.dead_letters import read_book, topics
from agents.commands.doctor.findings import GroupPicture, ParkedPicture, Picture, TierPicture, findings_of
from agents.commands.doctor.parked import read_parked
from agents.commands.doctor.samples import CLIENT, Look, sample, targets_of
from pipeline.callbacks.endpoint import trunk_id_of
from pipeline.directory.model import Directory
from pipeline.errors import BrokerUnreachable, SmsoutError
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.admin.group_members import members_of
from pipeline.kafka.admin.group_offsets import group_offsets
from pipeline.kafka.admin.topic_drift import TopicState
from pipeline.kafka.directory.liveness import is_alive_here
from pipeline.kafka.directory.writer import CLAIM_KEY
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.settings import KafkaSettings, RetrySettings, TopicSettings
from schemas.directory.carrier import Carrier
from schemas.directory.trunk import Trunk
from schemas.directory.writer_claim import WriterClaim
from schemas.topics import (
    CALLBACK_PARKED,
    CALLBACK_RETRY,
    DIRECTORY,
    DLR_RECEIVED,
    MT_PARKED,
    MT_RETRY,
    SCHEDULED,
    SEGMENTED,
    STATUS,
    SUBMITTED,
    tier_topic,
)

BETWEEN_LOOKS_SECONDS: Final = 2.0
MAIN: Final = (
    ("sms-processor", "processor", SUBMITTED), ("sms-delivery", "delivery", SEGMENTED),
    ("sms-callback", "callback", STATUS), ("sms-receipts", "receipts", DLR_RECEIVED),
    ("sms-scheduler", "scheduler", SCHEDULED),
)  # fmt: skip
PARKED: Final = (MT_PARKED, CALLBACK_PARKED)
TIERS: Final = (("sms-delivery-retry", "delivery", MT_RETRY), ("sms-callback-retry", "callback", CALLBACK_RETRY))

AsJson = Annotated[bool, typer.Option("--json", help="One JSON array.")]


def doctor(as_json: AsJson = False) -> None:
    """Say what is stuck and why. Ends with 1 when something is wrong, with 69 when the broker cannot be reached."""
    found = findings_of(asyncio.run(picture_of(KafkaSettings(), TopicSettings(), RetrySettings())))
    if as_json:
        typer.echo(json.dumps([{**it._asdict(), "gravity": it.gravity.name.lower()} for it in found]))
    else:
        for it in found:
            typer.echo(f"{it.gravity.name.lower():8} {_printable(it.text)}")
        if not any(it.gravity for it in found):
            typer.echo("all is well")
    if any(it.gravity for it in found):
        raise typer.Exit(1)


def _printable(text: str) -> str:
    return "".join(it if it.isprintable() else " " for it in text)


async def picture_of(kafka: KafkaSettings, settings: TopicSettings, retry: RetrySettings) -> Picture:
    """Look at everything, at the groups twice. Raises `BrokerUnreachable`."""
    reports = await topic_admin.inspect(kafka, settings, retry)
    there = {it.topic.name for it in reports if it.state is not TopicState.MISSING}
    delays = {MT_RETRY: retry.mt_delays_seconds, CALLBACK_RETRY: retry.callback_delays_seconds}
    tier_topics = {
        family: [it for it in dict.fromkeys(tier_topic(family, seconds) for seconds in delays[family]) if it in there]
        for _, _, family in TIERS
    }
    wanted = {group: [topic] if topic in there else [] for group, _, topic in MAIN}
    wanted |= {group: tier_topics[family] for group, _, family in TIERS}
    members = await members_of(kafka, list(wanted), client_id=CLIENT)
    first = {group: await group_offsets(kafka, group, names, client_id=CLIENT) for group, names in wanted.items()}
    await asyncio.sleep(BETWEEN_LOOKS_SECONDS)
    second = {group: await group_offsets(kafka, group, names, client_id=CLIENT) for group, names in wanted.items()}
    directory, problem = await _directory(kafka) if DIRECTORY in there else (Directory(), None)
    samples = {
        group: await sample(kafka, family, second[group]) for group, _, family in TIERS
    }  # fmt: skip
    waiting_for = Counter(name for sample in samples.values() for name in _blocked(directory, sample.ids))
    parked = {it: await read_parked(kafka, it, client_id=CLIENT) for it in PARKED if it in there}
    letters: Counter[tuple[str, str]] = Counter()
    for name in topics(None):
        if name in there:
            book = await read_book(kafka, name)
            letters.update(
                (name, it.source.reason) for it in book.select(settled_too=False, reason=None, since=None)
            )  # fmt: skip
    return Picture(
        missing_topics=tuple(it.topic.name for it in reports if it.state is TopicState.MISSING),
        drifted_topics=tuple(it.topic.name for it in reports if it.state is TopicState.DRIFTED),
        groups=tuple(
            [
                GroupPicture(
                    group, agent, topic, members[group], sum(it.lag for it in second[group].values()),
                    _moved(first[group], second[group]), await _age(kafka, topic, second[group]),
                    Counter(_name(directory, it) for it in await targets_of(kafka, topic, second[group])),
                )
                for group, agent, topic in MAIN
                if topic in there
            ]
        ),
        tiers=tuple(
            TierPicture(
                family, group, agent, members[group], sum(it.lag for it in second[group].values()),
                samples[group].overdue_seconds, samples[group].overdue_reason,
                samples[group].reasons, Counter(_name(directory, it) for it in samples[group].ids),
            )
            for group, agent, family in TIERS
        ),
        parked=tuple(
            ParkedPicture(
                topic, _named(directory, it.peers), it.oldest_seconds, it.complete
            )
            for topic, it in parked.items()
        ),
        directory_problem=problem,
        dead_writer=await _dead_writer(kafka) if DIRECTORY in there else None,
        disabled_endpoints=tuple(
            sorted(f"trunk {it.name}" for it in directory.entries(Trunk) if it.callback_disabled_at is not None)
        ),
        blocked_waiting=tuple(sorted(waiting_for.items())),
        dead_letters=tuple((*kind, count) for kind, count in sorted(letters.items())),
    )  # fmt: skip


def _moved(first: Look, second: Look) -> bool:
    """Tell whether every partition that had work has moved."""
    return all(
        not offsets.lag or place not in second or second[place].position > offsets.position
        for place, offsets in first.items()
    )


async def _age(kafka: KafkaSettings, topic: str, look: Look) -> float | None:
    """Return for how long the oldest record that is not finished has been there, in seconds."""
    offsets = {place.partition: it.position for place, it in look.items() if it.lag}
    oldest: float | None = None
    for partition in offsets:
        reading = read_topic(kafka, topic, client_id=CLIENT, offsets=offsets, partitions=[partition])
        async with aclosing(reading) as records:
            async for record in records:
                age = max(0.0, time.time() - record.timestamp_ms / 1000)
                oldest = age if oldest is None else max(oldest, age)
                break
    return oldest


async def _directory(kafka: KafkaSettings) -> tuple[Directory, str | None]:
    view = DirectoryView(kafka, client_id=CLIENT)
    try:
        await view.start()
    except BrokerUnreachable:
        raise
    except SmsoutError as error:
        return Directory(), str(error)
    finally:
        await view.stop()
    return view.directory, None


async def _dead_writer(kafka: KafkaSettings) -> str | None:
    """Name the writer that has claimed the directory on this machine and is not alive."""
    claim: WriterClaim | None = None
    async with aclosing(read_topic(kafka, DIRECTORY, client_id=CLIENT, partitions=[0])) as records:
        async for record in records:
            if record.key == CLAIM_KEY:
                try:
                    claim = None if record.value is None else WriterClaim.from_bytes(record.value)
                except ValidationError:
                    claim = None
    if claim is None or claim.host != socket.gethostname() or is_alive_here(claim):
        return None
    return f"process {claim.pid}"


def _named(directory: Directory, counted: Counter[str]) -> Counter[str]:
    named: Counter[str] = Counter()
    for identity, count in counted.items():
        named[_name(directory, identity)] += count
    return named


def _entry(directory: Directory, identity: str) -> Carrier | Trunk | None:
    return directory.carrier(identity) or directory.trunk(trunk_id_of(identity))


def _name(directory: Directory, identity: str) -> str:
    entry = _entry(directory, identity)
    kind = "carrier" if isinstance(entry, Carrier) else "trunk"
    return identity if entry is None else f"{kind} {entry.name}"


def _blocked(directory: Directory, ids: Sequence[str]) -> list[str]:
    names = []
    for identity in ids:
        entry = _entry(directory, identity)
        if entry is None:
            continue
        account = directory.account(entry.account_id) if isinstance(entry, Trunk) else None
        if entry.blocked:
            names.append(_name(directory, identity))
        elif account is not None and account.blocked:
            names.append(f"account {account.name}")
    return names
