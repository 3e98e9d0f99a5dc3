"""No callback URL leads into our own network, however it is written and whatever its name resolves to.

One table, one test per row, against a real listener on every loopback address that must see no connection. Since not
every forbidden address can be listened on, the interpreter's own audit events are watched too (PEP 578): there must not
even be an attempt to connect. The control rows do connect, so the table can fail.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address
from typing import Any, Final

import pytest

from pipeline.errors import AddressNotAllowed, NotSent
from pipeline.http import pinning
from pipeline.http.addresses import Address, AddressGuard
from pipeline.http.client import HttpPoster
from pipeline.http.pinning import Resolve, resolve_by_system

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PUBLIC: Final = "93.184.215.14"

_attempts: list[tuple[Any, ...]] | None = None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _attempts is not None:
        _attempts.append(arguments[1])


sys.addaudithook(_note)  # cannot be taken away again; it does nothing unless a test listens


@contextmanager
def watching_connects() -> Iterator[list[tuple[Any, ...]]]:
    """Collect the addresses that this process tries to connect to."""
    global _attempts
    found: list[tuple[Any, ...]] = []
    _attempts = found
    try:
        yield found
    finally:
        _attempts = None


class Listener:
    """The internal service that must not be reached: it listens on 127.0.0.1, 127.0.0.2 and ::1."""

    def __init__(self, answer: bytes) -> None:
        self.port = 0
        self.connections = 0
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(self._answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(
    answer: bytes = OK, hosts: Sequence[str] = ("127.0.0.1", "127.0.0.2", "::1")
) -> AsyncIterator[Listener]:
    listener = Listener(answer)
    servers = []
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(listener.serve(reader, writer)))

    for host in hosts:
        servers.append(await asyncio.start_server(connected, host, listener.port))
        listener.port = servers[0].sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        for server in servers:
            server.close()
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def posting(allowed: Sequence[str] = (), resolve: Resolve = resolve_by_system) -> AsyncIterator[HttpPoster]:
    """Post as the callback agent does."""
    poster = HttpPoster(
        timeout_seconds=5.0,
        connect_timeout_seconds=1.0,
        max_answer_bytes=1000,
        max_connections=8,
        guard=AddressGuard(allowed),
        resolve=resolve,
    )
    try:
        yield poster
    finally:
        await poster.close()


def resolving_to(*answers: Sequence[str]) -> Resolve:
    """Answer each question with the next answer, and go on with the last one."""
    left = [list(answer) for answer in answers]

    async def resolve(_host: str, _port: int) -> Sequence[Address]:
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [ip_address(address) for address in addresses]

    return resolve


# How an address may be written. {port} is the listener's.
IPV4 = [
    "http://127.0.0.1:{port}/",
    "http://127.0.0.2:{port}/",
    "http://127.255.255.254:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://4294967295:{port}/",
    "http://6425673729:{port}/",  # 2**32 more than 127.0.0.1, which some parsers cut off
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0177.0.0.01:{port}/",
    "http://0000000000000177.0.0.1:{port}/",
    "http://127.0.0.000001:{port}/",
    "http://0x7f000001:{port}/",
    "http://0X7F000001:{port}/",
    "http://0x7f.0x0.0x0.0x1:{port}/",
    "http://0x7f.1:{port}/",
    "http://0x7f.0.0.01:{port}/",
    "http://383.0.0.1:{port}/",  # 127 modulo 256
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://00000.0:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.0.0.1..:{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254.:80/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://168.63.129.16/",
    "http://100.100.100.200/",
    "http://10.0.0.1:{port}/",
    "http://012.0.0.1:{port}/",  # octal 10.0.0.1
    "http://172.16.0.1:{port}/",
    "http://192.168.0.1:{port}/",
    "http://192.168.257:{port}/",
    "http://100.64.0.1:{port}/",
    "http://198.18.0.1:{port}/",
    "http://192.0.0.192/",
    "http://224.0.0.1:{port}/",
    "http://255.255.255.255:{port}/",
    "https://127.0.0.1:{port}/",
]
IPV6 = [
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]:{port}/",
    "http://[::0001]:{port}/",
    "http://[::1%lo]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[::1]./:{port}/",
    "http://::1:{port}/",
    "http://[::127.0.0.1]:{port}/",  # v4-compatible
    "http://[::7f00:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",  # v4-mapped
    "http://[::FFFF:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:7f00:0001]:{port}/",
    "http://[::ffff:0:0]:{port}/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::ffff:0:127.0.0.1]:{port}/",  # v4-translated (SIIT)
    "http://[64:ff9b::127.0.0.1]:{port}/",  # NAT64, RFC 6052
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::7f00:1]:{port}/",  # NAT64 for local use, RFC 8215
    "http://[64:ff9b:1:ffff::10.0.0.1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",  # 6to4
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2002:c0a8:1::1]:{port}/",
    "http://[2001:0:7f00:1::]:{port}/",  # Teredo: the server's address
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:{port}/",  # Teredo: the client's, inverted 127.0.0.1
    "http://[fe80::1]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fec0::1]:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[ff02::1]:{port}/",
    "http://[100::1]:{port}/",
    "http://[2001:db8::1]:{port}/",
    "http://[5f00::1]:{port}/",
    "https://[::1]:{port}/",
]
WRITTEN_OTHERWISE = [
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://localhost..:{port}/",
    "http://%6c%6f%63alhost:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://１２７.0.0.1:{port}/",  # full-width digits
    "http://①②⑦.⓪.⓪.①:{port}/",  # digits in circles
    "http://127。0。0。1:{port}/",  # ideographic full stops
    "http://127．0．0．1:{port}/",  # full-width full stops
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    "http://ｌｏｃａｌｈｏｓｔ:{port}/",
    "http://loc\u00adalhost:{port}/",  # a soft hyphen, which IDNA maps to nothing
    "http://loc\u200balhost:{port}/",
    "http://[::１]:{port}/",
    "http:127.0.0.1:{port}",
    "http:/127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}\\",
    "//127.0.0.1:{port}/",
    "  http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\r\nHost: example.org",
    "http://example.org\r\n127.0.0.1:{port}/",
    "ht\ntp://127\t.0.0.1:{port}/",
    "http://127.0.0.1:{port}\x00.example.org/",
    "http://user@127.0.0.1:{port}/",
    "http://user:password@127.0.0.1:{port}/",
    "http://@127.0.0.1:{port}/",
    "http://example.org@127.0.0.1:{port}/",
    "http://example.org:80@127.0.0.1:{port}/",
    "http://example.org%40127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.org/",
    "http://127.0.0.1:{port}#@example.org/",
    "http://127.0.0.1:{port}?@example.org/",
    "http://example.org#@127.0.0.1:{port}/",
    "http://example.org\\@127.0.0.1:{port}/",
    "http://[::1]@example.org:{port}/",
    "http://example.org:{port}@[::1]:{port}/",
    "http://127.0.0.1 :{port}/",
    "http://127.0.0.1:{port} /",
    "http://127.0.0.1:+{port}/",
    "http://127.0.0.1:０{port}/",
    "HTTP://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_POST",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "unix:///run/docker.sock",
    "data:text/plain,hello",
]


@pytest.mark.parametrize("url", IPV4 + IPV6 + WRITTEN_OTHERWISE)
async def test_no_way_to_write_an_internal_address_connects(url: str) -> None:
    """Refused before any connection, on a name that resolves to the worst there is too."""
    async with listening() as listener, posting(resolve=resolving_to(["127.0.0.1"])) as poster:
        with watching_connects() as attempts, pytest.raises((AddressNotAllowed, NotSent)):
            await poster.post(url.replace("{port}", str(listener.port)), {}, b"{}")
    assert (listener.connections, attempts) == (0, [])


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "http://[::1]:{port}/", "http://localhost:{port}/"])
async def test_what_the_operator_allows_connects(url: str) -> None:
    """The control: the same listener, the same poster, an allow-list."""
    async with listening() as listener, posting(["127.0.0.1", "::1"]) as poster:
        with watching_connects() as attempts:
            assert (await poster.post(url.format(port=listener.port), {}, b"{}")).status == 200
    assert (listener.connections, len(attempts)) == (1, 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        [PUBLIC, "127.0.0.1"],
        ["127.0.0.1", PUBLIC],
        [PUBLIC, PUBLIC, PUBLIC, "127.0.0.1"],  # beyond those that would be tried
        ["2606:4700::1111", "::1"],
        ["::ffff:127.0.0.1"],
        ["::ffff:10.0.0.1", PUBLIC],
        ["64:ff9b::7f00:1"],
        ["64:ff9b::5db8:d70e"],  # NAT64 of a public address: who translates it is not known
        ["64:ff9b:1::7f00:1"],
        ["2002:7f00:1::"],
        ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
        ["fe80::1%lo"],
        ["169.254.169.254"],
        ["0.0.0.0"],  # noqa: S104  # connected to, not listened on
        ["::"],
    ],
    ids=lambda it: "+".join(it) if isinstance(it, list) else it,
)
async def test_a_name_that_resolves_to_an_internal_address_does_not_connect(scheme: str, addresses: list[str]) -> None:
    """One internal address among a name's addresses refuses the name."""
    async with listening() as listener, posting(resolve=resolving_to(addresses)) as poster:
        with watching_connects() as attempts, pytest.raises(AddressNotAllowed):
            await poster.post(f"{scheme}://name.example:{listener.port}/", {}, b"{}")
    assert (listener.connections, attempts) == (0, [])


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_name_that_rebinds_between_check_and_connect_does_not_connect(scheme: str) -> None:
    """The name is asked once: what was checked, a closed port on 127.0.0.3, is what is connected to.

    `localhost` would lead whoever asked the system again to the listener.
    """
    async with (
        listening() as listener,
        posting(["127.0.0.3"], resolving_to(["127.0.0.3"], ["127.0.0.1"])) as poster,
    ):
        with watching_connects() as attempts, pytest.raises(NotSent):
            await poster.post(f"{scheme}://localhost:{listener.port}/", {}, b"{}")
    assert (listener.connections, attempts) == (0, [("127.0.0.3", listener.port)])


