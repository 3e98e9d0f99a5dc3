"""Routes."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from aiohttp import web

from agents.panel.operations.actor import Permission
from agents.panel.operations.entries.paging import MAX_SIZE, Paging, natural
from agents.panel.operations.routing.routes import RouteSettings
from agents.panel.page import PageContext
from agents.panel.pages.operator.routes_explained import explanation_box
from agents.panel.pages.parts.entry_pages import EditablePages, Edited, Fields
from agents.panel.pages.parts.forms import Problems, optional_number, refuse, whole_number
from agents.panel.pages.parts.listing import ListPage
from schemas.directory.account import Account
from schemas.directory.carrier import Carrier
from schemas.directory.route import Route

LABELS: Final = {
    "destination_prefix": "Destination prefix",
    "source_prefix": "Source prefix",
    "account_id": "Account",
    "carrier_id": "Carrier",
    "priority": "Priority",
    "weight": "Weight",
    "price_per_segment": "Price per segment",
    "currency": "Currency",
}
TEXTS: Final = tuple(LABELS)


class RoutePages(EditablePages):
    """The pages of routes."""

    listed = ListPage("/routes", "routes", "routes/list.html", sort="destination_prefix")
    group = "Operator"
    title = "Routes"
    noun = "route"
    form_template = "routes/form.html"
    labels = LABELS
    see = change = Permission.OPERATE
    consequence = "Messages that no other route fits end with a routing error."

    async def show(self, context: PageContext) -> web.StreamResponse:
        """Show the routes."""
        query = self.listed.query(context)
        part = context.operations.routes.list(context.actor, paging=query.paging)

        def row(route: Route) -> dict[str, object]:
            price = route.price_per_segment
            return {
                "id": route.id,
                "prefix": route.destination_prefix,
                "source_prefix": route.source_prefix,
                "account_name": _account_name(context, route),
                "carrier_name": _carrier_name(context, route),
                "priority": route.priority,
                "weight": route.weight,
                "price": None if price is None else f"{price:f} {route.currency or ''}",
                "blocked": route.blocked,
            }

        carriers = context.operations.carriers.list(context.actor, paging=Paging(size=1))
        return self.listed.render(
            context, query, part, row, has_carriers=bool(carriers.total), kind=self, box=explanation_box(context)
        )

    def blank(self) -> Fields:
        """Return what an empty form holds."""
        return {**dict.fromkeys(TEXTS, ""), "priority": "0", "short_codes": False, "blocked": False}

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        switches = {name: context.checked(name) for name in ("short_codes", "blocked")}
        return {**{field: context.text(field) for field in TEXTS}, **switches}

    def offered(self, context: PageContext, edited: Edited | None) -> dict[str, Any]:
        """Return the carriers and accounts that can be chosen."""
        carriers = context.operations.carriers.list(context.actor, paging=Paging(size=MAX_SIZE)).items
        accounts = sorted(context.operations.directory.entries(Account), key=lambda account: natural(account.name))
        return {
            "carriers": [("", "Choose a carrier"), *((carrier.id, carrier.name) for carrier in carriers)],
            "accounts": [("", "Every account"), *((account.id, account.name) for account in accounts)],
        }

    async def add(self, context: PageContext) -> web.Response:
        """Add a route."""
        route, _ = await context.operations.routes.create(context.actor, _settings(context))
        return self.done(context, f"The route for {_words(route)} has been added.")

    def saved(self, context: PageContext, identity: str) -> tuple[Fields, int]:
        """Return the settings of a route, and its version."""
        route, version = context.operations.routes.get(context.actor, identity)
        price = route.price_per_segment
        fields = {name: "" if (held := getattr(route, name)) is None else held for name in TEXTS}
        fields |= {"price_per_segment": "" if price is None else f"{price:f}", "blocked": route.blocked}
        fields["short_codes"] = bool(route.short_codes)
        return fields, version

    async def save(self, context: PageContext, identity: str, version: int) -> str:
        """Save a route."""
        route, _ = await context.operations.routes.update(context.actor, identity, _settings(context), version)
        return f"The route for {_words(route)} has been saved."

    def name_of(self, context: PageContext, identity: str) -> str:
        """Return from where to where it leads."""
        route, _ = context.operations.routes.get(context.actor, identity)
        return f"{_words(route)} to {_carrier_name(context, route)}"

    async def remove(self, context: PageContext, identity: str) -> str:
        """Remove a route."""
        await context.operations.routes.delete(context.actor, identity)
        return "The route has been deleted."


def _words(route: Route) -> str:
    words = f"destinations {route.destination_prefix}…" if route.destination_prefix else "all destinations"
    return words if route.source_prefix is None else f"{words} from {route.source_prefix}…"


def _carrier_name(context: PageContext, route: Route) -> str:
    carrier = context.operations.directory.get(Carrier, route.carrier_id)
    return carrier.name if carrier else route.carrier_id


def _account_name(context: PageContext, route: Route) -> str | None:
    account = None if route.account_id is None else context.operations.directory.get(Account, route.account_id)
    return account.name if account else route.account_id


def _settings(context: PageContext) -> RouteSettings:
    problems: Problems = {}
    price: Decimal | None = None
    try:
        if text := context.text("price_per_segment").strip():
            price = Decimal(text)
    except InvalidOperation:
        problems["price_per_segment"] = ["must be a number"]
    settings = RouteSettings(
        destination_prefix=_prefix(context, problems, "destination_prefix"),
        source_prefix=_prefix(context, problems, "source_prefix") or None,
        account_id=context.text("account_id") or None,
        carrier_id=context.text("carrier_id"),
        priority=whole_number(context.text("priority"), problems, "priority"),
        weight=optional_number(context.text("weight"), problems, "weight"),
        price_per_segment=price,
        currency=context.text("currency").strip().upper() or None,
        short_codes=context.checked("short_codes") or None,
        blocked=context.checked("blocked"),
    )
    identity = context.request.match_info.get("id")
    refuse(problems, lambda: context.operations.routes.problems(context.actor, settings, identity, problems))
    return settings


def _prefix(context: PageContext, problems: Problems, field: str) -> str:
    prefix = context.text(field).strip().removeprefix("+")
    if not (prefix == "" or (prefix.isascii() and prefix.isdigit() and len(prefix) <= 15)):
        problems[field] = ["must be digits, at most 15"]
    return prefix


PAGES = RoutePages().pages()
