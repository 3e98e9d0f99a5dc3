"""What an answer says of limits of requests per second, and the one that is given beyond them.

The fields are those of draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4: lists of structured fields, an item
for each limit by its name, with the quota `q` in a window of `w` seconds, `r` requests that are left, and `t` seconds
until there are more. `r` is what this process would take at once: with several there may be more.
"""

from math import ceil
from typing import Final

from agents.ingress.protocol.responses import Response, error
from pipeline.limits.requests import Asked, Standing
from pipeline.metrics import REQUESTS_LIMITED

_limited: Final = {whose: REQUESTS_LIMITED.labels(whose) for whose in ("trunk", "account")}


def refused(asked: Asked, *, close: bool) -> Response | None:
    """Return the 429 for a request that is too many, None for one that is not."""
    if not asked.refused_by:
        return None
    beyond = [it for it in asked.standings if it.whose in asked.refused_by]
    for it in beyond:
        _limited[it.whose].inc()
    words = " and ".join(f"{it.per_second} requests per second of this {it.whose}" for it in beyond)
    wait = max(_seconds(it) for it in beyond)
    return error(429, f"more than {words}: nothing was sent", headers={"Retry-After": str(wait)}, close=close)


def fields(asked: Asked) -> dict[str, str]:
    """Return what every answer says of the limits."""
    return {
        "RateLimit-Policy": ", ".join(f'"{it.whose}";q={it.per_second};w=1' for it in asked.standings),
        "RateLimit": ", ".join(f'"{it.whose}";r={it.left};t={_seconds(it)}' for it in asked.standings),
    }


def _seconds(standing: Standing) -> int:
    return max(1, ceil(standing.wait_seconds))
