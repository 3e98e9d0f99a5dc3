"""Consumes the delay tiers of a family: one topic per delay, each record handed out when it is due.

One member consumes all tiers. The partitions of a tier whose oldest record is not due are paused until it is; a
million waiting records cost disk and nothing else.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import AwareDatetime, ValidationError

from pipeline.kafka.consuming.consumer import TrackedConsumer
from pipeline.kafka.consuming.handoff import HandOff
from pipeline.kafka.consuming.pauses import WaitSeconds
from pipeline.kafka.consuming.rebalances import Owner
from pipeline.settings import AgentSettings, KafkaSettings
from pipeline.slot import Slot
from schemas.record import WireModel
from schemas.topics import tier_topic


class _Waiting(WireModel):
    """The one attribute that every waiting record has, in schemas/messages: callback.py, mt_message.py."""

    due_at: AwareDatetime


def tier_consumer(
    kafka: KafkaSettings,
    agent: AgentSettings,
    *,
    slot: Slot,
    group: str,
    family: str,
    delays_seconds: Sequence[int],
    run_ahead: int,
    owner: Owner | None = None,
) -> TrackedConsumer:
    """Return a consumer, not yet started, of every tier of `family`."""
    tiers = {tier_topic(family, seconds): seconds for seconds in delays_seconds}
    return TrackedConsumer(
        kafka,
        agent,
        slot=slot,
        group=group,
        topics=tuple(tiers),
        run_ahead=run_ahead,
        wait_seconds=wait_in(tiers),
        hand_off=HandOff(kafka, group=group),
        owner=owner,
    )


def wait_in(tiers: dict[str, int]) -> WaitSeconds:
    """Return the rule for how long a record of `tiers`, topics with their delays in seconds, must still wait.

    Never longer than its tier's delay, counted from when it was first looked at. A record that says it was written in
    the future shows that the clock has been put back, by how much at least; those behind it are judged with that, so
    that they do not wait a whole delay each.

    A record that cannot be read is due at once: it will not become readable by waiting, and whoever works on it makes
    a dead letter of it.
    """
    put_back: dict[str, float] = {}

    def wait(topic: str, value: bytes | None) -> float:
        try:
            due_at = _Waiting.model_validate_json(value or b"").due_at
        except ValidationError:
            return 0.0
        delay = tiers[topic]
        left = (due_at - datetime.now(UTC)).total_seconds()
        if left <= delay:
            put_back.pop(topic, None)
            return max(left, 0.0)
        behind = put_back[topic] = max(put_back.get(topic, 0.0), left - delay)
        return min(max(left - behind, 0.0), float(delay))

    return wait
