"""Operator: the pages that only operators have.

accounts  which accounts there are, and which one to work in
carriers  carriers
routes    routes
routes_explained  which one a message would take, and why
"""

from typing import Final

from agents.panel.page import Page
from agents.panel.pages.operator import accounts, carriers, routes

PAGES: Final[tuple[Page, ...]] = (*accounts.PAGES, *carriers.PAGES, *routes.PAGES)
