"""Access: who gets into the panel and the management API, and what they did.

invitations  who was invited chooses a password
second_factor  one's own one-time codes
log_in      logging in and out, and one's own password
users       people who can log in
api_keys    keys of programs
roles       the roles that a user or a key can be given, in words
shown_once  a secret that is not kept
audit_log   who did what
"""

from typing import Final

from agents.panel.page import Page
from agents.panel.pages.access import api_keys, audit_log, invitations, log_in, second_factor, users

PAGES: Final[tuple[Page, ...]] = (
    *log_in.PAGES,
    *second_factor.PAGES,
    *invitations.PAGES,
    *users.PAGES,
    *api_keys.PAGES,
    *audit_log.PAGES,
)
