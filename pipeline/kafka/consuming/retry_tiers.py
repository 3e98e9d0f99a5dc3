"""Consumes the delay tiers of a family: one topic per delay, each record handed out when it is due.

One member consumes all tiers. The partitions of a tier whose oldest record is not due are paused until it is; a
million waiting records cost disk and nothing else.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import AwareDatetime, ValidationError

from pipeline.kafka.consuming.commits import JournalEnd
from pipeline.kafka.consuming.consumer import Recover, TrackedConsumer
from pipeline.kafka.consuming.pauses import WaitSeconds
from pipeline.posting.retry_schedule import wait_seconds
from pipeline.settings import AgentSettings, KafkaSettings
from schemas.topics import tier_topic
from schemas.wire import WireModel


class _Waiting(WireModel):
    """The one attribute that every waiting record has (schemas/callback.py, schemas/mt_message.py)."""

    due_at: AwareDatetime


def tier_consumer(
    kafka: KafkaSettings,
    agent: AgentSettings,
    *,
    group: str,
    family: str,
    delays_seconds: Sequence[int],
    run_ahead: int,
    recover: Recover | None = None,
    journal_end: JournalEnd | None = None,
) -> TrackedConsumer:
    """Return a consumer, not yet started, of every tier of `family`."""
    tiers = {tier_topic(family, seconds): seconds for seconds in delays_seconds}
    return TrackedConsumer(
        kafka,
        agent,
        group=group,
        topics=tuple(tiers),
        run_ahead=run_ahead,
        wait_seconds=wait_in(tiers),
        hands_on=True,
        recover=recover,
        journal_end=journal_end,
    )


def wait_in(tiers: dict[str, int]) -> WaitSeconds:
    """Return the rule for how long a record of `tiers`, topics with their delays in seconds, must still wait.

    A record that cannot be read is due at once: it will not become readable by waiting, and whoever works on it makes
    a dead letter of it.
    """

    def wait(topic: str, value: bytes | None) -> float:
        try:
            due_at = _Waiting.model_validate_json(value or b"").due_at
        except ValidationError:
            return 0.0
        return wait_seconds(due_at, datetime.now(UTC), tiers[topic])

    return wait
