"""The panel's pages: what a request asks for, one operation, a template.

The rooms are the groups of the navigation, with a module a page or window; `parts` has what pages of several rooms use.
`PAGES` of a module lists its addresses with the permission that each needs; the guard asks for it before a handler
runs, and the operations ask again. What is decided about entries is decided in the operations, never here.

trunks/    SMS Trunks, and what is done with one
log/       the Outbound SMS log, a message's timeline, what is scheduled, a trunk's callbacks
messages/  sending by hand, and what became of it
numbers    the account's DIDs
senders    names and short codes that the account sends from
campaigns  what the account sends as an application
opt_outs   numbers to which nothing is sent
guide      help, and the reference of the APIs
access/    log-in, users, API keys, audit log
operator/  accounts, carriers, routes
parts/     what they are made of
"""

from typing import Final

from agents.panel.page import Page
from agents.panel.pages import access, campaigns, guide, log, messages, numbers, operator, opt_outs, senders, trunks

PAGES: Final[tuple[Page, ...]] = (
    *access.PAGES,
    *trunks.PAGES,
    *messages.PAGES,
    *log.PAGES,
    *numbers.PAGES,
    *senders.PAGES,
    *campaigns.PAGES,
    *opt_outs.PAGES,
    *operator.PAGES,
    *guide.PAGES,
)
