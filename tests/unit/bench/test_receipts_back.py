"""The bench's carrier reports each segment until it is taken, as carriers do."""

import asyncio

from tests.bench.receipts_back import ReceiptsBack, receipt_url


def test_only_who_is_given_an_address_reports() -> None:
    """The address stands in the segment's JSON, or does not."""
    assert receipt_url(b'{"text":"x","receipt_url":"http://127.0.0.1:1/carriers/a/receipts/b"}') == (
        "http://127.0.0.1:1/carriers/a/receipts/b"
    )
    assert receipt_url(b'{"text":"x"}') is None


async def test_what_is_not_taken_is_posted_again() -> None:
    """A 503, then a connection that breaks off: it is there in the end, once."""
    seen: list[bytes] = []
    open_now: set[asyncio.StreamWriter] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        try:
            await answer(reader, writer)
        except asyncio.IncompleteReadError:
            pass  # it has gone
        finally:
            writer.close()
            await writer.wait_closed()
            open_now.discard(writer)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            seen.append(head.partition(b" HTTP")[0] + b" " + await reader.readexactly(length))
            if len(seen) == 1:
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}")
            elif len(seen) == 2:
                return
            else:
                writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    back = ReceiptsBack()
    back.post(f"http://127.0.0.1:{port}/carriers/a/receipts/b", b'{"id":"7"}')
    async with asyncio.timeout(10):
        while not back.taken:
            await asyncio.sleep(0.01)
        await back.close()
        server.close()
        while open_now:
            await asyncio.sleep(0.001)
    assert (back.taken, seen) == (1, [b'POST /carriers/a/receipts/b {"id":"7"}'] * 3)
