"""Whom a notification goes to, or how it ends where that is nobody."""

from typing import NamedTuple

from agents.callback import attempts
from agents.callback.disabled import DisabledEndpoints
from agents.callback.line_up import Notification
from agents.callback.reschedule import DISABLED, STAGE, refused
from pipeline.callbacks.endpoint import Endpoint, endpoint_of
from pipeline.callbacks.notification import is_wanted
from pipeline.http.url import origin_of
from pipeline.metrics import MESSAGES
from schemas.directory.trunk import Trunk
from schemas.messages.callback import CallbackVia
from schemas.record import OutRecord

_nobody_to_notify = MESSAGES.labels(STAGE, "nobody-to-notify")
_filtered = MESSAGES.labels(STAGE, "filtered")


class Nobody(NamedTuple):
    """Nobody is told: a dead letter may say so, or an event."""

    dead_letter: OutRecord | None = None
    event: OutRecord | None = None


def nobody() -> Nobody:
    """Return the end of a notification that nobody waits for, and count it."""
    _nobody_to_notify.inc()
    return Nobody()


class Addressees:
    """Finds them in what the directory says at this moment."""

    def __init__(self) -> None:
        self.disabled = DisabledEndpoints()

    def of(self, notification: Notification, trunk: Trunk, peer: str | None = None) -> Endpoint | Nobody:
        """Return where to post what is on its way to `peer`."""
        found = endpoint_of(trunk, notification.status, peer)
        if found is None:
            return nobody()
        if not is_wanted(trunk, notification.status):
            _filtered.inc()
            return Nobody(event=attempts.filtered(notification, found))
        is_own = found.via is not CallbackVia.MESSAGE
        if is_own and (trunk.callback_disabled_at is not None or trunk in self.disabled):
            why = f"{origin_of(trunk.callback_url or found.url)} answered 410 and is disabled"
            return Nobody(dead_letter=refused(notification.work, DISABLED, why))
        return found
