"""Campaigns in the panel: operators make and block them, everybody sees them with their ids."""

from agents.panel.pages import PAGES
from schemas.directory.campaign import Campaign
from schemas.directory.people import PanelRole
from tests.builders import sender
from tests.unit.agents.panel.office import DIDS, NOT_P2P, OURS, Office
from tests.unit.agents.panel.site import logged_in, running


async def test_a_campaign_is_added_changed_and_deleted(office: Office) -> None:
    """Numbers as people write them, a number without P2P among them; what is wrong keeps what was typed."""
    office.add(sender("Example", account_id=OURS))
    trunk = office.trunk.id
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        await site.post("/accounts/switch", csrf_token=token, account_id=OURS)
        assert "No campaigns yet" in await (await site.client.get("/campaigns")).text()
        wrong = await site.post("/campaigns", csrf_token=token, name="Shop", senders="Somebody", trunk=trunk)
        page = await wrong.text()
        assert (wrong.status, "neither a DID nor a registered sender" in page, "Somebody" in page) == (422, True, True)
        assert f'value="{trunk}" checked' in page
        senders = f"+{NOT_P2P}\r\nExample, {DIDS[0]}"
        assert (
            await site.post("/campaigns", csrf_token=token, name="Shop", senders=senders, trunk=trunk)
        ).status == 303
        [made] = office.store.directory.entries(Campaign)
        assert (made.account_id, made.senders, made.trunk_ids) == (OURS, (NOT_P2P, "Example", DIDS[0]), (trunk,))
        page = await (await site.client.get("/campaigns?name=sho")).text()
        assert f"Messages name it as {made.id}." in page
        assert f'href="/sms/log?campaign={made.id}"' in page
        assert "Example" in page
        edit = f"/campaigns/{made.id}/edit"
        assert f"{NOT_P2P}\nExample\n{DIDS[0]}" in await (await site.client.get(edit)).text()
        version = str(office.store.directory.version_of(Campaign, made.id))
        form = {"csrf_token": token, "version": version, "name": "Shop", "senders": "Example", "trunk": trunk}
        assert (await site.post(edit, **form, blocked="on")).status == 303
        [changed] = office.store.directory.entries(Campaign)
        assert (changed.senders, changed.blocked) == (("Example",), True)
        assert "Blocked" in await (await site.client.get("/campaigns")).text()
        assert (await site.post(edit, **form)).status == 409
        assert (await site.post(f"/campaigns/{made.id}/delete", csrf_token=token)).status == 303
        assert list(office.store.directory.entries(Campaign)) == []
