"""What people type: numbers as they write them, everything wrong at once, and input that a silent broker keeps."""

import re
from typing import Any

import pytest

from agents.panel.pages import PAGES
from agents.panel.pages.parts.forms import phone_digits
from pipeline.http.addresses import AddressGuard
from schemas.directory.people import PanelRole
from schemas.directory.trunk import Trunk
from tests.unit.agents.panel.office import DIDS, Office, uuid
from tests.unit.agents.panel.site import Site, logged_in, running

PROBLEM = re.compile(r'id="([a-z_]+)-problem-1"')


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("+1 (555) 123-4567", "15551234567"),
        ("+1.555.123.4567", "15551234567"),
        ("1\u00a0555\u2011123\u20134567", "15551234567"),
        ("0044 20 7183 8750", "442071838750"),
        ("+44 (0)20 7183 8750", "442071838750"),
        ("+44(0)20 7183/8750", "442071838750"),
        (" 15551234567 ", "15551234567"),
        ("+15551234567;ext=3", "+15551234567;ext=3"),
        ("1-800-FLOWERS", "1-800-FLOWERS"),
        ("020 7183 8750", "020 7183 8750"),  # of which country nobody can tell
        ("١٥٥٥١٢٣٤٥٦٧", "١٥٥٥١٢٣٤٥٦٧"),
        ("+1 555 123 4567 555 123 4567", "+1 555 123 4567 555 123 4567"),
        ("", ""),
    ],
)
def test_a_number_is_understood_as_people_write_it(written: str, digits: str) -> None:
    """What has the digits of a number and only marks between them is that number; anything else stays as it is."""
    assert phone_digits(written) == digits


async def post(site: Site, token: str, path: str, fields: dict[str, str], **headers: str) -> Any:
    given = {"Origin": site.origin, "X-CSRF-Token": token, **headers}
    return await site.client.post(path, data=fields, headers=given, allow_redirects=False)


