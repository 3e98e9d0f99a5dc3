"""What is stuck and why, in words: findings from a picture of the installation, the gravest first."""

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from pipeline.counted import counted
from pipeline.dead_letters.brake import UNREADABLE

OVERDUE_SECONDS: Final = 60.0
"""A retry that is later than this waits for more than its turn."""
STILL_SECONDS: Final = 10.0
"""A record that is younger may just be at work."""
SHOWN: Final = 3


class Gravity(IntEnum):
    """How bad it is. Only notices leave the installation well."""

    BROKEN = 3
    STUCK = 2
    WAITING = 1
    NOTICE = 0


class Finding(NamedTuple):
    """One sentence for an operator. `subject` is a topic, a group or a name, for tools."""

    gravity: Gravity
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class GroupPicture:
    """A consumer group between two looks. Ages are of its oldest unfinished record, None when there is none."""

    group: str
    agent: str
    topics: str
    members: int
    lag: int
    moved: bool
    oldest_seconds: float | None = None
    targets: Counter[str] = field(default_factory=Counter)
    """Carriers or trunks that a sample of what is not finished is for."""


@dataclass(frozen=True, slots=True)
class TierPicture:
    """A retry family. `reasons` and `targets` count a sample; `overdue_seconds` is of the oldest record that is due."""

    family: str
    group: str
    agent: str
    members: int
    waiting: int
    overdue_seconds: float | None = None
    overdue_reason: str = ""
    reasons: Counter[str] = field(default_factory=Counter)
    targets: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class ParkedPicture:
    """What waits in a parking topic: `targets` are the carriers or trunks that it waits for.

    `complete` says whether everything was counted; `oldest_seconds` is of the oldest record.
    """

    topic: str
    targets: Counter[str]
    oldest_seconds: float | None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that was looked at. Lists of names are sorted."""

    missing_topics: tuple[str, ...] = ()
    drifted_topics: tuple[str, ...] = ()
    groups: tuple[GroupPicture, ...] = ()
    tiers: tuple[TierPicture, ...] = ()
    parked: tuple[ParkedPicture, ...] = ()
    directory_problem: str | None = None
    dead_writer: str | None = None
    disabled_endpoints: tuple[str, ...] = ()
    blocked_waiting: tuple[tuple[str, int], ...] = ()
    """Blocked carriers and trunks with how many messages of the sample wait for each."""
    dead_letters: tuple[tuple[str, str, int], ...] = ()
    """Topic, reason and count of what is not settled."""


def findings_of(picture: Picture) -> list[Finding]:
    """Return what is to be said, the gravest first."""
    found = [
        Finding(Gravity.BROKEN, it, f"the topic {it} does not exist: run `smsout topics apply`")
        for it in picture.missing_topics
    ]
    if (problem := picture.directory_problem) is not None:
        found.append(Finding(Gravity.BROKEN, "sms.directory", f"the directory cannot be read: {problem}"))
    found += [finding for group in picture.groups for finding in _of_group(group)]
    found += [finding for tier in picture.tiers for finding in _of_tier(tier)]
    found += [finding for parked in picture.parked for finding in _of_parked(parked)]
    found += [
        Finding(Gravity.WAITING, name, f"{name} is blocked, and {_at_least(count)} wait for it")
        for name, count in picture.blocked_waiting
    ]
    found += [
        Finding(
            Gravity.WAITING, topic,
            f"{count} dead letters in {topic} say {reason}: `smsout dead-letters list --topic {topic}`{_brake(reason)}",
        )
        for topic, reason, count in picture.dead_letters
    ]  # fmt: skip
    found += [
        Finding(Gravity.WAITING, it, f"the topic {it} differs from the catalogue: `smsout topics list`")
        for it in picture.drifted_topics
    ]
    if (writer := picture.dead_writer) is not None:
        text = f"the panel that wrote the directory ({writer}) has ended without giving it back; a new one may start"
        found.append(Finding(Gravity.NOTICE, "sms.directory", text))
    found += [
        Finding(Gravity.NOTICE, name, f"the endpoint of {name} answered 410 and is told nothing any more")
        for name in picture.disabled_endpoints
    ]
    return sorted(found, key=lambda it: -it.gravity)


def _of_group(group: GroupPicture) -> list[Finding]:
    age = "" if group.oldest_seconds is None else f", the oldest for {duration(group.oldest_seconds)}"
    if not group.members:
        return [
            Finding(
                Gravity.STUCK if group.lag else Gravity.WAITING, group.group,
                f"nobody consumes {group.topics}: is `{group.agent}` running? {group.lag} records wait{age}",
            )
        ]  # fmt: skip
    still = group.oldest_seconds is None or group.oldest_seconds >= STILL_SECONDS
    if group.lag and not group.moved and still:
        return [
            Finding(
                Gravity.STUCK, group.group,
                f"{group.agent} does not get on with {group.topics}: {group.lag} records wait"
                f"{_for(group.targets)}{age}",
            )
        ]  # fmt: skip
    return []


def _of_tier(tier: TierPicture) -> list[Finding]:
    if not tier.members:
        return [
            Finding(
                Gravity.STUCK if tier.waiting else Gravity.WAITING, tier.group,
                f"nobody consumes {tier.family}: is `{tier.agent}` running? {tier.waiting} records wait",
            )
        ]  # fmt: skip
    if not tier.waiting:
        return []
    why = "; ".join(f"{count}x {text}" for text, count in tier.reasons.most_common(SHOWN))
    text = f"{tier.waiting} wait in {tier.family}{_for(tier.targets)}" + (f": {why}" if why else "")
    if tier.overdue_seconds is None or tier.overdue_seconds < OVERDUE_SECONDS:
        return [Finding(Gravity.NOTICE, tier.family, text)]
    late = f"the oldest is {duration(tier.overdue_seconds)} late: {tier.overdue_reason}"
    return [Finding(Gravity.STUCK, tier.family, f"{text}. {late}")]


def _of_parked(parked: ParkedPicture) -> list[Finding]:
    """What has waited for its turn for less than a minute may be behind others of its sender, and is no trouble."""
    count = parked.targets.total()
    if not count:
        return []
    age = parked.oldest_seconds or 0.0
    text = (
        f"{count}{'' if parked.complete else ' or more'} wait in {parked.topic}{_for(parked.targets)}, the oldest for "
        f"{duration(age)}: until it is back, or takes them"
    )
    return [Finding(Gravity.NOTICE if age < OVERDUE_SECONDS else Gravity.WAITING, parked.topic, text)]


def _for(targets: Counter[str]) -> str:
    if not targets:
        return ""
    shown = ", ".join(f"{name} ({count})" for name, count in targets.most_common(SHOWN))
    others = len(targets) - SHOWN
    return f" for {shown}" + (f" and {others} more" if others > 0 else "")


def _brake(reason: str) -> str:
    if reason.encode() not in UNREADABLE:
        return ""
    return "; an agent whose log says `dead-letter-brake` has stopped over more of them"


def _at_least(count: int) -> str:
    return f"{counted(count, 'message')} or more"


def duration(seconds: float) -> str:
    """Return `5 s`, `3 min`, `2 h` or `4 d`."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
