"""Opt-outs in the panel: added, looked for, taken off, imported and exported."""

from aiohttp import FormData

from agents.panel.pages import PAGES
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import OURS, Office
from tests.unit.agents.panel.site import logged_in, running


async def test_a_number_is_added_found_and_taken_off(office: Office) -> None:
    """As people write it; each step is said on the list."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        assert "Nobody has opted out" in await (await site.client.get("/opt-outs")).text()
        assert (await site.post("/opt-outs", csrf_token=token, number="+1 (555) 123-4567")).status == 303
        assert office.store.directory.opt_outs.has(OURS, "15551234567")
        page = await (await site.client.get("/opt-outs?number=1555")).text()
        assert "15551234567 has been opted out." in page
        assert "No number matches" in await (await site.client.get("/opt-outs?number=44")).text()
        assert "15551234567" in await (await site.client.get("/opt-outs/15551234567/delete")).text()
        assert (await site.post("/opt-outs/15551234567/delete", csrf_token=token)).status == 303
        assert not office.store.directory.opt_outs.has(OURS, "15551234567")
        assert (await site.client.get("/opt-outs/15551234567/delete")).status == 404
        wrong = await site.post("/opt-outs", csrf_token=token, number="nonsense")
        assert (wrong.status, "must be a phone number" in await wrong.text()) == (422, True)


async def test_a_file_goes_in_and_comes_out(office: Office) -> None:
    """What is exported is what was imported, with the day; a wrong line is named."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)

        async def send(text: str) -> tuple[int, str]:
            form = FormData({"csrf_token": token})
            form.add_field("file", text.encode(), filename="opt-outs.csv", content_type="text/csv")
            answer = await site.client.post("/opt-outs/import", data=form, headers={"Origin": site.origin})
            return answer.status, await answer.text()

        status, page = await send("number\n447700900123\n15551234567\n")
        assert (status, "Imported: 2 opted out, 0 had been before." in page) == (200, True)
        exported = await site.client.get("/opt-outs/export")
        assert exported.headers["Content-Disposition"] == 'attachment; filename="opt-outs.csv"'
        day = office.now.date()
        assert await exported.text() == f"number,since\n15551234567,{day}\n447700900123,{day}\n"
        status, page = await send("447700900123\nnonsense\n")
        assert (status, "Line 2" in page) == (422, True)
