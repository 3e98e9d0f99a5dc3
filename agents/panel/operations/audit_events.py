"""The audit log as people read it: everybody the own account's part of it."""

from collections.abc import Iterator
from datetime import datetime

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.audit_trail import AuditTrail
from agents.panel.operations.entries.paging import FIRST_PAGE, Paging, Slice
from schemas.directory.audit import AuditEvent


class AuditEvents:
    """The newest events, as many as the panel holds."""

    def __init__(self, access: Access, trail: AuditTrail) -> None:
        self._access = access
        self._trail = trail

    def list(
        self,
        actor: Actor,
        *,
        account_id: str | None = None,
        text: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        paging: Paging = FIRST_PAGE,
    ) -> Slice[AuditEvent]:
        """Return the newest events first; those whose actor, action, target or address contains `text`.

        From `since` on, and before `until`.
        """
        return paging.cut(self.all(actor, account_id=account_id, text=text, since=since, until=until))

    def all(
        self,
        actor: Actor,
        *,
        account_id: str | None = None,
        text: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEvent]:
        """Iterate over the same events, all of them."""
        actor.must(Permission.SEE)
        account_id, wanted = self._access.scope(actor, account_id), text.strip().casefold()
        return (
            event
            for event in self._trail.newest()
            if (account_id is None or event.account_id == account_id)
            and (since is None or event.at >= since)
            and (until is None or event.at < until)
            and (not wanted or any(wanted in (it or "").casefold() for it in _searched(event)))
        )


def _searched(event: AuditEvent) -> tuple[str | None, ...]:
    return event.actor, event.action, event.target, event.target_name, event.ip
