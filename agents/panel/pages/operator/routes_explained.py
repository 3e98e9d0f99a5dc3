"""The box of the routes' page that says which route a message would take, and why."""

from typing import Any, Final

from agents.panel.operations.entries.paging import natural
from agents.panel.page import PageContext
from agents.panel.pages.parts.forms import by_field
from pipeline.errors import RuleViolated
from pipeline.steps.routing_explained import Verdict
from schemas.directory.account import Account
from schemas.directory.trunk import Trunk

MAX_OFFERED: Final = 500  # trunks in a list; with more the id is asked for
MAX_SHOWN: Final = 20
MAX_CHARACTERS: Final = 64


def explanation_box(context: PageContext) -> dict[str, Any]:
    """Return what the box shows: its form, and the answer when the address asks for one."""
    asked = {name: context.request.query.get(name, "").strip()[:MAX_CHARACTERS] for name in ("trunk", "from", "to")}
    box: dict[str, Any] = {"form": asked, "trunks": _trunks(context), "problems": {}, "answered": False}
    if not any(asked.values()):
        return box
    try:
        explanation = context.operations.routes.explain(
            context.actor, asked["trunk"], asked["from"].removeprefix("+"), asked["to"].removeprefix("+")
        )
    except RuleViolated as error:
        return {**box, "problems": by_field(error)}
    shown = explanation.verdicts[:MAX_SHOWN]
    return {
        **box,
        "answered": True,
        "refusal": explanation.refusal,
        "taken": bool(explanation.winners),
        "rows": [_row(verdict) for verdict in shown],
        "left": len(explanation.verdicts) - len(shown),
    }


def _trunks(context: PageContext) -> list[tuple[str, str]]:
    """Return the trunks in service to choose from, with their accounts; none when they are too many for a list."""
    directory = context.operations.directory
    trunks = [trunk for trunk in directory.entries(Trunk) if trunk.deleted_at is None]
    if len(trunks) > MAX_OFFERED:
        return []
    accounts = {account.id: account.name for account in directory.entries(Account)}
    named = [(trunk.id, f"{accounts.get(trunk.account_id, '?')} / {trunk.name}") for trunk in trunks]
    return [("", "Choose a trunk"), *sorted(named, key=lambda it: natural(it[1]))]


def _row(verdict: Verdict) -> dict[str, object]:
    route = verdict.route
    place = "Not taken"
    if verdict.place is not None:
        place = "Takes it" if verdict.place == 1 else f"Then {verdict.place}"
        if verdict.percent is not None:
            place = f"{place}: {verdict.percent:.3g} %"
    price = route.price_per_segment
    return {
        "id": route.id,
        "place": place,
        "kind": {None: "", 1: "good"}.get(verdict.place, "busy"),
        "prefix": route.destination_prefix,
        "source_prefix": route.source_prefix,
        "account_name": verdict.account_name,
        "carrier_name": verdict.carrier_name,
        "price": None if price is None else f"{price:f} {route.currency or ''}",
        "why": verdict.why,
    }
