"""How the topics of a broker differ from the catalogue. Pure: what there is has been asked for elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pipeline.settings import TopicSettings
from schemas.topics import Topic


class Drift(NamedTuple):
    """One way in which a topic is not as the catalogue has it."""

    setting: str
    wanted: str
    found: str


class TopicState(StrEnum):
    """What was found, or done, about one topic."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    FIXED = "fixed"
    DRIFTED = "drifted"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class TopicReport:
    """One topic. `unchecked` names settings that this broker does not report."""

    topic: Topic
    state: TopicState
    drifts: tuple[Drift, ...] = ()
    unchecked: tuple[str, ...] = ()


def configs_of(topic: Topic, topics: TopicSettings) -> dict[str, str]:
    """Return the configs that `topic` must have in this installation."""
    return {**topic.configs(), "min.insync.replicas": str(topics.min_insync_replicas)}


def drifts_of(
    wanted: Mapping[str, str], found: Mapping[str, str], *, partitions: tuple[int, int], replicas: tuple[int, int]
) -> tuple[Drift, ...]:
    """Return how a topic differs; the pairs are (wanted, found), configs that `found` lacks are not compared."""
    counted = [("partitions", *partitions), ("replication factor", *replicas)]
    drifts = [Drift(name, str(want), str(have)) for name, want, have in counted if want != have]
    drifts += [
        Drift(name, want, found[name])
        for name, want in wanted.items()
        if name in found and normal(want) != normal(found[name])
    ]
    return tuple(drifts)


def normal(value: str) -> tuple[str, ...]:
    """Return a config's value so that it can be compared: brokers give `compact,delete` in an order of their own."""
    return tuple(sorted(part.strip() for part in value.split(",")))
