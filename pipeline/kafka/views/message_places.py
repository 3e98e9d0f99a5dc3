"""Where in the topics a message is that does not get further: behind others, parked, in a retry tier, a dead letter.

It is asked for by people, one message at a time: what is waiting is read from where its group stands.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from pipeline.dead_letters.book import Book, Letter, letters_of
from pipeline.errors import BrokerUnreachable
from pipeline.kafka.admin.group_offsets import PartitionOffsets, group_offsets
from pipeline.kafka.admin.partitions import existing_partitions
from pipeline.kafka.client import reading, start, stop
from pipeline.kafka.producer import partition_of
from pipeline.kafka.views.topic_reader import read_topic
from pipeline.message_log.reading.message import LoggedMessage
from pipeline.message_log.reading.whereabouts import Queue, Whereabouts
from pipeline.settings import KafkaSettings, RetrySettings
from schemas import topics
from schemas.headers.parked import Parked
from schemas.messages.callback import WaitingNotification
from schemas.messages.mt_message import WaitingMessage
from schemas.record import InRecord
from schemas.topics import dead_letter_topic, tier_topic

CLIENT: Final = "smsout-messages"
ANSWER_SECONDS: Final = 20.0


async def ends_of(kafka: KafkaSettings, names: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return where each partition of some topics ends now. Raises `BrokerUnreachable`."""
    consumer = AIOKafkaConsumer(**reading(kafka), client_id=CLIENT, isolation_level="read_committed")
    try:
        async with asyncio.timeout(kafka.connect_timeout_seconds + ANSWER_SECONDS):
            await start(consumer, kafka)
            ends = await consumer.end_offsets(await existing_partitions(consumer, names))
    except (KafkaError, TimeoutError) as error:
        raise BrokerUnreachable(f"the broker does not say where its topics end: {error!r}") from error
    finally:
        await stop(consumer)
    return {(place.topic, place.partition): end for place, end in ends.items()}


async def whereabouts_of(kafka: KafkaSettings, retry: RetrySettings, message: LoggedMessage) -> Whereabouts:
    """Look for a message wherever it can wait. Raises `BrokerUnreachable`."""
    main = {
        group: await group_offsets(kafka, group, [topic], client_id=CLIENT)
        for group, topic in (
            ("sms-processor", topics.SUBMITTED), ("sms-scheduler", topics.SCHEDULED),
            ("sms-delivery", topics.SEGMENTED), ("sms-callback", topics.STATUS),
        )
    }  # fmt: skip
    found = Whereabouts(
        processor=_queue(main["sms-processor"], topics.SUBMITTED, message.submitted),
        scheduler=_queue(main["sms-scheduler"], topics.SCHEDULED, message.scheduled),
        delivery=_queue(main["sms-delivery"], topics.SEGMENTED, message.segmented),
        letters=tuple(await _letters(kafka, message)),
    )
    if message.status is None:
        found.parked = await _parked(kafka, topics.MT_PARKED, message, main["sms-delivery"])
        found.waiting = await _waiting(kafka, retry, message)
    else:
        found.notifying = _statuses_ahead(main["sms-callback"], message)
        found.parked_callback = await _parked(kafka, topics.CALLBACK_PARKED, message, main["sms-callback"])
        found.callbacks = await _notifications(kafka, retry, message)
    return found


Offsets = dict[TopicPartition, PartitionOffsets]


def _queue(offsets: Offsets, topic: str, place: tuple[int, int] | None) -> Queue | None:
    if place is None:
        return None
    known = offsets.get(TopicPartition(topic, place[0]))
    if known is None or known.position > place[1]:
        return None
    return Queue(topic, place[0], place[1] - known.position)


def _statuses_ahead(offsets: Offsets, message: LoggedMessage) -> Queue | None:
    """Return the queue that the message's status is in; where in it nobody has noted, so all of it counts."""
    partitions = sum(place.topic == topics.STATUS for place in offsets)
    if not partitions:
        return None
    place = TopicPartition(topics.STATUS, partition_of(topics.STATUS, message.id.encode(), partitions))
    lag = offsets[place].lag if place in offsets else 0
    return Queue(place.topic, place.partition, lag) if lag else None


