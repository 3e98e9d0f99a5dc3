"""The log as CSV."""

import csv
import gzip
import io
from typing import Any, cast

import pytest
from aiohttp import ClientError

from agents.panel.operations.log import message_search
from agents.panel.pages import PAGES
from pipeline.errors import LogUnavailable
from schemas.directory.people import PanelRole
from tests.builders import campaign
from tests.unit.agents.panel.logged import logged
from tests.unit.agents.panel.office import DIDS, OURS, THEIRS, Office, uuid
from tests.unit.agents.panel.site import logged_in, running


async def export(office: Office, path: str) -> tuple[dict[str, str], bytes]:
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.READ_ONLY)
        answer = await site.client.get(path)
        assert answer.status == 200
        return dict(answer.headers), await answer.read()


@pytest.mark.parametrize("packed", [False, True])
async def test_everything_that_is_found_is_in_it(office: Office, packed: bool) -> None:
    """As the filters say, in one file with a head; plain or compressed, and kept by nobody."""
    for number in range(3):
        labels = (
            {"client_reference": "=order", "tags": ("shop", "doors"), "campaign_id": uuid(84)} if number == 1 else {}
        )
        logged(office, uuid(200 + number), uuid(1), OURS, destination=f"1310555000{number}", **labels)
    office.add(campaign(id=uuid(84), account_id=OURS, name="@Doors", senders=DIDS[:1], trunk_ids=(uuid(1),)))
    logged(office, uuid(300), uuid(2), THEIRS, destination="13105559999")
    headers, body = await export(office, f"/sms/log/export.csv{'.gz' if packed else ''}?destination=13105550001")
    assert "attachment" in headers["Content-Disposition"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    text = (gzip.decompress(body) if packed else body).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["destination"] for row in rows] == ["13105550001"]
    assert rows[0]["status"] == "Success"
    assert (rows[0]["client_reference"], rows[0]["tags"]) == ("'=order", "shop, doors")
    assert rows[0]["campaign"] == "'@Doors"
    assert rows[0]["accepted_at_utc"].endswith("+00:00")


async def test_how_far_it_is_is_told_beside(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the session that asked for it, and also when the log goes away in the middle."""
    monkeypatch.setattr(message_search, "MAX_SIZE", 2)
    for number in range(5):
        logged(office, uuid(200 + number), uuid(1), OURS)
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.READ_ONLY)

        async def told(name: str) -> dict[str, object]:
            return cast("dict[str, object]", await (await site.client.get(f"/sms/log/exports/{name}")).json())

        assert await told("first") == {"rows": 0, "ended": False, "broken": False}
        await (await site.client.get("/sms/log/export.csv?progress=first")).read()
        assert await told("first") == {"rows": 5, "ended": True, "broken": False}
        ask, asked = office.log.ask, 0

        async def once(question: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked > 1:
                raise LogUnavailable("it went away")
            return await ask(question)

        monkeypatch.setattr(office.log, "ask", once)
        with pytest.raises(ClientError):
            await (await site.client.get("/sms/log/export.csv?progress=second")).read()
        assert await told("second") == {"rows": 2, "ended": False, "broken": True}
        await logged_in(site, PanelRole.OWNER)
        assert await told("first") == {"rows": 0, "ended": False, "broken": False}


async def test_no_cell_is_a_formula(office: Office) -> None:
    """A reason is the other side's text, and a spreadsheet would calculate it."""
    logged(office, uuid(200), uuid(1), OURS, reason="=HYPERLINK(1)", status="Failed")
    _, body = await export(office, "/sms/log/export.csv")
    assert next(csv.DictReader(io.StringIO(body.decode())))["reason"] == "'=HYPERLINK(1)"
