"""Where a message is and why it is not further, in words: from what the log knows and from where it was found."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from pipeline.counted import counted
from pipeline.dead_letters.book import Letter
from pipeline.message_log.reading.history import MessageHistory, outcome_words
from pipeline.message_log.reading.message import LogState
from schemas.directory.trunk import Trunk
from schemas.headers.parked import Parked
from schemas.messages.callback import AttemptOutcome, WaitingNotification
from schemas.messages.mt_message import WaitingMessage

NEWS: Final = timedelta(seconds=10)
"""How young an attempt is that may just be going on."""
LATE: Final = timedelta(seconds=5)
"""What is due for longer should have been sent."""


class Queue(NamedTuple):
    """A record that its agent has not come to: `ahead` records of its partition go first."""

    topic: str
    partition: int
    ahead: int


@dataclass(slots=True)
class Whereabouts:
    """Where a message was found; None and nothing where it was not."""

    processor: Queue | None = None
    scheduler: Queue | None = None
    delivery: Queue | None = None
    parked: Parked | None = None
    waiting: tuple[str, WaitingMessage] | None = None
    """The retry tier that it is in."""
    notifying: Queue | None = None
    parked_callback: Parked | None = None
    callbacks: tuple[tuple[str, WaitingNotification], ...] = ()
    letters: tuple[Letter, ...] = ()


def sentences(
    history: MessageHistory,
    found: Whereabouts,
    now: datetime,
    trunk: Trunk | None,
    name_of: Callable[[str], str],
) -> list[str]:
    """Say where a message is, the place that matters most first; `name_of` names a carrier or a trunk by its id."""
    said = [_letter(it) for it in found.letters]
    said += _on_its_way(history, found, now, name_of) if history.message.status is None else []
    said += _wish(history)
    if history.message.status is not None:
        said.append(f"It is done: {outcome_words(history.message)}.")
        if history.message.delivery_status is not None:
            said.append(f"The carrier's receipt says {history.message.delivery_status}.")
        said += _callbacks(history, found, now, trunk)
    return said


def _on_its_way(history: MessageHistory, found: Whereabouts, now: datetime, name_of: Callable[[str], str]) -> list[str]:
    message = history.message
    if message.expires_at is not None and message.expires_at <= now:
        late = [f"Its time to live ended at {_clock(message.expires_at)}: it fails when its turn comes."]
    else:
        late = []
    if (waiting := found.waiting) is not None:
        topic, it = waiting
        return [
            f"It waits in {topic} for attempt {it.attempt}, due {_due(it.due_at, now)}: {it.last_error}.", *late,
        ]  # fmt: skip
    if (parked := found.parked) is not None:
        return [
            f"It is parked: {_peer(parked.peer, name_of)} is away, or others of its sender come first. It goes on by "
            f"itself; it is given up at {_clock(datetime.fromtimestamp(parked.expires_ms / 1000, UTC))}.", *late,
        ]  # fmt: skip
    if message.state == LogState.SCHEDULED and message.send_at is not None:
        return _scheduled(message.send_at, found, now)
    if message.state == LogState.QUEUED:
        if found.processor is not None:
            return [f"It is between ingress and the processor: {_ahead(found.processor)}. Is the processor running?"]
        if found.letters:
            return []
        return ["The processor has taken it, and the log has not heard what became of it yet: look again."]
    open_marks = [it for it in history.marks if it.is_open]
    if open_marks and now - open_marks[-1].at > NEWS:
        mark = open_marks[-1]
        return [
            f"Segment {mark.seqnum} was posted to {name_of(mark.carrier_id)} at {_clock(mark.at)} and nothing is known "
            "of the answer: it is in doubt, and is settled by the carrier's policy when delivery comes to it again.",
            *late,
        ]  # fmt: skip
    if found.delivery is not None:
        carrier = f" It goes to {name_of(message.carrier_id)}." if message.carrier_id else ""
        return [
            f"It is between the processor and delivery: {_ahead(found.delivery)}. Is delivery running, and does the "
            f"carrier answer?{carrier}", *late,
        ]  # fmt: skip
    if found.letters:
        return late
    return ["Delivery has it, and the log has not heard what became of it yet: look again.", *late]


def _scheduled(send_at: datetime, found: Whereabouts, now: datetime) -> list[str]:
    if found.scheduler is not None:
        return [f"It is between the processor and the scheduler: {_ahead(found.scheduler)}. Is the scheduler running?"]
    if found.letters:
        return []
    if send_at + LATE < now:
        return [f"Its time has come, {_due(send_at, now)}, and it is still held. Is the scheduler running?"]
    return [f"It waits for its time: it is to be sent {_due(send_at, now)}."]


def _wish(history: MessageHistory) -> list[str]:
    """Say what was asked to be cancelled, and what came of it as far as that is known."""
    if history.wish is None or history.message.status == LogState.CANCELED:
        return []
    asked = f"A cancellation of {'its bulk' if history.wish.is_bulk else 'it'} was asked for at "
    asked += _clock(history.wish.at)
    if history.message.status is not None:
        return [f"{asked}, too late."]
    return [f"{asked}: it is canceled unless a carrier has some of it already."]


def _callbacks(history: MessageHistory, found: Whereabouts, now: datetime, trunk: Trunk | None) -> list[str]:
    if trunk is None:
        return ["Its trunk is gone: nobody is notified."]
    said = [
        f"Its notification ({it.status.stage.value}) waits in {topic} for attempt {it.attempt}, due "
        f"{_due(it.due_at, now)}: {it.last_error}."
        for topic, it in found.callbacks
    ]
    if found.parked_callback is not None:
        said.append("Its notification is parked: the endpoint is away. It goes on by itself.")
    if said:
        return said
    has_own = history.message.callback_url is not None
    if trunk.callback_url is None and not has_own:
        return ["The trunk has no callback URL: nobody is notified."]
    if trunk.callback_disabled_at is not None and not has_own:
        at = _clock(trunk.callback_disabled_at)
        return [f"The endpoint answered 410 Gone at {at}: nothing is posted to it until somebody enables it again."]
    if not history.callbacks:
        if found.notifying is not None:
            queue = found.notifying
            return [f"Its notification waits for its turn: {queue.ahead:,} statuses are ahead in {_where(queue)}."]
        return ["No attempt to notify is known."]
    last = history.callbacks[-1]
    answer = last.status_code or last.error or "no answer"
    if last.outcome == AttemptOutcome.FILTERED:
        return ["The trunk has not chosen to hear of what became of it: nothing was posted."]
    if last.outcome == "accepted":
        return [f"The customer's endpoint has taken the notification at {_clock(last.at)} ({answer})."]
    return [f"The last attempt to notify, at {_clock(last.at)}, was {last.outcome}: {answer}. No further one waits."]


def _letter(letter: Letter) -> str:
    source = letter.source
    return (
        f"There is a dead letter: {source.topic} partition {source.partition} offset {source.offset} was refused by "
        f"{source.stage} ({source.reason}: {source.detail}). `smsout dead-letters show {letter.topic} {letter.offset}`"
    )


def _ahead(queue: Queue) -> str:
    before = f"{counted(queue.ahead, 'record')} before it" if queue.ahead else "it is the next"
    return f"{before} in {_where(queue)}"


def _where(queue: Queue) -> str:
    return f"{queue.topic} partition {queue.partition}"


def _peer(peer: str, name_of: Callable[[str], str]) -> str:
    return name_of(peer)


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _due(at: datetime, now: datetime) -> str:
    seconds = round((at - now).total_seconds())
    when = f"in {seconds:,} s" if seconds > 0 else "now" if seconds > -5 else f"for {-seconds:,} s"
    return f"{when} ({_clock(at)})"
