"""The audit log: a time range, and its export."""

import csv
import io
from datetime import timedelta

from agents.panel.pages import PAGES
from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import Office, uuid
from tests.unit.agents.panel.site import logged_in, running


async def filled(office: Office) -> None:
    """Three changes, an hour apart; the name of the last is a formula to a spreadsheet."""
    for name in ("first", "second", "=cmd()"):
        await office.operations.trunks.update(office.actor(), uuid(1), {"name": name})
        office.now += timedelta(hours=1)


async def test_a_time_range_is_from_the_first_moment_to_before_the_second(office: Office) -> None:
    """In UTC, on the list and in the export; what is no time filters nothing."""
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        office.store.events.clear()
        await filled(office)
        for query, count in (
            ("since=2026-11-22T20:00&until=2026-11-22T21:00", 1),
            ("since=2026-11-22T20:00", 2),
            ("until=2026-11-22T20:00", 1),
            ("since=nonsense", 3),
            ("text=second", 1),
            ("", 3),
        ):
            page = await (await site.client.get(f"/audit?{query}")).text()
            assert f"of {count} event" in page, query
            answer = await site.client.get(f"/audit/export?{query}")
            lines = list(csv.DictReader(io.StringIO(await answer.text())))
            assert (answer.content_type, len(lines)) == ("text/csv", count), query


async def test_the_export_says_who_changed_what_and_holds_no_formula(office: Office) -> None:
    """Every change with its values; a cell that a spreadsheet would compute is text."""
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        office.store.events.clear()
        await filled(office)
        lines = list(csv.DictReader(io.StringIO(await (await site.client.get("/audit/export")).text())))
    newest = lines[0]
    assert (newest["actor"], newest["action"], newest["attribute"]) == ("owner@example.com", "trunk.updated", "name")
    assert (newest["before"], newest["after"], newest["target_name"]) == ("second", "'=cmd()", "'=cmd()")
