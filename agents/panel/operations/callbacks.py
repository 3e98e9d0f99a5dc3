"""Endpoints of callbacks: how attempts went, which endpoint wants no more, and enabling it again."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.desk import places_of
from agents.panel.operations.trunks import Trunks
from pipeline.http.url import endpoint
from schemas.callback import AttemptOutcome, CallbackAttempt
from schemas.directory.people import PanelRole
from schemas.directory.trunk import Trunk

SHOWN: Final = 20
MAX_TRUNKS: Final = 2000

# Nobody asked for it: the system acts on what an endpoint has answered.
SYSTEM: Final = Actor("system", "", "system", PanelRole.OPERATOR, None)

_TRUNK_ID: Final = b'"trunk_id":"'
_ID_LENGTH: Final = 36
_GONE: Final = b'"outcome":"gone"'


class RecentAttempts:
    """The newest attempts of each trunk, as the bytes that they came in: most are never looked at.

    Trunks that have not had one for longest make room.
    """

    def __init__(self, shown: int = SHOWN, max_trunks: int = MAX_TRUNKS) -> None:
        self._shown = shown
        self._max_trunks = max_trunks
        self._values: OrderedDict[str, deque[bytes]] = OrderedDict()

    def note(self, value: bytes) -> CallbackAttempt | None:
        """Take a record; return it when its endpoint has said that it wants no more."""
        at = value.find(_TRUNK_ID)
        if at < 0:
            return None
        begin = at + len(_TRUNK_ID)
        trunk_id = value[begin : begin + _ID_LENGTH].decode(errors="replace")
        held = self._values.setdefault(trunk_id, deque(maxlen=self._shown))
        held.append(value)
        self._values.move_to_end(trunk_id)
        if len(self._values) > self._max_trunks:
            self._values.popitem(last=False)
        if _GONE not in value:
            return None
        attempt = _read(value)
        return attempt if attempt is not None and attempt.outcome is AttemptOutcome.GONE else None

    def of(self, trunk_id: str) -> Iterable[CallbackAttempt]:
        """Return a trunk's newest attempts, newest first."""
        found = (_read(value) for value in self._values.get(trunk_id, ()))
        mine = [attempt for attempt in found if attempt is not None and attempt.trunk_id == trunk_id]
        return sorted(mine, key=lambda attempt: attempt.at, reverse=True)


class Callbacks(Trunks):
    """What concerns the endpoints of trunks. `attempts` is filled by whoever follows the topic."""

    attempts: RecentAttempts

    def recent_attempts(self, actor: Actor, trunk_id: str) -> tuple[CallbackAttempt, ...]:
        """Return a trunk's newest attempts, newest first, as far as this panel knows them."""
        actor.must(Permission.SEE)
        return tuple(self.attempts.of(self._trunk(actor, trunk_id).id))

    async def enable_callback(self, actor: Actor, trunk_id: str) -> Trunk:
        """Have notifications posted again to an endpoint that had answered 410. Changes nothing where none had."""
        actor.must(Permission.MANAGE_TRUNKS)
        async with self._changing:
            trunk = self._trunk(actor, trunk_id)
            if trunk.callback_disabled_at is not None:
                enabled = trunk.model_copy(update={"callback_disabled_at": None})
                with places_of(enabled):
                    await self._save(actor, "callback.enabled", enabled)
        return self._trunk(actor, trunk_id)

    async def disable_callback(self, attempt: CallbackAttempt) -> bool:
        """Disable the endpoint that has answered `attempt` with 410; tell whether that was to be done.

        It was not when the trunk has another endpoint by now, or has been written since the attempt: whoever did so
        may have enabled it. Should the endpoint still be gone, the next attempt says so again.
        """
        async with self._changing:
            trunk = self.directory.trunk(attempt.trunk_id)
            if (
                trunk is None
                or trunk.deleted_at is not None
                or trunk.callback_url is None
                or trunk.callback_disabled_at is not None
                or endpoint(trunk.callback_url).origin != attempt.endpoint
            ):
                return False
            written_at = self._tools.writer.written_at(trunk)
            if written_at is not None and written_at >= attempt.at:
                return False
            await self._save(SYSTEM, "callback.disabled", trunk.model_copy(update={"callback_disabled_at": attempt.at}))
        return True


def _read(value: bytes) -> CallbackAttempt | None:
    try:
        return CallbackAttempt.from_bytes(value)
    except ValidationError:
        return None
