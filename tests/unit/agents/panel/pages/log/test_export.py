"""The log as CSV."""

import csv
import gzip
import io

import pytest

from agents.panel.pages import PAGES
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.logged import logged
from tests.unit.agents.panel.office import OURS, THEIRS, Office, uuid
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
        logged(office, uuid(200 + number), uuid(1), OURS, destination=f"1310555000{number}")
    logged(office, uuid(300), uuid(2), THEIRS, destination="13105559999")
    headers, body = await export(office, f"/sms/log/export.csv{'.gz' if packed else ''}?destination=13105550001")
    assert "attachment" in headers["Content-Disposition"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    text = (gzip.decompress(body) if packed else body).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["destination"] for row in rows] == ["13105550001"]
    assert rows[0]["status"] == "Success"
    assert rows[0]["accepted_at_utc"].endswith("+00:00")


async def test_no_cell_is_a_formula(office: Office) -> None:
    """A reason is the other side's text, and a spreadsheet would calculate it."""
    logged(office, uuid(200), uuid(1), OURS, reason="=HYPERLINK(1)", status="Failed")
    _, body = await export(office, "/sms/log/export.csv")
    assert next(csv.DictReader(io.StringIO(body.decode())))["reason"] == "'=HYPERLINK(1)"
