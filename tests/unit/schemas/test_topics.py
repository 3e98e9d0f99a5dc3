"""The catalogue's own rules."""

import re
from itertools import pairwise

import pytest

from pipeline.scheduling.deferred_store import TRUSTED_SECONDS
from schemas.directory.entry import DirectoryEntry
from schemas.messages.timing import LONGEST_WAIT
from schemas.record import Record
from schemas.topics import (
    AUDIT,
    CALLBACK_DELAYS_SECONDS,
    CALLBACK_RETRY,
    CANCEL_REQUESTED,
    COUNTED,
    DEAD_LETTER_SUFFIX,
    DEFERRED,
    DIRECTORY,
    DLR_GATHERED,
    DLR_MATCHED,
    DLR_RECEIVED,
    INGRESS_ANNOUNCED,
    JOURNAL,
    MAX_BATCH_BYTES,
    MT_RETRY,
    MT_RETRY_DELAYS_SECONDS,
    OPTED_OUT,
    REMEMBERED,
    SCHEDULED,
    SCREENED,
    SEGMENTED,
    STATUS,
    SUBMITTED,
    TIMED,
    Topic,
    catalogue,
    dead_letter_topic,
    delay_label,
    tier_topic,
)

TOPICS = {topic.name: topic for topic in catalogue(6)}
NEVER_REFUSED = {
    DIRECTORY, AUDIT, DLR_GATHERED, DLR_MATCHED, DEFERRED, OPTED_OUT, REMEMBERED, INGRESS_ANNOUNCED, COUNTED,
}  # fmt: skip
every_topic = pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)


def test_names_are_unique() -> None:
    """Creating the catalogue cannot fail on itself."""
    assert len(catalogue(6)) == len(TOPICS)


@every_topic
def test_names_are_dots_and_lower_case(topic: Topic) -> None:
    """No underscores: Kafka's metrics cannot tell them from dots. Short enough for a directory on disk (249)."""
    assert re.fullmatch(r"sms(\.[a-z0-9-]+)+", topic.name)
    assert len(topic.name) <= 249


@every_topic
def test_a_refusal_has_a_place_to_go(topic: Topic) -> None:
    """Every topic that an agent consumes has a dead-letter topic that exists and holds bytes for longer."""
    if topic.name.endswith(DEAD_LETTER_SUFFIX):
        assert (topic.dead_letter, topic.value) == (None, None)
    elif topic.name in (
        DIRECTORY,
        AUDIT,
        DLR_GATHERED,
        DLR_MATCHED,
        DEFERRED,
        OPTED_OUT,
        REMEMBERED,
        INGRESS_ANNOUNCED,
        COUNTED,
        SCREENED,
    ):
        # An unreadable entry leaves the earlier one in force; audit events have nobody to act on them.
        assert topic.dead_letter is None
    else:
        assert topic.dead_letter == dead_letter_topic(topic.name)
        assert topic.retention_ms <= TOPICS[topic.dead_letter].retention_ms


def test_every_dead_letter_topic_is_used() -> None:
    """No dead-letter topic without a source."""
    used = {topic.dead_letter for topic in TOPICS.values()} - {None}
    assert used == {name for name in TOPICS if name.endswith(DEAD_LETTER_SUFFIX)}


@every_topic
def test_values_are_records_or_bytes(topic: Topic) -> None:
    """What is in a topic is a model of schemas/, or anything at all in dead letters."""
    if topic.value not in (None, DirectoryEntry):
        assert isinstance(topic.value, type)
        assert issubclass(topic.value, Record)


def test_the_retry_tiers_of_a_family_share_one_dead_letter_topic() -> None:
    """An operator looks in one place for messages, in one for notifications."""
    for family, delays in ((MT_RETRY, MT_RETRY_DELAYS_SECONDS), (CALLBACK_RETRY, CALLBACK_DELAYS_SECONDS)):
        tiers = [TOPICS[tier_topic(family, seconds)] for seconds in delays]
        assert {tier.dead_letter for tier in tiers} == {family + DEAD_LETTER_SUFFIX}


def test_a_tier_keeps_records_longer_than_they_wait() -> None:
    """A week to catch up after the delay: retention must not eat what is still waiting."""
    for family, delays in ((MT_RETRY, MT_RETRY_DELAYS_SECONDS), (CALLBACK_RETRY, CALLBACK_DELAYS_SECONDS)):
        for seconds in delays:
            assert TOPICS[tier_topic(family, seconds)].retention_ms - seconds * 1000 == 7 * 86_400_000