async def test_a_name_that_rebinds_later_is_refused_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first POST goes where it may; once the name says otherwise, not even the kept connection serves."""
    monkeypatch.setattr(pinning, "FOLLOW_DNS_SECONDS", -1.0)
    async with (
        listening(hosts=("127.0.0.3",)) as endpoint,
        posting(["127.0.0.3"], resolving_to(["127.0.0.3"], ["127.0.0.1"])) as poster,
    ):
        url = f"http://moving.example:{endpoint.port}/"
        assert (await poster.post(url, {}, b"{}")).status == 200
        with watching_connects() as attempts, pytest.raises(AddressNotAllowed):
            await poster.post(url, {}, b"{}")
    assert (endpoint.connections, attempts) == (1, [])


def _redirect(status: int, header: str) -> Callable[[int], bytes]:
    return lambda port: (
        f"HTTP/1.1 {status} Go\r\n{header.replace('PORT', str(port))}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("status", "header"),
    [(status, "Location: http://127.0.0.1:PORT/") for status in (300, 301, 302, 303, 305, 307, 308)]
    + [
        (307, "Location: //127.0.0.1:PORT/"),
        (201, "Location: http://127.0.0.1:PORT/"),
        (200, "Refresh: 0; url=http://127.0.0.1:PORT/"),
        (200, 'Alt-Svc: http/1.1="127.0.0.1:PORT"; ma=60'),
        (401, 'WWW-Authenticate: Basic realm="http://127.0.0.1:PORT/"'),
    ],
)
async def test_an_endpoint_cannot_send_us_on(status: int, header: str) -> None:
    """An allowed endpoint answers with the way to an internal one: its answer is the end of it, twice."""
    async with (
        listening() as internal,
        listening(_redirect(status, header)(internal.port)) as endpoint,
        posting([f"127.0.0.1:{endpoint.port}"]) as poster,
    ):
        url = f"http://127.0.0.1:{endpoint.port}/"
        assert [(await poster.post(url, {}, b"{}")).status for _ in range(2)] == [status, status]
    assert internal.connections == 0
