"""One attempt for each of a batch, in one POST. Each has its own outcome to follow, as if it had been posted alone.

A crash before what follows is durable repeats the attempts, each with the `webhook-id` that it had; with which others,
and so under which id of the POST, is open.
"""

from collections.abc import Awaitable, Callable, Iterable

from agents.callback.addressee import Addressees, Nobody
from agents.callback.line_up import Notification
from agents.callback.outcomes import Outcomes
from agents.callback.posting import EndpointPoster
from pipeline.callbacks.batch import document_of, gathers, id_of
from pipeline.callbacks.endpoint import Endpoint
from pipeline.directory.model import Directory
from pipeline.errors import SmsoutError
from pipeline.posting.dispatcher import Turn
from pipeline.posting.intake import Entry
from schemas.directory.trunk import Trunk

Entries = Iterable[Entry[Notification]]


class Together:
    """Makes attempts. `line_up` takes back what should not be posted together any more."""

    def __init__(
        self,
        directory: Directory,
        addressees: Addressees,
        poster: EndpointPoster,
        outcomes: Outcomes,
        line_up: Callable[[Entries], Awaitable[None]],
    ) -> None:
        self._directory = directory
        self._addressees = addressees
        self._poster = poster
        self._outcomes = outcomes
        self._line_up = line_up

    async def __call__(self, turn: Turn[Entry[Notification]]) -> None:
        """Make the attempts of a turn. URL, secrets, and whether they go together, are those of this moment."""
        entries = (turn.item, *turn.others)
        trunk = self._directory.trunk(turn.item.payload.status.trunk_id)
        if trunk is None or not gathers(trunk):
            for entry in entries:
                entry.part = None
            await self._line_up(entries)
            return
        endpoint, told, events = self._sort(entries, trunk, turn.peer.name)
        if endpoint is None:
            return
        try:
            posted = await self._poster.post(turn, trunk, endpoint, told, id_of(events), document_of(events.values()))
        except SmsoutError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the agent at each of its lives
            for it in told:
                self._outcomes.set_aside(it.work, error)
            return
        for it in told:
            try:
                self._outcomes.conclude(it, trunk, endpoint, posted)
            except SmsoutError:
                raise
            except Exception as error:  # noqa: BLE001  # what has been accepted for others stays accepted
                self._outcomes.set_aside(it.work, error)

    def _sort(
        self, entries: Entries, trunk: Trunk, peer: str
    ) -> tuple[Endpoint | None, list[Notification], dict[str, bytes]]:
        """Begin entries, and end those that nobody wants; return where the others go, these, and their events by id.

        One that is here twice, because somebody has asked for it again, is told once.
        """
        endpoint: Endpoint | None = None
        told: list[Notification] = []
        events: dict[str, bytes] = {}
        for entry in entries:
            notification = entry.payload
            if entry.part is None or not notification.work.begin():
                continue
            found = self._addressees.of(notification, trunk, peer)
            if isinstance(found, Nobody):
                self._outcomes.end(notification.work, found)
            else:
                endpoint = found  # the same for all: they gather by peer and URL
                told.append(notification)
                events[notification.status.webhook_id] = entry.part.content
        return endpoint, told, events
