"""The panel's pages, one module each: what a request asks for, one operation, a template.

`PAGES` of a module lists its addresses with the permission that each needs; the gate asks for it before a handler
runs, and the operations ask again.
"""

from typing import Final

from agents.panel.page import Page
from agents.panel.pages import (
    accounts,
    api_keys,
    audit_log,
    carriers,
    log_in,
    numbers,
    routes,
    send_sms,
    trunk_callbacks,
    trunk_credentials,
    trunk_delete,
    trunk_form,
    trunk_list,
    trunk_signing_secret,
    trunk_sources,
    users,
)

PAGES: Final[tuple[Page, ...]] = (
    *log_in.PAGES,
    *trunk_list.PAGES,
    *trunk_form.PAGES,
    *trunk_delete.PAGES,
    *trunk_credentials.PAGES,
    *trunk_signing_secret.PAGES,
    *trunk_sources.PAGES,
    *trunk_callbacks.PAGES,
    *send_sms.PAGES,
    *numbers.PAGES,
    *users.PAGES,
    *api_keys.PAGES,
    *audit_log.PAGES,
    *accounts.PAGES,
    *carriers.PAGES,
    *routes.PAGES,
)