def _is_about(record: InRecord, message: LoggedMessage) -> bool:
    return message.id.encode() in (record.value or b"") and message.trunk_id.encode() in (record.value or b"")


async def _parked(kafka: KafkaSettings, topic: str, message: LoggedMessage, offsets: Offsets) -> Parked | None:
    if not offsets:
        return None
    held: dict[bytes | None, InRecord] = {}
    async with aclosing(read_topic(kafka, topic, client_id=CLIENT)) as records:
        async for record in records:
            if record.value is None:
                held.pop(record.key, None)
            elif _is_about(record, message):
                held[record.key] = record
    for record in held.values():
        try:
            return Parked.from_record(record)
        except ValueError:
            continue
    return None


async def _in_tiers(
    kafka: KafkaSettings, group: str, family: str, delays: Sequence[int], message: LoggedMessage
) -> list[tuple[str, InRecord]]:
    names = list(dict.fromkeys(tier_topic(family, seconds) for seconds in delays))
    found = []
    for place, offsets in (await group_offsets(kafka, group, names, client_id=CLIENT)).items():
        if not offsets.lag:
            continue
        reading_it = read_topic(
            kafka, place.topic, client_id=CLIENT, offsets={place.partition: offsets.position},
            partitions=[place.partition],
        )  # fmt: skip
        async with aclosing(reading_it) as records:
            found += [(place.topic, it) async for it in records if _is_about(it, message)]
    return found


async def _waiting(
    kafka: KafkaSettings, retry: RetrySettings, message: LoggedMessage
) -> tuple[str, WaitingMessage] | None:
    latest = None
    for topic, record in await _in_tiers(
        kafka, "sms-delivery-retry", topics.MT_RETRY, retry.mt_delays_seconds, message
    ):
        try:
            waiting = WaitingMessage.from_bytes(record.value or b"")
        except ValidationError:
            continue
        if latest is None or waiting.due_at > latest[1].due_at:
            latest = topic, waiting
    return latest


async def _notifications(
    kafka: KafkaSettings, retry: RetrySettings, message: LoggedMessage
) -> tuple[tuple[str, WaitingNotification], ...]:
    found = []
    for topic, record in await _in_tiers(
        kafka, "sms-callback-retry", topics.CALLBACK_RETRY, retry.callback_delays_seconds, message
    ):
        try:
            found.append((topic, WaitingNotification.from_bytes(record.value or b"")))
        except ValidationError:
            continue
    return tuple(found)


async def _letters(kafka: KafkaSettings, message: LoggedMessage) -> list[Letter]:
    """Return the open dead letters that are about a message, or stand for the record that brought it."""
    wanted = dict.fromkeys(
        dead_letter_topic(it)
        for it in (
            topics.SUBMITTED, topics.SCHEDULED, topics.SEGMENTED, topics.MT_RETRY + ".", topics.MT_PARKED,
            topics.STATUS, topics.CALLBACK_RETRY + ".", topics.CALLBACK_PARKED,
        )
    )  # fmt: skip
    ends = await ends_of(kafka, list(wanted))
    found: list[Letter] = []
    for topic in wanted:
        if not ends.get((topic, 0)):
            continue
        book, about = Book(), set[int]()
        async with aclosing(read_topic(kafka, topic, client_id=CLIENT)) as records:
            async for record in records:
                for entry in letters_of((record,)):
                    book.add(entry)
                    if isinstance(entry, Letter) and _stands_for(entry, record, message):
                        about.add(entry.offset)
        found += [it for it in book.select(settled_too=False, reason=None, since=None) if it.offset in about]
    return found


def _stands_for(letter: Letter, record: InRecord, message: LoggedMessage) -> bool:
    if message.id.encode() in (record.value or b""):
        return True
    source = letter.source
    place = {
        topics.SUBMITTED: message.submitted, topics.SCHEDULED: message.scheduled, topics.SEGMENTED: message.segmented,
    }.get(source.topic)  # fmt: skip
    if place is None or place[0] != source.partition:
        return False
    first = source.offset if source.first_offset is None else source.first_offset
    # Of an array with several submissions a part that was refused is somebody else's, unless it names the number.
    mine = source.element is None or message.destination.encode() in (record.value or b"")
    return first <= place[1] <= source.offset and mine