def test_the_journal_is_co_partitioned_with_the_segments() -> None:
    """Whoever is assigned a partition of segments finds its journal under the same number."""
    assert TOPICS[JOURNAL].partitions == TOPICS[SEGMENTED].partitions


def test_counts_are_co_partitioned_with_the_submissions() -> None:
    """Whoever is assigned a partition of submissions finds what was counted of it under the same number."""
    assert TOPICS[COUNTED].partitions == TOPICS[SCREENED].partitions == TOPICS[SUBMITTED].partitions


def test_times_of_submissions_and_of_what_is_decided_about_them_are_the_brokers() -> None:
    """By them it is found what may come again (pipeline/kafka/views/screens_view.py)."""
    times = {TOPICS[it].configs()["message.timestamp.type"] for it in (SUBMITTED, SCREENED)}
    assert times == {"LogAppendTime"}


def test_partitions_are_the_installations_except_where_order_is_total() -> None:
    """The directory is one sequence and so is the audit log; dead letters are few."""
    one = {name for name, topic in TOPICS.items() if topic.partitions == 1}
    assert one == {DIRECTORY, AUDIT, OPTED_OUT, REMEMBERED, INGRESS_ANNOUNCED} | {
        name for name in TOPICS if name.endswith(DEAD_LETTER_SUFFIX)
    }
    assert {topic.partitions for name, topic in TOPICS.items() if name not in one} == {6}


def test_only_what_customers_ask_for_and_are_told_is_public() -> None:
    """Everything else may change with any release."""
    assert [name for name, topic in TOPICS.items() if topic.public] == [SUBMITTED, CANCEL_REQUESTED, STATUS]


def test_what_waits_for_its_time_is_kept_until_then() -> None:
    """What the message log is made anew from is there for longer than anything may wait; what has gone, for a day."""
    assert TOPICS[SCHEDULED].retention_ms > LONGEST_WAIT.total_seconds() * 1000
    assert {TOPICS[name].partitions for name in (*TIMED, DEFERRED)} == {6}
    told_seconds = int(TOPICS[DEFERRED].configs()["delete.retention.ms"]) / 1000
    assert (TOPICS[DEFERRED].cleanup, told_seconds > 10 * TRUSTED_SECONDS) == ("compact", True)


def test_what_a_topic_takes_fits_into_its_dead_letters() -> None:
    """The largest record that a producer can get into a topic must not be too large to be refused."""
    for topic in TOPICS.values():
        if topic.dead_letter:
            room = int(TOPICS[topic.dead_letter].configs()["max.message.bytes"])
            assert room - int(topic.configs()["max.message.bytes"]) >= 65_536


def test_configs_are_kafkas_own_words() -> None:
    """Spelled out once, so that a change of the defaults is seen."""
    assert TOPICS[SUBMITTED].configs() == {
        "cleanup.policy": "delete",
        "retention.ms": "604800000",
        "max.message.bytes": str(MAX_BATCH_BYTES),
        "message.timestamp.type": "LogAppendTime",
        "message.timestamp.after.max.ms": "9223372036854775807",
    }
    assert TOPICS[DLR_RECEIVED].configs()["message.timestamp.type"] == "CreateTime"
    assert TOPICS[DIRECTORY].configs() == {
        "cleanup.policy": "compact",
        "retention.ms": "-1",
        "max.message.bytes": "4194304",
        "message.timestamp.type": "CreateTime",
        "message.timestamp.after.max.ms": "9223372036854775807",
        "min.cleanable.dirty.ratio": "0.1",
    }


@pytest.mark.parametrize(
    ("seconds", "label"),
    [(1, "1s"), (59, "59s"), (60, "1m"), (61, "61s"), (90, "90s"), (120, "2m"), (3599, "3599s"), (3600, "1h"),
     (3660, "61m"), (86_400, "24h"), (604_800, "168h")],
)  # fmt: skip
def test_delay_labels(seconds: int, label: str) -> None:
    """The largest unit that divides."""
    assert delay_label(seconds) == label


def test_delay_labels_are_one_to_one() -> None:
    """Two delays never share a topic."""
    assert len({delay_label(seconds) for seconds in range(1, 20_000)}) == 19_999


def test_a_delay_listed_twice_is_one_tier() -> None:
    """Trying twice after five seconds is a fair wish; a topic cannot exist twice."""
    names = [topic.name for topic in catalogue(1, (5, 5, 30), (5, 5))]
    assert len(names) == len(set(names))


def test_default_delays_rise() -> None:
    """Each attempt waits longer than the one before."""
    for delays in (CALLBACK_DELAYS_SECONDS, MT_RETRY_DELAYS_SECONDS):
        assert all(a < b for a, b in pairwise(delays))
