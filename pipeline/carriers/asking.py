"""A request goes to a carrier: to the first of its targets that can be reached."""

import ssl
from collections.abc import Coroutine
from typing import Any

from pipeline.carriers.profiles.request import Request, Target
from pipeline.errors import NotSent
from pipeline.http.answer import Answer
from pipeline.http.client import HttpPoster


def ask(
    poster: HttpPoster, request: Request, *, tls: ssl.SSLContext | None, timeout_seconds: float | None = None
) -> Coroutine[Any, Any, Answer]:
    """Send a request; return the answer. Raises as the client does, `NotSent` for a request without any target."""
    if len(request.targets) == 1:
        return _ask_one(poster, request, request.targets[0], tls, timeout_seconds)
    return _ask_in_turn(poster, request, tls, timeout_seconds)


async def _ask_in_turn(
    poster: HttpPoster, request: Request, tls: ssl.SSLContext | None, timeout_seconds: float | None
) -> Answer:
    last = len(request.targets) - 1
    for at, target in enumerate(request.targets):
        try:
            return await _ask_one(poster, request, target, tls, timeout_seconds)
        except NotSent:
            if at == last:
                raise
    raise NotSent("the carrier has no URL")


def _ask_one(
    poster: HttpPoster, request: Request, target: Target, tls: ssl.SSLContext | None, timeout_seconds: float | None
) -> Coroutine[Any, Any, Answer]:
    if request.method == "GET":
        return poster.get(target.url, target.headers, timeout_seconds=timeout_seconds, tls=tls)
    return poster.post(target.url, target.headers, request.body or b"", timeout_seconds=timeout_seconds, tls=tls)