async def test_a_trunks_list_takes_numbers_as_people_write_them(office: Office) -> None:
    """Lines, commas, spaces in a number and between two."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        fields = {"name": "n", "allowed_sources": f"+1 (212) 555-1234\n{DIDS[1]} {DIDS[0]}"}
        answer = await post(site, token, "/sms/trunks", fields)
        assert answer.status == 303
    made = next(it for it in office.store.directory.entries(Trunk) if it.name == "n")
    assert made.allowed_sources == DIDS


CARRIER = {"name": "", "url": "nowhere", "max_in_flight": "many", "timeout_seconds": "long"}
ROUTE = {"destination_prefix": "x", "priority": "y", "price_per_segment": "z"}
PASSWORDS = {"old_password": "x", "new_password": "short", "again": "other"}
MESSAGE = {"source": "x", "destination": "y", "text": ""}


@pytest.mark.parametrize(
    ("path", "fields", "wrong"),
    [
        (
            "/sms/trunks",
            {"name": "", "callback_url": "x", "allowed_ips": "y", "allowed_sources": "z"},
            {"name", "callback_url", "allowed_ips", "allowed_sources"},
        ),
        (
            "/sms/trunks",
            {"name": "a\u200bb", "callback_url": "http://10.0.0.1/", "allowed_ips": "y"},
            {"name", "callback_url", "allowed_ips"},
        ),
        ("/carriers", CARRIER, set(CARRIER)),
        (f"/carriers/{uuid(50)}/edit", CARRIER, set(CARRIER)),
        ("/routes", ROUTE, {*ROUTE, "carrier_id"}),
        ("/users", {"email": "nobody", "role": "nobody"}, {"email", "role"}),
        ("/api-keys", {"key_name": "", "role": "nobody"}, {"key_name", "role"}),
        ("/password", PASSWORDS, set(PASSWORDS)),
        (f"/sms/trunks/{uuid(1)}/send", MESSAGE, set(MESSAGE)),
        (
            f"/sms/trunks/{uuid(1)}/send",
            MESSAGE | {"client_reference": "x" * 101, "tags": "a, a"},
            {*MESSAGE, "client_reference", "tags"},
        ),
    ],
)
async def test_a_form_tells_everything_that_is_wrong_at_once(
    office: Office, path: str, fields: dict[str, str], wrong: set[str]
) -> None:
    """Nobody corrects one field to be told of the next."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        await post(site, token, "/accounts/switch", {"account_id": office.trunk.account_id})
        answer = await post(site, token, path, {"version": "0", **fields})
        assert (answer.status, set(PROBLEM.findall(await answer.text()))) == (422, wrong)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/sms/trunks", {"name": "typed by hand"}),
        (f"/sms/trunks/{uuid(1)}/edit", {"name": "typed by hand", "version": "7"}),
        ("/accounts", {"name": "typed by hand"}),
        ("/carriers", {**CARRIER, "name": "typed", "url": "https://c.x", "max_in_flight": "1", "timeout_seconds": "1"}),
        ("/routes", {"destination_prefix": "4477", "carrier_id": uuid(50), "priority": "0"}),
        ("/users", {"email": "typed@example.com", "role": "member"}),
        ("/api-keys", {"key_name": "typed by hand", "role": "member"}),
        (f"/sms/trunks/{uuid(1)}/send", {"source": DIDS[0], "destination": "13105557890", "text": "typed by hand"}),
        (f"/sms/trunks/{uuid(1)}/credentials/regenerate", {"grace_seconds": "3600"}),
        (f"/sms/trunks/{uuid(1)}/signing-secret/rotate", {"overlap_seconds": "3600"}),
        (f"/users/{uuid(103)}/delete", {}),
    ],
)  # fmt: skip
async def test_a_silent_broker_keeps_what_was_typed(office: Office, path: str, fields: dict[str, str]) -> None:
    """The form comes back as it was sent, and says what is known."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        await post(site, token, "/accounts/switch", {"account_id": office.trunk.account_id})
        version = office.store.directory.version_of(type(office.trunk), uuid(1))
        office.store.fails = True
        answer = await post(site, token, path, {**fields, **({"version": str(version)} if "version" in fields else {})})
        text = await answer.text()
        assert answer.status == 503
        assert "The message broker does not answer" in text
        for value in {field: value for field, value in fields.items() if field != "version"}.values():
            assert value in text


async def test_logging_in_with_a_silent_broker_says_so(office: Office) -> None:
    """The address stays in its field."""
    async with running(office, pages=PAGES) as site:
        token = await site.token()
        office.store.fails = True
        fields = {"csrf_token": token, "email": "owner@example.com", "password": "correct horse battery"}
        answer = await site.client.post("/login", data=fields, headers={"Origin": site.origin})
        text = await answer.text()
        assert answer.status == 503
        assert 'value="owner@example.com"' in text
        assert "The message broker does not answer" in text


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x", "https://localhost:8443/", "http://[::1]/", "http://192.168.0.7/", "https://a.localhost./"],
)
async def test_a_callback_url_that_is_never_called_is_refused(office: Office, url: str) -> None:
    """Private and loopback addresses: at once, with what to do, and not at the first message."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        answer = await post(site, token, "/sms/trunks", {"name": "n", "callback_url": url})
        assert answer.status == 422
        assert "is not on the internet" in await answer.text()


async def test_a_callback_url_that_the_installation_allows_is_taken() -> None:
    """Its allow-list of addresses counts here too, with the port; and what was there before may stay."""
    office = Office(callback_addresses=AddressGuard(["127.0.0.1:8090"]))
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        taken = await post(site, token, "/sms/trunks", {"name": "n", "callback_url": "http://localhost:8090/inbox"})
        refused = await post(site, token, "/sms/trunks", {"name": "m", "callback_url": "http://localhost:8091/inbox"})
        assert (taken.status, refused.status) == (303, 422)


