"""Numbers in the panel: added, edited and deleted one by one; and looked for where there are many."""

import pytest

from agents.panel.pages import PAGES
from schemas.directory.account import Did
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import DIDS, OURS, THEIR_DID, Office, uuid
from tests.unit.agents.panel.site import logged_in, running


async def test_an_operator_adds_edits_and_deletes_a_number(office: Office) -> None:
    """As it is written, with its flag; each step is said on the list."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)

        async def send(path: str, **fields: str) -> int:
            headers = {"Origin": site.origin, "X-CSRF-Token": token}
            answer = await site.client.post(path, data=fields, headers=headers, allow_redirects=False)
            return answer.status

        await send("/accounts/switch", account_id=OURS)
        assert await send("/numbers", number="+1 (212) 555-0199", p2p_enabled="on") == 303
        made, version = office.store.directory.did("12125550199"), office.store.directory.version_of(Did, "12125550199")
        assert made == Did(number="12125550199", account_id=OURS, p2p_enabled=True)
        assert await send("/numbers/12125550199/edit", version=str(version)) == 303
        changed = office.store.directory.did("12125550199")
        assert changed is not None
        assert not changed.p2p_enabled
        assert await send("/numbers/12125550199/edit", version=str(version), p2p_enabled="on") == 409
        assert await send("/numbers/12125550199/delete") == 303
        assert office.store.directory.did("12125550199") is None


@pytest.mark.parametrize("number", ["", "nonsense", "123", DIDS[0], THEIR_DID, "4407700900123"])
async def test_what_is_no_number_or_there_already_is_refused(office: Office, number: str) -> None:
    """Beside its field, and nothing is written."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        headers = {"Origin": site.origin, "X-CSRF-Token": token}
        await site.client.post("/accounts/switch", data={"account_id": OURS}, headers=headers)
        before = office.store.offset
        answer = await site.client.post("/numbers", data={"number": number}, headers=headers, allow_redirects=False)
        assert (answer.status, before) == (422, office.store.offset)
        assert 'id="number-problem-1"' in await answer.text()


async def test_over_500_numbers_the_sender_is_searched(office: Office) -> None:
    """The field suggests what the trunk may send from, by any of its digits; nobody else's number."""
    office.add(*(Did(number=f"1310555{n:04}", account_id=OURS, p2p_enabled=True) for n in range(600)))
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        form = await (await site.client.get(f"/sms/trunks/{uuid(1)}/send")).text()
        assert f'data-suggest="/sms/trunks/{uuid(1)}/sources"' in form
        found = await (await site.client.get(f"/sms/trunks/{uuid(1)}/sources?search=5 0042")).json()
        assert found == {"numbers": ["13105550042"], "total": 1}
        assert len((await (await site.client.get(f"/sms/trunks/{uuid(1)}/sources")).json())["numbers"]) == 20
        assert (await site.client.get(f"/sms/trunks/{uuid(2)}/sources")).status == 404
