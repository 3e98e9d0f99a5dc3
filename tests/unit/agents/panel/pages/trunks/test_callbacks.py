"""What a trunk's pages say of its endpoint."""

from agents.panel.pages import PAGES
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.endpoints import TRUNK, attempt
from tests.unit.agents.panel.office import Office
from tests.unit.agents.panel.site import logged_in, running


async def test_the_pages_say_it_and_enable_again(disabled: Office) -> None:
    """A badge in the list, a notice on the trunk's page, gone after *Enable again*; texts of the endpoint are text."""
    disabled.operations.callbacks.attempts.note(attempt(answer="<script>alert(1)</script>").to_bytes())
    async with running(disabled, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)
        listed = await (await site.client.get("/sms/trunks")).text()
        page = await (await site.client.get(f"/sms/trunks/{TRUNK}/edit")).text()
        assert ("Gone: not notified" in listed, "410 Gone on 2026-11-22 19:00 UTC" in page) == (True, True)
        assert ("<script>alert" in page, "&lt;script&gt;alert(1)" in page, "1,234 ms" in page) == (False, True, True)
        answer = await site.client.post(
            f"/sms/trunks/{TRUNK}/enable-callback", headers={"Origin": site.origin, "X-CSRF-Token": token}
        )
        assert ("are posted again" in await answer.text(), answer.url.path) == (True, f"/sms/trunks/{TRUNK}/edit")
        assert "Gone: not notified" not in await (await site.client.get("/sms/trunks")).text()
    assert disabled.stored(TRUNK).callback_disabled_at is None


async def test_who_may_only_look_sees_no_button(disabled: Office) -> None:
    """The notice is for everybody, the button for those who may change trunks."""
    async with running(disabled, pages=PAGES) as site:
        await logged_in(site, PanelRole.READ_ONLY)
        page = await (await site.client.get(f"/sms/trunks/{TRUNK}/edit")).text()
    assert ("410 Gone on" in page, "Enable again" in page) == (True, False)
