"""The fields of a trunk's form and what they set."""

from agents.panel.pages import PAGES
from schemas.directory.people import PanelRole
from schemas.directory.trunk import Trunk
from schemas.text.smart_encoding import SmartEncoding
from tests.unit.agents.panel.office import Office
from tests.unit.agents.panel.site import logged_in, running


async def test_a_trunks_smart_encoding_is_its_owners(office: Office) -> None:
    """Chosen from a list; a form that does not have it leaves it as it is, and off is written as nothing."""
    edit = f"/sms/trunks/{office.trunk.id}/edit"

    def fields(token: str, **more: str) -> dict[str, str]:
        version = str(office.store.directory.version_of(Trunk, office.trunk.id))
        return {"csrf_token": token, "version": version, "name": "Ours", "allow_any_did": "on", **more}

    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        for posted, status, stored in (
            ({"smart_encoding": "replace"}, 303, SmartEncoding.REPLACE),
            ({}, 303, SmartEncoding.REPLACE),
            ({"smart_encoding": "on"}, 422, SmartEncoding.REPLACE),
            ({"smart_encoding": "transliterate"}, 303, SmartEncoding.TRANSLITERATE),
            ({"smart_encoding": "off"}, 303, None),
        ):
            assert (await site.post(edit, **fields(token, **posted))).status == status
            assert office.stored(office.trunk.id).smart_encoding is stored
            page = await (await site.client.get(edit)).text()
            assert f'<option value="{stored or SmartEncoding.OFF}" selected>' in page
