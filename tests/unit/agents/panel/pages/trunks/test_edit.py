"""The form of a trunk: its limit, which only operators see."""

from agents.panel.pages import PAGES
from schemas.directory.people import PanelRole
from schemas.directory.trunk import Trunk
from tests.unit.agents.panel.office import Office
from tests.unit.agents.panel.site import logged_in, running

FIELD = 'name="segments_per_second"'


async def test_a_trunks_limit_is_for_operators(office: Office) -> None:
    """They set it; whoever else saves the trunk leaves it as it is, and cannot send it along."""
    edit = f"/sms/trunks/{office.trunk.id}/edit"

    def trunk() -> Trunk:
        return office.stored(office.trunk.id)

    def fields(token: str) -> dict[str, str]:
        version = str(office.store.directory.version_of(Trunk, office.trunk.id))
        return {"csrf_token": token, "version": version, "name": "Ours", "allow_any_did": "on"}

    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        assert FIELD in await (await site.client.get(edit)).text()
        assert (await site.post(edit, **fields(token), segments_per_second="x")).status == 422
        assert (await site.post(edit, **fields(token), segments_per_second="0")).status == 422
        assert (await site.post(edit, **fields(token), segments_per_second="25")).status == 303
        assert trunk().segments_per_second == 25
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        assert FIELD not in await (await site.client.get(edit)).text()
        assert (await site.post(edit, **fields(token))).status == 303
        assert trunk().segments_per_second == 25
        assert (await site.post(edit, **fields(token), segments_per_second="99")).status == 403
        assert trunk().segments_per_second == 25
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        assert (await site.post(edit, **fields(token), segments_per_second="")).status == 303
        assert trunk().segments_per_second is None
