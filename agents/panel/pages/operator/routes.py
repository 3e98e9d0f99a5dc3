"""Routes."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from aiohttp import web

from agents.panel.operations import Permission
from agents.panel.operations.entries.paging import MAX_SIZE, Paging
from agents.panel.operations.routing.routes import RouteSettings
from agents.panel.page import PageContext
from agents.panel.pages.entry_pages import EditablePages, Edited, Fields
from agents.panel.pages.forms import Problems, refuse, whole_number
from agents.panel.pages.listing import ListPage
from schemas.directory.carrier import Carrier, Route

LABELS: Final = {
    "destination_prefix": "Destination prefix",
    "carrier_id": "Carrier",
    "priority": "Priority",
    "price_per_segment": "Price per segment",
}
TEXTS: Final = ("destination_prefix", "carrier_id", "priority", "price_per_segment")


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
            return {
                "id": route.id,
                "prefix": route.destination_prefix,
                "carrier_name": _carrier_name(context, route),
                "priority": route.priority,
                "price": route.price_per_segment,
                "blocked": route.blocked,
            }

        carriers = context.operations.carriers.list(context.actor, paging=Paging(size=1))
        return self.listed.render(context, query, part, row, has_carriers=bool(carriers.total), kind=self)

    def blank(self) -> Fields:
        """Return what an empty form holds."""
        return {**dict.fromkeys(TEXTS, ""), "priority": "0", "blocked": False}

    def posted(self, context: PageContext) -> Fields:
        """Return what a posted form holds."""
        return {**{field: context.text(field) for field in TEXTS}, "blocked": context.checked("blocked")}

    def offered(self, context: PageContext, edited: Edited | None) -> dict[str, Any]:
        """Return the carriers that can be chosen."""
        carriers = context.operations.carriers.list(context.actor, paging=Paging(size=MAX_SIZE)).items
        return {"carriers": [("", "Choose a carrier"), *((carrier.id, carrier.name) for carrier in carriers)]}

    async def add(self, context: PageContext) -> web.Response:
        """Add a route."""
        route, _ = await context.operations.routes.create(context.actor, _settings(context))
        return self.done(context, f"The route for {_words(route)} has been added.")

    def saved(self, context: PageContext, identity: str) -> tuple[Fields, int]:
        """Return the settings of a route, and its version."""
        route, version = context.operations.routes.get(context.actor, identity)
        price = route.price_per_segment
        fields = {
            "destination_prefix": route.destination_prefix,
            "carrier_id": route.carrier_id,
            "priority": route.priority,
            "price_per_segment": "" if price is None else f"{price:f}",
            "blocked": route.blocked,
        }
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
    return f"destinations {route.destination_prefix}…" if route.destination_prefix else "all destinations"


def _carrier_name(context: PageContext, route: Route) -> str:
    carrier = context.operations.directory.get(Carrier, route.carrier_id)
    return carrier.name if carrier else route.carrier_id


def _settings(context: PageContext) -> RouteSettings:
    problems: Problems = {}
    price: Decimal | None = None
    try:
        if text := context.text("price_per_segment").strip():
            price = Decimal(text)
    except InvalidOperation:
        problems["price_per_segment"] = ["must be a number"]
    prefix = context.text("destination_prefix").strip().removeprefix("+")
    if not (prefix == "" or (prefix.isascii() and prefix.isdigit() and len(prefix) <= 15)):
        problems["destination_prefix"] = ["must be digits, at most 15"]
    settings = RouteSettings(
        destination_prefix=prefix,
        carrier_id=context.text("carrier_id"),
        priority=whole_number(context.text("priority"), problems, "priority"),
        price_per_segment=price,
        blocked=context.checked("blocked"),
    )
    identity = context.request.match_info.get("id")
    refuse(problems, lambda: context.operations.routes.problems(context.actor, settings, identity, problems))
    return settings


PAGES = RoutePages().pages()
