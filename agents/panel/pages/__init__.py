"""The panel's pages: what a request asks for, one operation, a template.

The rooms are the groups of the navigation, with a module a page or window; here lies what pages of several rooms use.
`PAGES` of a module lists its addresses with the permission that each needs; the guard asks for it before a handler
runs, and the operations ask again. What is decided about entries is decided in the operations, never here.

trunks/       SMS Trunks, and what is done with one
log/          the Outbound SMS log, a message's timeline, a trunk's callbacks
messages/     sending by hand, and what became of it
numbers       the account's DIDs
guide         help, and the reference of the APIs
access/       log-in, users, API keys, audit log
operator/     accounts, carriers, routes
entry_pages   list, form and deletion, which most kinds of entries have
listing       a list with its filter, order and pages
confirmation  the question before something that cannot be taken back
forms         what a posted form says, and problems by field
navigation    where the browser goes next
words         how times and long lists read
"""

from typing import Final

from agents.panel.page import Page
from agents.panel.pages import access, guide, log, messages, numbers, operator, trunks

PAGES: Final[tuple[Page, ...]] = (
    *access.PAGES,
    *trunks.PAGES,
    *messages.PAGES,
    *log.PAGES,
    *numbers.PAGES,
    *operator.PAGES,
    *guide.PAGES,
)
