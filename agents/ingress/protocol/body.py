"""A request's body, read with bounds on its size and its time."""

import asyncio

from aiohttp import HttpVersion11, hdrs, web

from agents.ingress.protocol.responses import Response, error
from agents.serving.head import elements, transfer_problem


def expects(request: web.BaseRequest) -> bool:
    """Tell whether the client waits for leave to send the body.

    Who waits and does not get it may send it or not: the connection cannot go on then.
    """
    headers = request.headers
    return hdrs.EXPECT in headers and bool(elements(headers.getall(hdrs.EXPECT)))


async def read_body(
    request: web.BaseRequest, limit: int, timeout_seconds: float, *, expected: bool = False
) -> bytes | Response:
    """Return the body, or why it is not taken. `expected` says that the client waits for leave (`expects`)."""
    content = request.content
    length = request.content_length
    if length is None:
        if (in_transfer := transfer_problem(request.headers, request.version)) is not None:
            return error(*in_transfer, close=True)
    elif length > limit:
        return _too_large(limit)
    if content.is_eof():
        body = content.read_nowait()
        return body if len(body) <= limit else _too_large(limit)
    if expected:
        if any(it != "100-continue" for it in elements(request.headers.getall(hdrs.EXPECT))):
            return error(417, "only 100-continue can be expected", close=True)
        if request.version == HttpVersion11 and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    received = bytearray()
    try:
        async with asyncio.timeout(timeout_seconds):
            while chunk := await content.readany():
                received += chunk
                if len(received) > limit:
                    return _too_large(limit)
    except TimeoutError:
        return error(408, "the body did not arrive in time", close=True)
    except web.RequestPayloadError:
        return error(400, "the body is not well-formed HTTP", close=True)
    return bytes(received)


def _too_large(limit: int) -> Response:
    return error(413, f"the body must not be larger than {limit} bytes", close=True)
