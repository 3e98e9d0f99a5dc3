"""Static files: kept by browsers for as long as they are the same."""

import hashlib
import re

from agents.panel.static_files import FOLDER, StaticFiles
from tests.unit.agents.panel.office import Office
from tests.unit.agents.panel.site import running


async def test_static_files_are_kept_by_browsers(office: Office) -> None:
    """Their path changes with their content; an old path gets today's file and must not keep it."""
    async with running(office) as site:
        url = StaticFiles().url("panel.css")
        fresh, stale = await site.client.get(url), await site.client.get("/static/old/panel.css")
        assert await fresh.read() == await stale.read()
        assert (
            fresh.headers["Cache-Control"], stale.headers["Cache-Control"],
        ) == ("public, max-age=31536000, immutable", "no-cache")  # fmt: skip
        for path in ("/static/x/../app.py", "/static/x/%2e%2e/app.py", "/static/x/..%2fapp.py"):
            assert (await site.client.get(path)).status == 404


def test_what_is_packed_is_what_was_published() -> None:
    """The sums of the files of others, as vendor/README.md has them; nobody edits a copy unseen."""
    listed = re.findall(r"\| ([\w.-]+) \| ([0-9a-f]{64}) \|", (FOLDER / "vendor" / "README.md").read_text())
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (FOLDER / "vendor").rglob("*.*s")}
    assert dict(listed) == found
    assert len(found) == 2
