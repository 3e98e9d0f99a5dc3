"""Routes, for operators."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from aiohttp import web

from agents.panel.operations import Conflict, Permission
from agents.panel.operations.routing import RouteSettings
from agents.panel.operations.slices import MAX_SIZE
from agents.panel.page import Page, PageContext
from agents.panel.pages.listing import Listing, Wanted
from agents.panel.pages.replies import Problems, by_field, expected_version, go_to, whole_number
from pipeline.errors import RuleViolated
from schemas.directory.carrier import Carrier, Route

FIELDS: Final = ("destination_prefix", "carrier_id", "priority", "price_per_segment")
EMPTY: Final = {"destination_prefix": "", "carrier_id": "", "priority": "0", "price_per_segment": "", "blocked": False}


async def show(context: PageContext) -> web.StreamResponse:
    """Show the routes."""
    wanted = Wanted.of("/routes", context.request.query, (), "destination_prefix")
    part = context.operations.list_routes(context.actor, sort=wanted.sort, page=wanted.page, size=wanted.size)
    rows = [
        {
            "id": route.id,
            "prefix": route.destination_prefix,
            "carrier_name": _carrier_name(context, route),
            "priority": route.priority,
            "price": route.price_per_segment,
            "blocked": route.blocked,
        }
        for route in part.items
    ]
    return context.render(
        "routes/list.html",
        section="routes",
        listing=Listing(part, wanted),
        rows=rows,
        has_carriers=bool(context.operations.list_carriers(context.actor, size=1).total),
    )


async def new(context: PageContext) -> web.StreamResponse:
    """Show an empty form."""
    return _form(context, dict(EMPTY))


async def create(context: PageContext) -> web.StreamResponse:
    """Add a route."""
    settings, problems = _settings(context)
    try:
        if not problems:
            route, _ = await context.operations.create_route(context.actor, settings)
            context.flash("good", f"The route for {_words(route)} has been added.")
            return go_to(context, "/routes")
    except RuleViolated as error:
        problems = by_field(error)
    return _form(context, _posted(context), problems=problems, status=422)


async def edit(context: PageContext) -> web.StreamResponse:
    """Show a route's form."""
    route, version = context.operations.route(context.actor, context.request.match_info["id"])
    price = route.price_per_segment
    form = {
        "destination_prefix": route.destination_prefix,
        "carrier_id": route.carrier_id,
        "priority": route.priority,
        "price_per_segment": "" if price is None else f"{price:f}",
        "blocked": route.blocked,
    }
    return _form(context, form, route.id, version)


async def update(context: PageContext) -> web.StreamResponse:
    """Save a route."""
    route_id, version = context.request.match_info["id"], expected_version(context)
    settings, problems = _settings(context)
    try:
        if not problems:
            route, _ = await context.operations.update_route(context.actor, route_id, settings, version)
            context.flash("good", f"The route for {_words(route)} has been saved.")
            return go_to(context, "/routes")
    except RuleViolated as error:
        problems = by_field(error)
    except Conflict as error:
        version = context.operations.route(context.actor, route_id)[1]
        return _form(context, _posted(context), route_id, version, {"version": [str(error)]}, 409)
    return _form(context, _posted(context), route_id, version, problems, 422)


async def ask(context: PageContext) -> web.StreamResponse:
    """Ask before a route is removed."""
    route, _ = context.operations.route(context.actor, context.request.match_info["id"])
    return context.render(
        "confirm.html",
        section="routes",
        heading="Delete route",
        question="This route will be deleted permanently:",
        names=[f"{_words(route)} to {_carrier_name(context, route)}"],
        consequence="Messages that no other route fits end with a routing error.",
        fields=[],
        action=f"/routes/{route.id}/delete",
        back="/routes",
        verb="Delete",
        problems={},
    )


async def delete(context: PageContext) -> web.StreamResponse:
    """Remove a route."""
    await context.operations.delete_route(context.actor, context.request.match_info["id"])
    context.flash("good", "The route has been deleted.")
    return go_to(context, "/routes")


def _words(route: Route) -> str:
    return f"destinations {route.destination_prefix}…" if route.destination_prefix else "all destinations"


def _carrier_name(context: PageContext, route: Route) -> str:
    carrier = context.operations.directory.get(Carrier, route.carrier_id)
    return carrier.name if carrier else route.carrier_id


def _posted(context: PageContext) -> dict[str, Any]:
    return {**{field: context.text(field) for field in FIELDS}, "blocked": context.checked("blocked")}


def _settings(context: PageContext) -> tuple[RouteSettings, Problems]:
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
    return settings, problems


def _form(
    context: PageContext,
    form: dict[str, Any],
    route_id: str | None = None,
    version: int = 0,
    problems: Problems | None = None,
    status: int = 200,
) -> web.Response:
    carriers = context.operations.list_carriers(context.actor, size=MAX_SIZE).items
    return context.render(
        "routes/form.html",
        status=status,
        section="routes",
        form=form,
        route_id=route_id,
        version=version,
        carriers=[("", "Choose a carrier"), *((carrier.id, carrier.name) for carrier in carriers)],
        problems=problems or {},
    )


PAGES = (
    Page("GET", "/routes", show, Permission.OPERATE),
    Page("GET", "/routes/new", new, Permission.OPERATE),
    Page("POST", "/routes", create, Permission.OPERATE),
    Page("GET", "/routes/{id}/edit", edit, Permission.OPERATE),
    Page("POST", "/routes/{id}/edit", update, Permission.OPERATE),
    Page("GET", "/routes/{id}/delete", ask, Permission.OPERATE),
    Page("POST", "/routes/{id}/delete", delete, Permission.OPERATE),
)
