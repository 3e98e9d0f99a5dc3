"""Senders in the panel: operators register them, everybody sees them, and the Send window offers them."""

from agents.panel.pages import PAGES
from agents.panel.pages.parts.countries import listed_countries
from schemas.directory.people import PanelRole
from schemas.directory.sender import Sender
from tests.builders import sender
from tests.unit.agents.panel.office import DIDS, OURS, THEIRS, Office
from tests.unit.agents.panel.site import logged_in, running


async def test_a_sender_is_added_changed_and_deleted(office: Office) -> None:
    """Each step is said on the list; a name that is none keeps what was typed."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        await site.post("/accounts/switch", csrf_token=token, account_id=OURS)
        assert "No senders yet" in await (await site.client.get("/senders")).text()
        wrong = await site.post("/senders", csrf_token=token, address="Example!", country="DE")
        page = await wrong.text()
        assert (wrong.status, 'value="Example!"' in page, 'value="DE" checked' in page) == (422, True, True)
        assert (await site.post("/senders", csrf_token=token, address=" Example ", country=["DE", "AT"])).status == 303
        [made] = office.store.directory.entries(Sender)
        assert (made.account_id, made.address, made.countries) == (OURS, "Example", ("DE", "AT"))
        page = await (await site.client.get("/senders?address=exam")).text()
        assert "Example has been added." in page
        assert "Germany, Austria" in page
        edit = f"/senders/{made.id}/edit"
        assert 'value="AT" checked' in await (await site.client.get(edit)).text()
        version = str(office.store.directory.version_of(Sender, made.id))
        assert (await site.post(edit, csrf_token=token, version=version)).status == 303
        assert [it.countries for it in office.store.directory.entries(Sender)] == [None]
        assert "All countries" in await (await site.client.get("/senders")).text()
        assert (await site.post(edit, csrf_token=token, version=version, country="DE")).status == 409
        assert (await site.post(f"/senders/{made.id}/delete", csrf_token=token)).status == 303
        assert list(office.store.directory.entries(Sender)) == []


async def test_the_send_window_offers_registered_senders(office: Office) -> None:
    """Those of the account before its numbers, on a trunk that allows any DID; they are searched for by letters."""
    office.add(sender("Example", account_id=OURS), sender("Theirs", 17, account_id=THEIRS))
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        trunk = office.trunk.model_copy(update={"allow_any_did": True})
        office.add(trunk)
        window = f"/sms/trunks/{trunk.id}"
        page = await (await site.client.get(f"{window}/send")).text()
        assert page.index('value="Example"') < page.index(f'value="{DIDS[0]}"')
        assert "Theirs" not in page
        note = await site.post(
            f"{window}/preview", csrf_token=token, source="Example", destination="+1 555 123 4567", text="x"
        )
        assert "not a registered sender" not in await note.text()
        found = await (await site.client.get(f"{window}/sources?search=exa")).json()
        assert found == {"numbers": ["Example"], "total": 1}
        found = await (await site.client.get(f"{window}/sources?search=%2B1+(212)")).json()
        assert found["numbers"] == list(DIDS)
        office.add(trunk.model_copy(update={"allow_any_did": False, "allowed_sources": DIDS[:1]}))
        assert "Example" not in await (await site.client.get(f"{window}/send")).text()


def test_long_lists_of_countries_are_cut_short() -> None:
    """None is all."""
    assert listed_countries(()) == "All countries"
    assert listed_countries(("DE",)) == "Germany"
    assert (
        listed_countries(("DE", "AT", "CH", "FR", "IT", "ES", "001"))
        == "Germany, Austria, Switzerland, France, Italy and 2 more"
    )
