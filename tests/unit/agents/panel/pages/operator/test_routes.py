"""The form of a route, and the box that says which one a message would take."""

import re

from agents.panel.pages import PAGES
from schemas.directory.carrier import Carrier
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.directory.people import PanelRole
from schemas.directory.route import Route
from tests.builders import account, carrier, did, route, trunk, uuid
from tests.unit.agents.panel.office import Office
from tests.unit.agents.panel.site import logged_in, running


def furnish(office: Office, *routes: Route) -> None:
    office.store.directory.apply(key_of(account(77, name="Theirs")), account(77, name="Theirs").to_bytes())
    owned = trunk(11, account_id=uuid(77)), did(account_id=uuid(77))
    entries: tuple[DirectoryEntry, ...] = (carrier(21), carrier(22), *owned, *routes)
    for entry in entries:
        office.store.directory.apply(key_of(entry), entry.to_bytes())


async def test_everything_that_a_route_is_for_is_in_its_form(office: Office) -> None:
    """Saved and shown again; left empty it is for all, and costs nothing that anybody is told."""
    furnish(office)
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        answer = await site.post(
            "/routes", csrf_token=token, destination_prefix="+49", source_prefix="1212", account_id=uuid(77),
            carrier_id=uuid(21), priority="3", weight="70", price_per_segment="0.0750", currency="eur",
            short_codes="on",
        )  # fmt: skip
        assert answer.status == 303
        (made,) = [it for it in office.store.directory.entries(Route) if it.destination_prefix == "49"]
        said = (
            made.source_prefix,
            made.account_id,
            made.priority,
            made.weight,
            str(made.price_per_segment),
            made.currency,
            made.short_codes,
        )
        assert said == ("1212", uuid(77), 3, 70, "0.0750", "EUR", True)
        form = await (await site.client.get(f"/routes/{made.id}/edit")).text()
        for shown in ('value="1212"', 'value="70"', 'value="0.0750"', 'value="EUR"', f'value="{uuid(77)}" selected'):
            assert shown in form
        assert re.search(r'name="short_codes"[^>]* checked', form)
        page = await (await site.client.get("/routes")).text()
        assert "0.0750 EUR" in page
        assert "for Theirs" in page
        version = str(office.store.directory.version_of(Route, made.id))
        answer = await site.post(
            f"/routes/{made.id}/edit", csrf_token=token, version=version, destination_prefix="", carrier_id=uuid(21),
            priority="0",
        )  # fmt: skip
        assert answer.status == 303
        assert office.store.directory.get(Route, made.id) == Route(id=made.id, carrier_id=uuid(21))


async def test_what_makes_no_sense_is_told_beside_its_field(office: Office) -> None:
    """A prefix of letters, a weight of none, a currency without a price."""
    furnish(office)
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        fields = {"csrf_token": token, "carrier_id": uuid(21), "priority": "0"}
        for wrong, problem in (
            ({"source_prefix": "MyBrand"}, "must be digits, at most 15"),
            ({"weight": "much"}, "must be a whole number"),
            ({"weight": "0"}, "greater than or equal to 1"),
            ({"currency": "USD"}, "there is no price that it could be of"),
            ({"price_per_segment": "1", "currency": "US"}, "must match pattern"),
        ):
            answer = await site.post("/routes", **fields, **wrong)
            assert (answer.status, problem in await answer.text()) == (422, True), wrong


async def test_the_box_says_which_route_wins_and_what_the_others_lack(office: Office) -> None:
    """For an operator, whatever account he works in; nobody else sees the page."""
    furnish(
        office, route(31, destination_prefix="1555"), route(32, carrier_id=uuid(22)), route(33, destination_prefix="44")
    )
    asked = f"/routes?trunk={uuid(11)}&from=12125551234&to=%2B15551234567"
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.OPERATOR)
        nothing_asked = await (await site.client.get("/routes")).text()
        assert "Theirs / trunk 11" in nothing_asked
        assert "Takes it" not in nothing_asked
        page = await (await site.client.get(asked)).text()
        assert page.index("Takes it") < page.index("Then 2") < page.index("Not taken")
        assert "its destination prefix is shorter than 1555" in page
        assert "the destination does not begin with 44" in page
        refused = await (await site.client.get(asked.replace("from=1212", "from=1213"))).text()
        assert "code_id 8: the source is not a DID of the account" in refused
        wrong = await (await site.client.get("/routes?trunk=nobody&from=1&to=abc")).text()
        assert "choose a trunk" in wrong
        assert "must be 7 to 15 digits" in wrong
        assert office.store.directory.get(Carrier, uuid(21)) is not None
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        assert (await site.client.get(asked)).status == 403
