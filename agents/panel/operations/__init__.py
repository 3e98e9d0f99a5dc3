"""Everything that can be done in the control plane, for pages and management API alike.

One class an area, each given what it needs and joined in `Operations`: `operations.trunks.create(actor, ...)`. Every
operation takes the `Actor`, decides itself what that role may do and whose entries it may touch, and writes an audit
event. It raises `NotFound`, `Forbidden`, `Conflict`, `pipeline.errors.RuleViolated` with (attribute, problem) pairs,
or `pipeline.errors.BrokerError` when the broker does not do its part. HTTP, cookies and HTML are not known here.

actor         who acts, and the table of permissions
errors        what an operation can end with besides its result
ports         what the operations need of the world
entries/      what every area does with entries: access, changes, audit events, paging
accounts      accounts of customers
trunks/       trunks, their secrets, their callbacks
numbers       DIDs
numbers_csv   the file that they are imported from
log/          what the message log knows: overview, look-up, search, notifications and sending them again
messages      Send SMS, what would become of it, its status
routing/      carriers and routes
people/       users and API keys
audit_events  the audit log
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from agents.panel.operations.accounts import Accounts
from agents.panel.operations.actor import PERMISSIONS, ROLE_WORDS, Actor, Permission
from agents.panel.operations.audit_events import AuditEvents
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.audit_trail import AuditTrail
from agents.panel.operations.entries.changes import Changes
from agents.panel.operations.errors import Conflict, Forbidden, NotFound
from agents.panel.operations.log.message_search import MessageSearch
from agents.panel.operations.log.notifications import Notifications
from agents.panel.operations.log.overview import Overview
from agents.panel.operations.messages import Messages
from agents.panel.operations.numbers import Numbers
from agents.panel.operations.people.api_keys import ApiKeys
from agents.panel.operations.people.last_uses import LastUses
from agents.panel.operations.people.second_factors import SecondFactors
from agents.panel.operations.people.users import Users
from agents.panel.operations.ports import (
    AuditTopic,
    Clock,
    CredentialKeys,
    DirectoryStore,
    LogQuestions,
    PasswordHasher,
    Producer,
)
from agents.panel.operations.routing.carriers import Carriers
from agents.panel.operations.routing.profiles import Profiles
from agents.panel.operations.routing.routes import Routes
from agents.panel.operations.trunks.callbacks import Callbacks
from agents.panel.operations.trunks.trunk_secrets import TrunkSecrets
from agents.panel.operations.trunks.trunks import Trunks
from pipeline.directory.model import Directory
from pipeline.http.addresses import AddressGuard
from pipeline.settings import MessageSettings

__all__ = [
    "PERMISSIONS",
    "ROLE_WORDS",
    "Actor",
    "Conflict",
    "CredentialKeys",
    "Forbidden",
    "NotFound",
    "Operations",
    "Permission",
]


def _now() -> datetime:
    return datetime.now(UTC)


class Operations:
    """The operations of one panel process, by area.

    `hosts` are the URLs of ingress that are shown with a trunk's credentials; `limits` are those of a message;
    `callback_addresses` says where callbacks may go, without it to the internet alone.
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
        clock: Clock = _now,
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
        self.messages = Messages(access, trail, producer, clock, limits)
        self.profiles = Profiles(access, changes)
        self.carriers = Carriers(access, changes, keys, self.profiles)
        self.message_search = MessageSearch(access, log)
        self.overview = Overview(access, log)
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
