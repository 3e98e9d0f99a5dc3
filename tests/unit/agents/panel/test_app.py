"""What every response carries."""

from tests.unit.agents.panel.office import Office
from tests.unit.agents.panel.site import running


async def test_every_answer_has_its_headers(office: Office) -> None:
    """Pages, API, static files and answers to nonsense."""
    async with running(office) as site:
        for path in ("/login", "/v3/sms_trunks", "/v3/nothing", "/static/x/y", "/nothing"):
            answer = await site.client.get(path, allow_redirects=False)
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert (answer.headers["X-Content-Type-Options"], answer.headers["Server"]) == ("nosniff", "smsout")
