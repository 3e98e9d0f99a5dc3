"""When users and API keys were last used: to the minute, because every use would be a write."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Literal

from agents.panel.operations.ports import Clock

EVERY: Final = timedelta(minutes=1)

Kind = Literal["user", "apikey"]


class LastUses:
    """Held in memory; `keep` gets what is to outlive the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at: dict[str, datetime] = {}
        self.keep: Callable[[str, datetime], None] = _nowhere

    def load(self, key: str, at: datetime) -> None:
        """Take what was kept of `user:<id>` or `apikey:<id>`."""
        self._at[key] = at

    def note(self, kind: Kind, identity: str) -> None:
        """Note a use, now."""
        key, now = f"{kind}:{identity}", self._clock()
        before = self._at.get(key)
        if before is None or now - before >= EVERY:
            self._at[key] = now
            self.keep(key, now)

    def of(self, kind: Kind, identity: str) -> datetime | None:
        """Return when one was last used, None when that is not known."""
        return self._at.get(f"{kind}:{identity}")


def _nowhere(_key: str, _at: datetime) -> None:
    """Keep nothing: of a process that remembers nothing."""
