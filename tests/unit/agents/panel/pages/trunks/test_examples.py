"""The programs of the credentials window do what they say: each is run where its language is installed."""

import asyncio
import base64
import os
import shutil
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from agents.panel.app import assets
from agents.panel.pages.trunks.examples import DESTINATION, LANGUAGES, examples

USERNAME, PASSWORD, SOURCE = "abcd2345efgh6789", "s-_Ecret0123456789", "12125551234"
ID: Final = "01938d7e-5c1a-7b2e-9f40-2d6a1c3e5b70"
LIMIT_SECONDS: Final = 280.0  # a compiler on a loaded machine

PROGRAMS: Final = {
    "curl": ("bash", ["bash", "send"]),
    "python": ("python3", ["python3", "send"]),
    "node": ("node", ["node", "send.js"]),
    "php": ("php", ["php", "send"]),
    "go": ("go", ["go", "run", "send.go"]),
    "java": ("javac", ["java", "Send.java"]),
}


@pytest.mark.parametrize("status", [201, 401])
@pytest.mark.parametrize("name", [name for name, _ in LANGUAGES])
async def test_an_example_sends_the_message_and_prints_the_answer(name: str, status: int, tmp_path: Path) -> None:
    """The request that reaches the gateway is the one of docs/http-api.md, and a refusal is seen."""
    needed, command = PROGRAMS[name]
    if shutil.which(needed) is None or (name == "curl" and shutil.which("curl") is None):
        pytest.skip(f"{needed} is not installed")
    requests: list[tuple[str, str, object]] = []

    async def take(request: web.Request) -> web.Response:
        requests.append((request.headers["Authorization"], request.headers["Content-Type"], await request.json()))
        body = {"data": {"id": ID}} if status == 201 else {"errors": [{"title": "Unauthorized"}]}
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_post("/outbound_messages", take)
    async with TestServer(app) as server:
        _, templates = assets()
        found = {
            it.name: it.text
            for it in examples(templates, str(server.make_url("")).rstrip("/"), USERNAME, PASSWORD, SOURCE)
        }
        (tmp_path / command[-1]).write_text(found[name])
        program = await asyncio.create_subprocess_exec(
            *command,
            cwd=tmp_path,
            env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"},  # nothing to link, nothing to fetch
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(LIMIT_SECONDS):
            output, _ = await program.communicate()
    said = output.decode()
    assert len(requests) == 1, said
    authorization, content_type, document = requests[0]
    assert authorization == "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    assert content_type == "application/vnd.api+json"
    assert document == {
        "data": {
            "type": "outbound_messages",
            "attributes": {"source": SOURCE, "destination": DESTINATION, "content": "Hello World!"},
        }
    }
    assert str(status) in said
    assert (ID if status == 201 else "Unauthorized") in said


def test_without_password_and_number_an_example_says_what_to_put_there() -> None:
    """The password is not in the page until somebody asks for it."""
    _, templates = assets()
    for example in examples(templates, "https://sms.example", USERNAME, None, None):
        assert "YOUR_PASSWORD" in example.text
        assert "YOUR_NUMBER" in example.text
        assert "https://sms.example/outbound_messages" in example.text
