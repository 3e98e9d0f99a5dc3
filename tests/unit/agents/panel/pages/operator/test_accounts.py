"""The form of an account: name, state, and how its numbers are checked."""

from agents.panel.pages import PAGES
from schemas.directory.account import Account, NumberCheck
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import OURS, Office
from tests.unit.agents.panel.site import logged_in, running


async def test_how_numbers_are_checked_is_chosen_in_the_form(office: Office) -> None:
    """Off at first; what is saved is shown in form and list, and the change is in the audit log."""
    edit = f"/accounts/{OURS}/edit"
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        shown = await (await site.client.get(edit)).text()
        assert 'name="form_only" value="on">' in shown
        version = str(office.store.directory.version_of(Account, OURS))
        fields = {"csrf_token": token, "version": version, "name": "Ours", "form_only": "on"}
        answer = await site.post(edit, **fields)
        assert answer.status == 303
        account = office.store.directory.account(OURS)
        assert account is not None
        assert (account.name, account.blocked, account.number_check) == ("Ours", False, NumberCheck.FORM)
        assert 'name="form_only" value="on" checked>' in await (await site.client.get(edit)).text()
        assert "Numbers by form only" in await (await site.client.get("/accounts")).text()
    assert [event.action for event in office.store.events] == ["log_in.succeeded", "account.updated"]


async def test_a_new_account_can_begin_with_it(office: Office) -> None:
    """Without it nothing stands in the record."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        await site.post("/accounts", csrf_token=token, name="Machines", form_only="on")
        await site.post("/accounts", csrf_token=token, name="People")
    made = {it.name: it.number_check for it in office.store.directory.entries(Account)}
    assert (made["Machines"], made["People"]) == (NumberCheck.FORM, None)


async def test_limits_of_an_account_are_set_in_its_form(office: Office) -> None:
    """Empty is none; what is wrong is said beside the field, and what was typed stays."""
    edit = f"/accounts/{OURS}/edit"

    def limit() -> int | None:
        account = office.store.directory.account(OURS)
        assert account is not None
        return account.requests_per_second

    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        for typed, status, held in (("50", 303, 50), ("0", 422, 50), ("many", 422, 50), ("", 303, None)):
            version = str(office.store.directory.version_of(Account, OURS))
            fields = {"csrf_token": token, "version": version, "name": "Ours", "requests_per_second": typed}
            answer = await site.post(edit, **fields)
            assert (answer.status, limit()) == (status, held)
            if status == 422:
                assert f'name="requests_per_second" type="number" value="{typed}"' in await answer.text()
        await site.post("/accounts", csrf_token=token, name="Limited", requests_per_second="7")
    made = {it.name: it.requests_per_second for it in office.store.directory.entries(Account)}
    assert made["Limited"] == 7
