"""What every page goes through: session, permission, origin, token; and what every error looks like."""

import pytest

from schemas.directory.people import PanelRole, PanelUser
from tests.unit.agents.panel.office import OURS, PASSWORD, Office
from tests.unit.agents.panel.site import running


async def test_over_https_cookies_are_tied_to_the_host(office: Office) -> None:
    """`__Host-`, Secure, and HSTS."""
    async with running(office, "https://sms.example") as site:
        answer = await site.client.get("/login")
        cookie = answer.cookies["__Host-smsout-visitor"]
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_a_form_needs_origin_and_token(office: Office) -> None:
    """Either alone is not enough; what fails changes nothing."""
    async with running(office) as site:
        await site.log_in()
        token = (await site.me())["token"]
        assert (await site.post("/change", csrf_token=token, what="x")).status == 200
        assert (await site.post("/change", csrf_token="", what="x")).status == 403
        assert (await site.post("/change", csrf_token=token + "x", what="x")).status == 403
        assert (await site.post("/change", "https://evil.example", csrf_token=token)).status == 403
        bare = await site.client.post("/change", data={"csrf_token": token})
        assert bare.status == 403
        by_header = await site.client.post("/change", headers={"Origin": site.origin, "X-CSRF-Token": token})
        assert by_header.status == 200


async def test_a_log_in_form_needs_them_too(office: Office) -> None:
    """Else somebody could be logged in as another without noticing."""
    async with running(office) as site:
        form = {"email": "owner@example.com", "password": PASSWORD}
        assert (await site.post("/login", **form)).status == 403
        assert (await site.post("/login", "https://evil.example", csrf_token=await site.token(), **form)).status == 403


async def test_another_sessions_token_is_none(office: Office) -> None:
    """A token is worth something together with its session only."""
    async with running(office) as site:
        await site.log_in()
        old = (await site.me())["token"]
        await site.log_in()
        assert (await site.post("/change", csrf_token=old)).status == 403


async def test_a_page_needs_its_permission(office: Office) -> None:
    """A role that may not change is told so, in words."""
    async with running(office) as site:
        await site.log_in("read_only@example.com")
        answer = await site.post("/change", csrf_token=(await site.me())["token"])
        assert answer.status == 403
        assert "not allowed to change trunks" in await answer.text()


async def test_the_way_back_after_log_in(office: Office) -> None:
    """The page that was wanted is remembered; a script is told in its own words."""
    async with running(office) as site:
        answer = await site.client.get("/me?a=1&b=//x", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/me%3Fa%3D1%26b%3D//x")
        answer = await site.client.get("/me", headers={"Accept": "application/json"})
        assert (answer.status, (await answer.json())["log_in"]) == (401, "/login")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/missing", 404, "There is no such trunk."),
        ("/nothing/here", 404, "There is no such page."),
        ("/broken", 500, "Something went wrong"),
        ("/brokerless", 503, "Kafka does not answer"),
    ],
)
async def test_errors_are_pages(office: Office, path: str, status: int, words: str) -> None:
    """With all headers, and without a stack trace."""
    async with running(office) as site:
        await site.log_in()
        answer = await site.client.get(path)
        text = await answer.text()
        assert status == answer.status
        assert words in text
        assert "secret detail" not in text
        assert "Traceback" not in text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Cache-Control"] == "no-store"


async def test_a_user_whose_account_is_gone_is_logged_out(office: Office) -> None:
    """Which the rules do not let happen, but a directory from a file may hold."""
    async with running(office) as site:
        await site.log_in()
        office.store.directory.apply(f"account:{OURS}".encode(), None)
        assert await site.me() == 303
        assert office.store.directory.get(PanelUser, office.user(PanelRole.OWNER).id) is not None
