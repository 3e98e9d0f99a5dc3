"""Operator: the pages that only operators have.

accounts  which accounts there are, and which one to work in
carriers  carriers
profiles  how carriers are spoken to
routes    routes
routes_explained  which one a message would take, and why
"""

from typing import Final

from agents.panel.page import Page
from agents.panel.pages.operator import accounts, carriers, profiles, routes

PAGES: Final[tuple[Page, ...]] = (*accounts.PAGES, *carriers.PAGES, *profiles.PAGES, *routes.PAGES)
