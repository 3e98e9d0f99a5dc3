"""One attempt to notify, and what follows from its outcome.

A crash before what follows is durable repeats the attempt with the same `webhook-id`; it never makes two chains of one.
A trunk that has chosen that is told of several statuses in one POST: `together`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import time

from agents.callback.addressee import Addressees, Nobody, nobody
from agents.callback.attempts import AttemptLog
from agents.callback.identity import Identities
from agents.callback.line_up import Notification, Unreadable
from agents.callback.outcomes import Outcomes
from agents.callback.posting import EndpointPoster
from agents.callback.reschedule import UNREADABLE, exhausted, refused
from agents.callback.together import Together
from pipeline.callbacks.batch import document_of, event_of, gathers, id_of
from pipeline.callbacks.endpoint import trunk_id_of, url_of
from pipeline.callbacks.notification import body_of
from pipeline.directory.callback_secrets import CallbackSealer
from pipeline.errors import SmsoutError
from pipeline.http.client import HttpPoster
from pipeline.kafka.consuming.work import Work
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.posting.dispatcher import Turn
from pipeline.posting.intake import Entry
from pipeline.posting.retry_schedule import RetrySchedule
from pipeline.tracing.spans import UNTRACED, Tracing


class Notifier:
    """Makes attempts. Every record goes through `has_to_wait` once, and then comes to its turn.

    `line_up` takes back what cannot be posted as it has gathered.
    """

    def __init__(
        self,
        view: DirectoryView,
        poster: HttpPoster,
        attempt_log: AttemptLog,
        schedule: RetrySchedule,
        sealer: CallbackSealer | None = None,
        tracing: Tracing = UNTRACED,
        *,
        line_up: Callable[[Iterable[Entry[Notification]]], Awaitable[None]],
    ) -> None:
        self._view = view
        self._poster = EndpointPoster(poster, Identities(sealer), tracing)
        self._addressees = Addressees()
        self._outcomes = Outcomes(attempt_log, schedule, self._addressees.disabled)
        self._together = Together(view.directory, self._addressees, self._poster, self._outcomes, line_up)
        self._catching_up = asyncio.Lock()
        self._caught_up_at_ms = 0.0

    def report(self) -> None:
        """Bring the metrics up to date."""
        self._poster.report()
        self._outcomes.report()

    def has_to_wait(self, item: Notification | Unreadable) -> bool:
        """Tell whether `item` has to wait for its turn; what nobody is to be told of has ended already."""
        work = item.work
        if isinstance(item, Unreadable):
            if work.begin():
                work.finish([refused(work, UNREADABLE, item.detail)])
            return False
        trunk = self._view.directory.trunk(item.status.trunk_id)
        if trunk is None:
            return True  # it has to be looked up
        found = self._addressees.of(item, trunk)
        if isinstance(found, Nobody) and work.begin():
            self._outcomes.end(work, found)
        return not isinstance(found, Nobody)

    def expire(self, notification: Notification) -> None:
        """End what has waited for its endpoint for as long as the whole schedule takes."""
        if notification.work.begin():
            why = f"before attempt {notification.attempt}: the endpoint took nothing for all the time"
            notification.work.finish([exhausted(notification, why)])

    async def reach(self, peer: str) -> bool:
        """Tell whether a trunk's endpoint can be connected to, as far as a peer's name says which one that is."""
        trunk = self._view.directory.trunk(trunk_id_of(peer))
        url = None if trunk is None else url_of(trunk, peer)
        return trunk is None or url is None or await self._poster.reach(trunk, url)

    async def __call__(self, turn: Turn[Entry[Notification]]) -> None:
        """Make one attempt. URL and secrets are those of this moment."""
        if turn.item.part is not None:
            await self._together(turn)
            return
        notification = turn.item.payload
        work = notification.work
        if not work.begin():
            return
        try:
            await self._notify(turn, notification)
        except SmsoutError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the agent at each of its lives
            self._outcomes.set_aside(work, error)

    async def _notify(self, turn: Turn[Entry[Notification]], notification: Notification) -> None:
        work, status = notification.work, notification.status
        trunk = self._view.directory.trunk(status.trunk_id)
        if trunk is None:
            await self._catch_up_with(work)
            trunk = self._view.directory.trunk(status.trunk_id)
        if trunk is None:
            self._outcomes.end(work, nobody())
            return
        found = self._addressees.of(notification, trunk, turn.peer.name)
        if isinstance(found, Nobody):
            self._outcomes.end(work, found)
            return
        webhook_id = status.webhook_id
        try:
            if gathers(trunk):  # it has chosen that since this began to wait
                webhook_id, body = id_of([webhook_id]), document_of([event_of(status)])
            else:
                body = body_of(status)
        except (ArithmeticError, ValueError) as error:  # a time before the calendar's, a price beyond all bounds
            work.finish([refused(work, UNREADABLE, f"no body can be made: {error!r}")])
            return
        posted = await self._poster.post(turn, trunk, found, (notification,), webhook_id, body)
        self._outcomes.conclude(notification, trunk, found, posted)

    async def _catch_up_with(self, work: Work) -> None:
        """See that the directory is at least as new as `work`.

        Whoever wrote the status may have read of a new trunk a moment before this process has. One look at the topic
        serves every record that is older than it, so trunks that do not exist cost a look now and then.
        """
        async with self._catching_up:
            if work.record.timestamp_ms >= self._caught_up_at_ms:
                now_ms = time() * 1000
                await self._view.catch_up()
                self._caught_up_at_ms = now_ms
