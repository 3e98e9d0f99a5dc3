"""The form of a carrier: its limits."""

from agents.panel.pages import PAGES
from schemas.directory.carrier import Carrier
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import Office
from tests.unit.agents.panel.site import logged_in, running


async def test_a_carriers_limits_are_in_its_form(office: Office) -> None:
    """Set, shown again and, left empty, lifted; what is no number is told beside its field."""
    fields = {
        "name": "Limited", "url": "https://carrier.example/sms", "in_doubt_policy": "give_up", "max_in_flight": "8",
        "timeout_seconds": "30",
    }  # fmt: skip
    async with running(office, pages=PAGES) as site:
        fields["csrf_token"] = await logged_in(site, PanelRole.OPERATOR)
        assert (await site.post("/carriers", **fields, segments_per_second="50", burst="5")).status == 303
        (made,) = [it for it in office.store.directory.entries(Carrier) if it.name == "Limited"]
        assert (made.segments_per_second, made.burst) == (50, 5)
        form = await (await site.client.get(f"/carriers/{made.id}/edit")).text()
        assert 'name="segments_per_second" type="number" value="50"' in form
        fields["version"] = str(office.store.directory.version_of(Carrier, made.id))
        answer = await site.post(f"/carriers/{made.id}/edit", **fields, segments_per_second="many", burst="0")
        assert answer.status == 422
        assert "must be a whole number" in await answer.text()
        assert (await site.post(f"/carriers/{made.id}/edit", **fields, segments_per_second="", burst="")).status == 303
        left = office.store.directory.carrier(made.id)
        assert left is not None
        assert (left.segments_per_second, left.burst) == (None, None)
