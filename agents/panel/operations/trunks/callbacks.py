"""Endpoints of callbacks: how attempts went, which endpoint wants no more, and enabling it again."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.ports import DirectoryStore
from pipeline.http.url import http_url
from schemas.directory.people import PanelRole
from schemas.directory.trunk import Trunk
from schemas.messages.callback import AttemptOutcome, CallbackAttempt

SHOWN: Final = 20
MAX_TRUNKS: Final = 2000

# Nobody asked for it: the system acts on what an endpoint has answered.
SYSTEM: Final = Actor("system", "", "system", PanelRole.OPERATOR, None)

_TRUNK_ID: Final = b'"trunk_id":"'
_ID_LENGTH: Final = 36
_GONE: Final = b'"outcome":"gone"'
_FILTERED: Final = b'"outcome":"filtered"'


class RecentAttempts:
    """The newest attempts of each trunk, as the bytes that they came in: most are never looked at.

    Trunks that have not had one for longest make room.
    """

    def __init__(self, max_trunks: int = MAX_TRUNKS) -> None:
        self._max_trunks = max_trunks
        self._values: OrderedDict[str, deque[bytes]] = OrderedDict()

    def note(self, value: bytes) -> CallbackAttempt | None:
        """Take a record; return it when its endpoint has said that it wants no more."""
        at = value.find(_TRUNK_ID)
        if at < 0 or _FILTERED in value:
            return None
        begin = at + len(_TRUNK_ID)
        trunk_id = value[begin : begin + _ID_LENGTH].decode(errors="replace")
        held = self._values.setdefault(trunk_id, deque(maxlen=SHOWN))
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


class Callbacks:
    """What concerns the endpoints of trunks. `attempts` is filled by whoever follows the topic."""

    def __init__(self, access: Access, changes: Changes, store: DirectoryStore) -> None:
        self._access = access
        self._changes = changes
        self._store = store
        self.attempts = RecentAttempts()

    def recent_attempts(self, actor: Actor, trunk_id: str) -> tuple[CallbackAttempt, ...]:
        """Return a trunk's newest attempts, newest first, as far as this panel knows them."""
        actor.must(Permission.SEE)
        return tuple(self.attempts.of(self._access.trunk(actor, trunk_id).id))

    async def enable(self, actor: Actor, trunk_id: str) -> Trunk:
        """Have notifications posted again to an endpoint that had answered 410. Changes nothing where none had."""
        actor.must(Permission.MANAGE_TRUNKS)

        def enabled(trunk: Trunk) -> Trunk:
            if trunk.callback_disabled_at is None:
                return trunk
            return trunk.model_copy(update={"callback_disabled_at": None})

        await self._changes.update(actor, "callback.enabled", lambda: self._access.trunk(actor, trunk_id), enabled)
        return self._access.trunk(actor, trunk_id)

    async def disable(self, attempt: CallbackAttempt) -> bool:
        """Disable the endpoint that has answered `attempt` with 410; tell whether that was to be done.

        It was not when the trunk has another endpoint by now, or has been written since the attempt: whoever did so
        may have enabled it. Should the endpoint still be gone, the next attempt says so again.
        """
        async with self._changes.exclusive:
            trunk = self._access.directory.trunk(attempt.trunk_id)
            if (
                trunk is None
                or trunk.deleted_at is not None
                or trunk.callback_url is None
                or trunk.callback_disabled_at is not None
                or http_url(trunk.callback_url).origin != attempt.endpoint
            ):
                return False
            written_at = self._store.written_at(trunk)
            if written_at is not None and written_at >= attempt.at:
                return False
            disabled = trunk.model_copy(update={"callback_disabled_at": attempt.at})
            await self._changes.write(SYSTEM, "callback.disabled", disabled)
        return True


def _read(value: bytes) -> CallbackAttempt | None:
    try:
        return CallbackAttempt.from_bytes(value)
    except ValidationError:
        return None
