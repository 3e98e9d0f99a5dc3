"""Everything that can be done in the control plane, for pages and management API alike.

Every method takes the `Actor`, decides itself what that role may do and whose entries it may touch, and writes an
audit event. It raises `NotFound`, `Forbidden`, `Conflict`, `pipeline.errors.RuleViolated` with (place, problem)
pairs, or `pipeline.errors.BrokerError` when the broker does not do its part.

actor          who acts, and the table of permissions
desk           access, writing with audit events, versions
trunks         list, create, change, delete; trunk_secrets: passwords and signing secrets
numbers        DIDs and their import
routing        carriers and routes
accounts       accounts, and the audit log
people         users; api_keys: keys of the management API
callbacks      endpoints: how attempts went, and enabling one again
messages       Send SMS, its note beside the text, its status
"""

from agents.panel.operations.accounts import Accounts
from agents.panel.operations.actor import PERMISSIONS, ROLE_WORDS, Actor, Permission
from agents.panel.operations.api_keys import ApiKeys
from agents.panel.operations.callbacks import Callbacks, RecentAttempts
from agents.panel.operations.desk import Limits, Tools
from agents.panel.operations.errors import Conflict, Forbidden, NotFound
from agents.panel.operations.messages import Messages, SentMessages
from agents.panel.operations.numbers import Numbers
from agents.panel.operations.routing import Routing

__all__ = [
    "PERMISSIONS",
    "ROLE_WORDS",
    "Actor",
    "Conflict",
    "Forbidden",
    "Limits",
    "NotFound",
    "Operations",
    "Permission",
    "Tools",
]


class Operations(Messages, Callbacks, Numbers, Routing, Accounts, ApiKeys):
    """All operations of one panel process."""

    def __init__(self, tools: Tools) -> None:
        super().__init__(tools)
        self.sent = SentMessages()
        self.attempts = RecentAttempts()
