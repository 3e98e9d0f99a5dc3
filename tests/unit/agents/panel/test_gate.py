"""What every page goes through: session, permission, origin, token; and what every error looks like."""

import pytest

from schemas.directory.people import PanelRole, PanelUser
from tests.unit.agents.panel.office import OURS, PASSWORD, Office
from tests.unit.agents.panel.site import running


async def test_logging_in_and_out(office: Office) -> None:
    """A new session id at log-in; at log-out it is worth nothing any more; both are recorded."""
    async with running(office) as site:
        assert await site.me() == 303
        answer = await site.log_in()
        assert (answer.status, answer.headers["Location"]) == (303, "/me")
        cookie = answer.cookies["smsout-session"]
        assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/", "Lax", True)
        me = await site.me()
        assert (me["email"], me["account"]) == ("owner@example.com", OURS)
        again = await site.log_in()
        assert cookie.value != again.cookies["smsout-session"].value
        token = (await site.me())["token"]
        assert (await site.post("/logout", csrf_token=token)).status == 303
        site.use_session(cookie.value)
        assert await site.me() == 303
        assert [it.action for it in office.writer.events] == ["log_in.succeeded", "log_in.succeeded", "log_out.done"]


async def test_over_https_cookies_are_tied_to_the_host(office: Office) -> None:
    """`__Host-`, Secure, and HSTS."""
    async with running(office, "https://sms.example") as site:
        answer = await site.client.get("/login")
        cookie = answer.cookies["__Host-smsout-visitor"]
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("email", "password"), [("owner@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("", ""), ("\0", "\0")]
)
async def test_a_wrong_log_in_says_nothing_about_which_part_was_wrong(
    office: Office, email: str, password: str
) -> None:
    """The same answer for somebody who is not there; recorded with the name that was tried."""
    async with running(office) as site:
        answer = await site.log_in(email, password)
        assert (answer.status, await answer.text()) == (401, "Wrong email address or password.")
        assert [("log_in.failed", "nobody", email)] == [
            (it.action, it.actor_kind, it.actor) for it in office.writer.events
        ]


async def test_a_blocked_user_cannot_log_in(office: Office) -> None:
    """And an open session ends with the next request."""
    async with running(office) as site:
        await site.log_in()
        office.add(office.user(PanelRole.OWNER).model_copy(update={"blocked": True}))
        assert await site.me() == 303
        assert (await site.log_in()).status == 401


async def test_guessing_is_slowed_down(office: Office) -> None:
    """Also with the right password then."""
    async with running(office) as site:
        statuses = [(await site.log_in(password="wrong")).status for _ in range(6)]
        assert statuses == [401] * 5 + [429]
        assert (await site.log_in()).status == 429


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


async def test_changing_the_password_ends_other_sessions(office: Office) -> None:
    """This one goes on under a new id."""
    async with running(office) as site:
        first = (await site.log_in()).cookies["smsout-session"].value
        second = (await site.log_in()).cookies["smsout-session"].value
        token = (await site.me())["token"]
        answer = await site.post("/password", csrf_token=token, old=PASSWORD, new="a new long password")
        assert answer.status == 303
        assert (await site.me())["email"] == "owner@example.com"
        for old in (first, second):
            site.use_session(old)
            assert await site.me() == 303


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


async def test_every_answer_has_its_headers(office: Office) -> None:
    """Pages, API, static files and answers to nonsense."""
    async with running(office) as site:
        for path in ("/login", "/v3/sms_trunks", "/v3/nothing", "/static/x/y", "/nothing"):
            answer = await site.client.get(path, allow_redirects=False)
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert (answer.headers["X-Content-Type-Options"], answer.headers["Server"]) == ("nosniff", "smsout")


async def test_static_files_are_kept_by_browsers(office: Office) -> None:
    """Their path changes with their content; an old path gets today's file and must not keep it."""
    async with running(office) as site:
        from agents.panel.static_files import StaticFiles

        url = StaticFiles().url("panel.css")
        fresh, stale = await site.client.get(url), await site.client.get("/static/old/panel.css")
        assert await fresh.read() == await stale.read()
        assert (
            fresh.headers["Cache-Control"], stale.headers["Cache-Control"],
        ) == ("public, max-age=31536000, immutable", "no-cache")  # fmt: skip
        for path in ("/static/x/../app.py", "/static/x/%2e%2e/app.py", "/static/x/..%2fapp.py"):
            assert (await site.client.get(path)).status == 404


async def test_an_operator_works_in_a_chosen_account(office: Office) -> None:
    """None at first, because there are two."""
    async with running(office) as site:
        await site.log_in("operator@example.com")
        assert (await site.me())["account"] is None


async def test_without_a_broker_nobody_logs_in_unseen(office: Office) -> None:
    """The log-in cannot be recorded, so there is none; the page says why."""
    async with running(office) as site:
        office.writer.fails = True
        assert (await site.log_in()).status == 503
        assert await site.me() == 303


async def test_a_user_whose_account_is_gone_is_logged_out(office: Office) -> None:
    """Which the rules do not let happen, but a directory from a file may hold."""
    async with running(office) as site:
        await site.log_in()
        office.writer.directory.apply(f"account:{OURS}".encode(), None)
        assert await site.me() == 303
        assert office.writer.directory.get(PanelUser, office.user(PanelRole.OWNER).id) is not None
