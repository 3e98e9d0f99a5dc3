"""What every response carries."""

from schemas.directory.people import PanelRole
from tests.unit.agents.panel.office import Office
from tests.unit.agents.panel.site import logged_in, running


async def test_every_answer_has_its_headers(office: Office) -> None:
    """Pages, API, static files and answers to nonsense."""
    async with running(office) as site:
        for path in ("/login", "/v3/sms_trunks", "/v3/nothing", "/static/x/y", "/nothing"):
            answer = await site.client.get(path, allow_redirects=False)
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert (answer.headers["X-Content-Type-Options"], answer.headers["Server"]) == ("nosniff", "smsout")


async def test_operators_get_a_link_to_grafana_where_there_is_one(office: Office) -> None:
    """Nobody else does, and the next panel of the process knows nothing of it."""
    link = 'href="https://grafana.example/?a=1&amp;b=2"'
    for role, url, there in (
        (PanelRole.OPERATOR, "https://grafana.example/?a=1&b=2", True),
        (PanelRole.OWNER, "https://grafana.example/?a=1&b=2", False),
        (PanelRole.OPERATOR, None, False),
    ):
        async with running(office, grafana_url=url) as site:
            await logged_in(site, role)
            page = await (await site.client.get("/users")).text()
            assert (link in page, "Grafana" in page) == (there, there)