async def test_a_callback_url_of_before_may_stay(office: Office) -> None:
    """A trunk is saved although its endpoint's address would be refused today."""
    office.add(office.trunk.model_copy(update={"callback_url": "http://10.0.0.1/"}))
    trunk, _ = await office.operations.trunks.update(
        office.actor(), uuid(1), {"name": "renamed", "callback_url": "http://10.0.0.1/"}
    )
    assert (trunk.name, trunk.callback_url) == ("renamed", "http://10.0.0.1/")


async def test_a_host_in_other_letters_is_kept_in_punycode(office: Office) -> None:
    """What browsers do with it when they ask for its address (RFC 5891)."""
    trunk, _ = await office.operations.trunks.update(
        office.actor(), uuid(1), {"callback_url": "https://BÜCHER.example:8443/sms?a=b"}
    )
    assert trunk.callback_url == "https://xn--bcher-kva.example:8443/sms?a=b"


async def test_send_another_has_what_was_typed_before(office: Office) -> None:
    """After a message, and for the same trunk alone; in no address."""
    fields = {"source": DIDS[0], "destination": "+1 310 555 7890", "text": "Your code is 42"}
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        sent = await post(site, token, f"/sms/trunks/{uuid(1)}/send", fields, **{"X-Fragment": "1"})
        window = await sent.text()
        assert sent.status == 200
        assert f'href="/sms/trunks/{uuid(1)}/send?again"' in window
        again = await (await site.client.get(f"/sms/trunks/{uuid(1)}/send?again")).text()
        anew = await (await site.client.get(f"/sms/trunks/{uuid(1)}/send")).text()
    assert 'value="+1 310 555 7890"' in again
    assert "Your code is 42</textarea>" in again
    assert "Your code is 42" not in anew


async def test_a_blocked_trunk_offers_no_form(office: Office) -> None:
    """Its window says what to do, and nothing that it takes back."""
    office.add(office.trunk.model_copy(update={"blocked": True}))
    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.OWNER)
        text = await (await site.client.get(f"/sms/trunks/{uuid(1)}/send")).text()
    assert "This trunk is blocked, so it sends no messages" in text
    assert f'action="/sms/trunks/{uuid(1)}/send"' not in text
    assert "no number to send from" not in text


async def test_the_text_of_a_message_is_called_text(office: Office) -> None:
    """The contract's word for it is for programs."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        fields = {"source": DIDS[0], "destination": "13105557890", "text": "x" * 5000}
        text = await (await post(site, token, f"/sms/trunks/{uuid(1)}/send", fields)).text()
        note = await (await post(site, token, f"/sms/trunks/{uuid(1)}/preview", {"text": "x" * 5000})).text()
    assert "content " not in text.partition('id="text-problem-1"')[2][:200]
    assert "Text takes 33 segments; at most 10 are allowed" in note


async def test_a_list_is_come_back_to_as_it_was_left(office: Office) -> None:
    """Where the form was opened from is in its Referer; a stranger's or another page's leads to the plain list."""
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        for referer, back in (
            (f"{site.origin}/sms/trunks?name=Out&page=1", "/sms/trunks?name=Out&amp;page=1"),
            (f"{site.origin}/sms/trunks", "/sms/trunks"),
            (f"{site.origin}/numbers?number=1", "/sms/trunks"),
            ("https://evil.example/sms/trunks?name=x", "/sms/trunks"),
        ):
            page = await site.client.get(f"/sms/trunks/{uuid(1)}/edit", headers={"Referer": referer})
            assert f'name="back" value="{back}"' in await page.text()
        version = office.store.directory.version_of(type(office.trunk), uuid(1))
        for back, location in (
            ("/sms/trunks?page=2", "/sms/trunks?page=2"),
            ("//evil.example/sms/trunks", "/sms/trunks"),
        ):
            fields = {"name": f"n {location}", "back": back, "version": str(version)}
            answer = await post(site, token, f"/sms/trunks/{uuid(1)}/edit", fields)
            assert (answer.status, answer.headers["Location"]) == (303, location)
            version = office.store.directory.version_of(type(office.trunk), uuid(1))
