"""Which notifications an operator may ask for again, and the records that bring them to their endpoints again.

A notification that is asked for again is a waiting one whose attempts count from 1, with the `webhook-id` that it
always had: an endpoint that has it already can tell (Standard Webhooks). A chain that still waits goes on beside it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from pipeline.callbacks.notification import is_wanted
from pipeline.directory.model import Directory
from pipeline.errors import ConfigurationError, Refused
from schemas.directory.trunk import Trunk
from schemas.messages.callback import AttemptOutcome, CallbackAttempt, WaitingNotification
from schemas.messages.status import MessageStatus, StatusStage
from schemas.record import OutRecord
from schemas.topics import CALLBACK_RETRY, tier_topic

LAST_ERROR: Final = "resent by an operator"
MAX_AT_ONCE: Final = 100_000
"""Notifications of one request: what is held in memory, and what a slip of the pen can cause."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: one message's notifications, or those of a trunk; statuses from `since` to before `until`."""

    message_id: str | None = None
    trunk_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def includes(self, message_id: str, trunk_id: str, at: datetime) -> bool:
        """Tell whether something about this message, at this time, is meant."""
        return (
            (self.message_id is None or message_id == self.message_id)
            and (self.trunk_id is None or trunk_id == self.trunk_id)
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
        )


def obstacle(trunk: Trunk | None, status: MessageStatus | None = None) -> str | None:
    """Say why nobody can be notified now, or None; a `status` may say itself where it is told."""
    if trunk is None or trunk.deleted_at is not None:
        return "there is no such trunk any more"
    if status is not None and status.callback_url is not None:
        return None
    if trunk.callback_url is None:
        return "the trunk has no callback URL"
    if trunk.callback_disabled_at is not None:
        return f"the endpoint answered 410 Gone on {trunk.callback_disabled_at:%Y-%m-%d %H:%M} UTC: enable it first"
    return None


@dataclass(slots=True)
class Selection:
    """Notifications to be sent again, found by noting statuses and attempts in any order."""

    asked: Asked
    directory: Directory
    failed_only: bool = False
    unreadable: int = 0
    """Records that hold no status or attempt of ours; the agents make dead letters of them."""
    # By trunk and webhook-id: a producer may have given its message the id of another trunk's.
    _statuses: dict[tuple[str, str], MessageStatus] = field(default_factory=dict)
    _newest: dict[tuple[str, str], tuple[datetime, bool]] = field(default_factory=dict)

    def note_status(self, value: bytes | None, at: datetime) -> None:
        """Take a record of `sms.mt.status`, written `at`. Raises `Refused` when there are too many."""
        try:
            status = MessageStatus.from_bytes(value or b"")
        except ValidationError:
            self.unreadable += 1
            return
        if not self.asked.includes(status.message_id, status.trunk_id, at):
            return
        trunk = self.directory.trunk(status.trunk_id)
        unwanted = status.stage is StatusStage.DELIVERY and trunk is not None and not trunk.receipts_enabled
        if unwanted or (trunk is not None and not is_wanted(trunk, status)):
            return  # the trunk does not want to hear of these, now as then
        self._statuses[status.trunk_id, status.webhook_id] = status  # a replay says the same
        if len(self._statuses) > MAX_AT_ONCE:
            raise Refused(f"more than {MAX_AT_ONCE} notifications: ask for a shorter time", stage="resend")

    def note_attempt(self, value: bytes | None) -> None:
        """Take a record of `sms.callback.attempted`."""
        try:
            attempt = CallbackAttempt.from_bytes(value or b"")
        except ValidationError:
            self.unreadable += 1
            return
        about = attempt.trunk_id, attempt.webhook_id
        if about not in self._statuses or attempt.outcome is AttemptOutcome.FILTERED:
            return  # statuses come first; and what was filtered was no attempt
        known = self._newest.get(about)
        if known is None or known[0] <= attempt.at:
            self._newest[about] = attempt.at, attempt.outcome is AttemptOutcome.ACCEPTED

    def obstacles(self) -> Counter[str]:
        """Return why notifications cannot be sent, with how many."""
        found = (obstacle(self.directory.trunk(status.trunk_id), status) for status in self._statuses.values())
        return Counter(why for why in found if why is not None)

    def chosen(self) -> list[MessageStatus]:
        """Return what is to be sent again, in the order in which it was found.

        With `failed_only` that is what failed last time; what no attempt is known of has not failed.
        """
        return [
            status
            for about, status in self._statuses.items()
            if obstacle(self.directory.trunk(status.trunk_id), status) is None
            and (not self.failed_only or not self._newest.get(about, (None, True))[1])
        ]

    def without_attempt(self) -> int:
        """Return how many of the notifications have no attempt that is known."""
        return len(self._statuses) - len(self._newest)


def resends(statuses: Iterable[MessageStatus], delays_seconds: Sequence[int], now: datetime) -> list[OutRecord]:
    """Return the records that bring the notifications of `statuses` to their endpoints again, at once.

    Raises `ConfigurationError` when there is no tier to wait in.
    """
    if not delays_seconds:
        raise ConfigurationError("SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS is empty: there is no topic to resend through")
    topic = tier_topic(CALLBACK_RETRY, delays_seconds[0])
    return [
        OutRecord(
            topic,
            status.trunk_id.encode(),
            WaitingNotification(
                status=status, attempt=1, first_attempt_at=now, due_at=now, last_error=LAST_ERROR, resent_at=now
            ).to_bytes(),
        )
        for status in statuses
    ]
