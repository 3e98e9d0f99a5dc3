"""`smsout carriers try` against a carrier that is there: what it is sent, whom it trusts, what is said of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from typer.testing import CliRunner, Result

from agents.commands.carriers import app
from tests.certificates import Authority, Issued

PROFILE: Final = """\
version: 1
name: Tried
about: For tests.
parameters:
  authority: {about: Its authority., optional: true}
  certificate: {about: Our certificate., optional: true}
secrets:
  token: {about: Its token.}
  key: {about: The key of our certificate., optional: true}
tls: {ca: "{authority}", client_certificate: "{certificate}", client_key: "{key}"}
request:
  urls: "{url}"
  headers: {Authorization: "Bearer {token}"}
  body: {json: {to: "{destination}", text: "{text}"}}
answers:
  - {status: 202, outcome: accepted, message_id: {json: /id}}
  - {status: 400, outcome: permanent}
"""
LONG: Final = "Two segments of GSM 7 bit " * 7


@dataclass
class Carrier:
    """What it was sent, and what it answers."""

    answer: int = 202
    taken: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append({**await request.json(), "token": request.headers["Authorization"]})
        return web.json_response({"id": f"c-{len(self.taken)}"}, status=self.answer)


@asynccontextmanager
async def serving(carrier: Carrier, tls: ssl.SSLContext | None = None) -> AsyncIterator[Carrier]:
    application = web.Application()
    application.router.add_post("/", carrier.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    carrier.port = runner.addresses[0][1]
    try:
        yield carrier
    finally:
        await runner.cleanup()


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "tried.yaml"
    path.write_text(PROFILE)
    return path


async def tried(profile: Path, url: str, *more: str, text: str = "Hello") -> Result:
    """Run the command in a thread of its own: it has an event loop of its own."""
    arguments = ["try", str(profile), "--to", "15551234567", "--from", "12125551234", "--text", text, "--url", url]
    return await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--secret", "token=t0ken", *more])


async def test_each_segment_is_posted_and_its_answer_told(profile: Path) -> None:
    """By its number, with the carrier's id."""
    async with serving(Carrier()) as carrier:
        result = await tried(profile, f"http://127.0.0.1:{carrier.port}/", text=LONG)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [it["to"] for it in carrier.taken] == ["15551234567"] * 2
    assert "".join(it["text"] for it in carrier.taken) == LONG
    assert {it["token"] for it in carrier.taken} == {"Bearer t0ken"}
    assert "segment 2 of 2: accepted, message id c-2" in result.stdout


async def test_what_is_refused_ends_it(profile: Path) -> None:
    """The second segment is not sent."""
    async with serving(Carrier(answer=400)) as carrier:
        result = await tried(profile, f"http://127.0.0.1:{carrier.port}/", text=LONG)
    assert (result.exit_code, len(carrier.taken)) == (1, 1)
    assert "segment 1 of 2: refused" in result.stdout


async def test_a_carrier_that_is_not_there_is_not_taken(profile: Path) -> None:
    """In words, and with another code."""
    async with serving(Carrier()) as carrier:
        pass
    result = await tried(profile, f"http://127.0.0.1:{carrier.port}/")
    assert (result.exit_code, "segment 1 of 1" in result.stdout) == (1, True)
    assert carrier.taken == []


def server_of(issued: Issued, clients: str, folder: Path) -> ssl.SSLContext:
    """Return the context of a server that wants certificates of its clients."""
    file = folder / "server.pem"
    file.write_text(issued.key + issued.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=clients)
    # Or the client hears of a missing certificate when it has sent its request already (RFC 8446, section 4.4.2).
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.mark.parametrize(
    ("trusts", "shows", "code"),
    [
        ("carrier's", "ours", 0),
        ("another", "ours", 1),
        (None, "ours", 1),
        ("carrier's", "another", 1),
        ("carrier's", None, 1),
    ],
)
async def test_both_sides_know_each_other(
    profile: Path, tmp_path: Path, trusts: str | None, shows: str | None, code: int
) -> None:
    """The carrier's own authority is trusted, and ours is what it asks for; with any other nothing is sent."""
    authorities = {name: Authority(name) for name in ("carrier's", "ours", "another")}
    server = server_of(authorities["carrier's"].issue("carrier"), authorities["ours"].certificate, tmp_path)
    more = []
    if trusts is not None:
        more += ["--set", f"authority={authorities[trusts].certificate}"]
    if shows is not None:
        client = authorities[shows].issue("gateway")
        (tmp_path / "key.pem").write_text(client.key)
        more += ["--set", f"certificate={client.certificate}", "--secret", f"key=@{tmp_path / 'key.pem'}"]
    async with serving(Carrier(), server) as carrier:
        result = await tried(profile, f"https://127.0.0.1:{carrier.port}/", *more)
    assert (result.exit_code, len(carrier.taken)) == (code, 1 - code), result.output


@pytest.mark.parametrize("broken", ["authority", "certificate", "key"])
async def test_what_is_no_certificate_is_refused_before_anything_is_sent(
    profile: Path, tmp_path: Path, broken: str
) -> None:
    """With what is wrong, and without the key."""
    authority, (certificate, key) = Authority("ours"), Authority("ours").issue("gateway")
    given = {"authority": authority.certificate, "certificate": certificate, "key": key}
    given[broken] = Authority("another").issue("another").key if broken == "key" else "-----BEGIN NONSENSE-----"
    (tmp_path / "key.pem").write_text(given["key"])
    result = await tried(
        profile, "https://127.0.0.1:9/", "--set", f"authority={given['authority']}",
        "--set", f"certificate={given['certificate']}", "--secret", f"key=@{tmp_path / 'key.pem'}",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "tls: the " in result.stderr
    assert given["key"].splitlines()[1] not in result.output
