"""A request goes to a carrier: to the first of its targets that can be reached."""

import ssl

from pipeline.carriers.profiles.request import Request
from pipeline.errors import NotSent
from pipeline.http.answer import Answer
from pipeline.http.client import HttpPoster


async def ask(
    poster: HttpPoster, request: Request, *, tls: ssl.SSLContext | None, timeout_seconds: float | None = None
) -> Answer:
    """Send a request; return the answer. Raises as the client does, `NotSent` for a request without any target."""
    last = len(request.targets) - 1
    for at, (url, headers) in enumerate(request.targets):
        try:
            if request.method == "GET":
                return await poster.get(url, headers, timeout_seconds=timeout_seconds, tls=tls)
            return await poster.post(url, headers, request.body or b"", timeout_seconds=timeout_seconds, tls=tls)
        except NotSent:
            if at == last:
                raise
    raise NotSent("the carrier has no URL")
