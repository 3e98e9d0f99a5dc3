"""All areas of the control plane, joined: the operations of one panel process."""

from collections.abc import Sequence
from datetime import UTC, datetime

from agents.panel.operations.accounts import Accounts
from agents.panel.operations.audit_events import AuditEvents
from agents.panel.operations.campaigns import Campaigns
from agents.panel.operations.day_uses import DayUses
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.audit_trail import AuditTrail
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.log.message_search import MessageSearch
from agents.panel.operations.log.notifications import Notifications
from agents.panel.operations.log.overview import Overview
from agents.panel.operations.log.questions import LogQuestions
from agents.panel.operations.log.scheduled import Scheduled
from agents.panel.operations.messages import Messages
from agents.panel.operations.numbers.numbers import Numbers
from agents.panel.operations.numbers.opt_outs import OptOutLists
from agents.panel.operations.people.api_keys import ApiKeys
from agents.panel.operations.people.last_uses import LastUses
from agents.panel.operations.people.second_factors import SecondFactors
from agents.panel.operations.people.users import Users
from agents.panel.operations.ports import (
    AuditTopic,
    Clock,
    CredentialKeys,
    DirectoryStore,
    PasswordHasher,
    Producer,
)
from agents.panel.operations.routing.carriers import Carriers
from agents.panel.operations.routing.profiles import Profiles
from agents.panel.operations.routing.routes import Routes
from agents.panel.operations.senders import Senders
from agents.panel.operations.trunks.callbacks import Callbacks
from agents.panel.operations.trunks.trunk_secrets import TrunkSecrets
from agents.panel.operations.trunks.trunks import Trunks
from pipeline.directory.model import Directory
from pipeline.http.addresses import AddressGuard
from pipeline.limits.counts import DayCounts
from pipeline.settings import MessageSettings
from pipeline.tracing.spans import UNTRACED, Tracing


def _now() -> datetime:
    return datetime.now(UTC)


class Operations:
    """The operations of one panel process, by area.

    `hosts` are the URLs of ingress that are shown with a trunk's credentials; `limits` are those of a message;
    `callback_addresses` says where callbacks may go, without it to the internet alone; `counts` is how much of
    their days trunks have used up. What is sent here begins a trace with `tracing`.
    """

    def __init__(
        self,
        store: DirectoryStore,
        audit_topic: AuditTopic,
        producer: Producer,
        hasher: PasswordHasher,
        keys: CredentialKeys,
        *,
        log: LogQuestions,
        limits: MessageSettings,
        callback_delays_seconds: Sequence[int],
        hosts: tuple[str, ...],
        callback_addresses: AddressGuard | None = None,
        counts: DayCounts | None = None,
        clock: Clock = _now,
        tracing: Tracing = UNTRACED,
    ) -> None:
        access, trail = Access(store), AuditTrail(audit_topic, clock)
        changes = Changes(store, trail)
        self._access = access
        self.audit_trail = trail
        self.accounts = Accounts(access, changes)
        self.trunks = Trunks(access, changes, keys, clock, callback_addresses or AddressGuard())
        self.trunk_secrets = TrunkSecrets(access, changes, trail, keys, clock, hosts)
        self.callbacks = Callbacks(access, changes, store)
        self.numbers = Numbers(access, changes)
        self.senders = Senders(access, changes)
        self.campaigns = Campaigns(access, changes)
        self.opt_outs = OptOutLists(access, trail, producer, clock)
        self.day_uses = DayUses(access, DayCounts() if counts is None else counts, clock)
        self.messages = Messages(access, trail, producer, clock, limits, tracing)
        self.profiles = Profiles(access, changes)
        self.carriers = Carriers(access, changes, keys, self.profiles)
        self.message_search = MessageSearch(access, log)
        self.overview = Overview(access, log)
        self.scheduled = Scheduled(access, trail, producer, log, clock)
        self.notifications = Notifications(access, trail, producer, log, clock, callback_delays_seconds)
        self.routes = Routes(access, changes)
        self.users = Users(access, changes, hasher, clock)
        self.second_factors = SecondFactors(access, changes, keys)
        self.last_uses = LastUses(clock)
        self.api_keys = ApiKeys(access, changes, clock, self.last_uses)
        self.audit_events = AuditEvents(access, trail)

    @property
    def directory(self) -> Directory:
        """The directory as it is, for look-ups of names; access is the areas' question."""
        return self._access.directory
