"""Each program of docs/how-to/send-from-your-program.md sends a message once, whatever happens on the way."""

import asyncio
import base64
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "send-from-your-program.md"
ID: Final = "01938d7e-5c1a-7b2e-9f40-2d6a1c3e5b70"
MESSAGE: Final = ("12125551234", "15551234567", 'Grüße, "you": \\ 😀\nsee you')
LIMIT_SECONDS: Final = 280.0  # a compiler on a loaded machine

PROGRAMS: Final[dict[str, tuple[tuple[str, ...], str, list[str], list[str]]]] = {
    # fence: what is needed, the file, how it is made ready, how it is called
    "python": (("python3",), "send.py", [], [sys.executable, "send.py"]),
    "js": (("node",), "send.mjs", [], ["node", "send.mjs"]),
    "php": (("php",), "send.php", [], ["php", "send.php"]),
    "go": (("go",), "send.go", ["go", "build", "-o", "send", "send.go"], ["./send"]),
    "java": (("javac",), "Send.java", ["javac", "Send.java"], ["java", "-Xshare:auto", "-cp", ".", "Send"]),
    "bash": (("curl", "jq"), "send.sh", [], ["bash", "send.sh"]),
}


class Gateway:
    """Is busy, breaks off, and takes what comes then; or refuses."""

    def __init__(self, *, refuses: bool) -> None:
        self._refuses = refuses
        self.requests: list[tuple[str, str, Any]] = []

    async def take(self, request: web.Request) -> web.Response:
        """Answer one request."""
        headers = request.headers
        self.requests.append((headers["Authorization"], headers["Idempotency-Key"], await request.json()))
        if self._refuses:
            error = {"title": "Bad Request", "detail": "destination is no number", "status": "400"}
            return web.json_response({"errors": [error]}, status=400)
        if len(self.requests) == 1:
            return web.json_response({"errors": []}, status=503, headers={"Retry-After": "1"})
        if len(self.requests) == 2:
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"data": {"id": ID, "type": "outbound_messages"}}, status=201)


@pytest.mark.parametrize("language", PROGRAMS)
async def test_a_program_sends_one_message(language: str, tmp_path: Path) -> None:
    """Again with its key until it is taken, not again when it is refused; any text arrives as it is."""
    needed, name, make, call = PROGRAMS[language]
    if missing := [it for it in needed if shutil.which(it) is None]:
        pytest.skip(f"{missing[0]} is not installed")
    (program,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / name).write_text(program)
    client = PAGE.parents[2] / "clients" / "python"
    environment = {
        **os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GO111MODULE": "off", "PYTHONPATH": str(client),
        "JAVA_TOOL_OPTIONS": "-Dsun.jnu.encoding=UTF-8 -Dfile.encoding=UTF-8", "LC_ALL": "C.UTF-8",
        "USERNAME": "user", "PASSWORD": "pass:word", "KEY": "order 4711",
    }  # fmt: skip

    async def run(*command: str) -> tuple[int | None, str, str]:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(LIMIT_SECONDS):
            output, errors = await process.communicate()
        return process.returncode, output.decode(), errors.decode()

    if make:
        code, _, errors = await run(*make)
        assert code == 0, errors
    for refuses in (False, True):
        gateway, app = Gateway(refuses=refuses), web.Application()
        app.router.add_post("/outbound_messages", gateway.take)
        async with TestServer(app) as server:
            environment["URL"] = str(server.make_url("")).rstrip("/")
            code, output, errors = await run(*call, *MESSAGE)
        source, destination, content = MESSAGE
        attributes = {"source": source, "destination": destination, "content": content}
        request = (
            "Basic " + base64.b64encode(b"user:pass:word").decode(),
            "order 4711",
            {"data": {"type": "outbound_messages", "attributes": attributes}},
        )
        assert gateway.requests == [request] * (1 if refuses else 3), errors
        assert (code, output) == ((1, "") if refuses else (0, f"{ID}\n")), errors
        assert "destination is no number" in errors if refuses else True
