"""deploy/nginx/nginx.conf in a real nginx, in front of a server of ours."""

import asyncio
import os
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from agents.commands.install import make_certificate
from agents.local.ports import free_port

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "nginx.conf"


def nginx_or_skip() -> str:
    found = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have what every test needs: nginx (Debian: nginx-light)")
        pytest.skip("nginx is not installed (Debian: nginx-light)")
    return found


@asynccontextmanager
async def running_nginx(folder: Path, upstream: int, door: int, panel: int) -> AsyncIterator[ssl.SSLContext]:
    """Run it with other ports, addresses instead of names, and a second where it waits ten; yield whom to trust."""
    make_certificate(folder, "127.0.0.1")
    text = CONFIGURATION.read_text()
    for old, new in (
        ("/tmp/", f"{folder}/"), ("/tls/", f"{folder}/"), ("ingress:8080", f"127.0.0.1:{upstream}"),  # noqa: S108  # what the configuration says
        ("panel:8081", f"127.0.0.1:{upstream}"),
        ("message_log:8082", f"127.0.0.1:{upstream}"), ("listen 8443", f"listen 127.0.0.1:{door}"),
        ("listen 9443", f"listen 127.0.0.1:{panel}"), ("_timeout 10s", "_timeout 1s"),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text("daemon off;\nmaster_process off;\n" + text)
    process = await asyncio.create_subprocess_exec(
        nginx_or_skip(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", door)
                    writer.close()
                    break
                except OSError:
                    assert process.returncode is None, (folder / "error.log").read_text()
                    await asyncio.sleep(0.05)
        yield ssl.create_default_context(cafile=str(folder / "server.crt"))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def upstream() -> AsyncIterator[tuple[int, list[web.Request]]]:
    """Run what stands behind it; yield its port, and the requests that come."""
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        await request.read()
        return web.Response(text="behind")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield port, seen
    finally:
        await runner.cleanup()


async def test_requests_go_through_and_slow_ones_end(tmp_path: Path) -> None:
    """TLS, only the paths of the API, the client's own address whatever it claims; a client that dawdles is let go."""
    nginx_or_skip()
    door, panel = free_port(), free_port()
    async with (
        upstream() as (port, seen),
        running_nginx(tmp_path, port, door, panel) as trust,
        aiohttp.ClientSession() as client,
    ):
        base = f"https://127.0.0.1:{door}"
        spoofed = {"X-Forwarded-For": "10.9.9.9"}
        async with client.post(f"{base}/outbound_messages", data=b"{}", headers=spoofed, ssl=trust) as answer:
            assert (answer.status, await answer.text()) == (200, "behind")
        assert seen[0].headers["X-Forwarded-For"] == "127.0.0.1"
        async with client.post(f"{base}/outbound_message_previews", data=b"{}", ssl=trust) as answer:
            assert (answer.status, await answer.text()) == (200, "behind")
        async with client.get(f"{base}/metrics", ssl=trust) as answer:
            assert answer.status == 404
        async with client.post(f"{base}/outbound_messages", data=b"x" * 300_000, ssl=trust) as answer:
            assert answer.status == 413
        async with client.get(f"https://127.0.0.1:{panel}/login", ssl=trust) as answer:
            assert (answer.status, answer.headers.get("Server")) == (200, "nginx")
        assert len(seen) == 3

        reader, writer = await asyncio.open_connection("127.0.0.1", door, ssl=trust)
        writer.write(b"POST /outbound_messages HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        async with asyncio.timeout(10):
            rest = await reader.read()
        assert re.match(rb"HTTP/1\.1 408|$", rest)
        writer.close()
        assert len(seen) == 3
