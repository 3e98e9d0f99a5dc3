"""What goes wrong on purpose, for `carrier` or `inbox/<name>`: a status, a delay, a connection that breaks."""

import asyncio
import random
import re
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agents.simulator.requests import parsed

MAX_FAULTS: Final = 1000
NAME_PATTERN: Final = r"[A-Za-z0-9._-]{1,64}"
TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110 section 5.6.2
FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection"})


def _sendable(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not TOKEN.fullmatch(name) or name.lower() in FRAMING:
            raise ValueError(f"{name!r} cannot be set")
        if len(value) > 4096 or not value.isprintable():
            raise ValueError(f"the value of {name!r} must be printable and at most 4096 characters")
    return headers


class Fault(BaseModel):
    """How POSTs are treated while it is set.

    `status` from 300 on refuses: nothing is recorded. `drop` closes the connection without an answer, `before`
    without recording, `after` when it is recorded. `delay_ms` passes before the answer or the closing. It strikes with
    `probability`, and `remaining` times (None: until cleared).
    """

    model_config = ConfigDict(extra="forbid", strict=True, validate_assignment=True)

    status: Annotated[int, Field(ge=200, le=599)] | None = None
    headers: Annotated[dict[str, str], Field(max_length=32), AfterValidator(_sendable)] = Field(default_factory=dict)
    delay_ms: Annotated[int, Field(ge=0, le=600_000)] = 0
    drop: Literal["before", "after"] | None = None
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    remaining: Annotated[int, Field(ge=0)] | None = None

    @property
    def records(self) -> bool:
        """Tell whether what it strikes counts as accepted."""
        if self.drop is not None:
            return self.drop == "after"
        return self.status is None or self.status < 300


NO_FAULT: Final = Fault()


class Faults:
    """The faults that are set, by target."""

    def __init__(self) -> None:
        self._set: dict[str, Fault] = {}

    def set(self, target: str, fault: Fault) -> None:
        """Replace the target's fault. Raises `ValueError` when too many targets have one."""
        if target not in self._set and len(self._set) >= MAX_FAULTS:
            raise ValueError(f"there are {MAX_FAULTS} faults already")
        self._set[target] = fault

    def clear(self, target: str) -> None:
        """Take the target's fault away, if it has one."""
        self._set.pop(target, None)

    def strike(self, target: str) -> Fault:
        """Return what happens to this POST (`NO_FAULT`: nothing), counting `remaining` down."""
        fault = self._set.get(target)
        if fault is None or (fault.probability < 1 and random.random() >= fault.probability):  # noqa: S311  # no secret
            return NO_FAULT
        if fault.remaining is not None:
            if fault.remaining == 0:
                return NO_FAULT
            fault.remaining -= 1
        return fault


async def answer(request: web.Request, fault: Fault, usual: web.Response) -> web.Response:
    """Return the answer to a POST that `fault` strikes; `usual` is what it would have been."""
    if fault.delay_ms:
        await asyncio.sleep(fault.delay_ms / 1000)
    if fault.drop is not None:
        if request.transport is not None:
            request.transport.abort()
        return usual  # nobody hears it
    if fault.status is not None:
        if fault.records:
            usual.set_status(fault.status)
        else:
            usual = web.json_response({"error": "a fault is set"}, status=fault.status)
    usual.headers.update(fault.headers)
    return usual


def routes(faults: Faults) -> list[web.RouteDef]:
    """Return `PUT` and `DELETE /faults/<target>`."""

    async def put(request: web.Request) -> web.Response:
        fault = await parsed(request, Fault)
        try:
            faults.set(request.match_info["target"], fault)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(fault.model_dump())

    async def delete(request: web.Request) -> web.Response:
        faults.clear(request.match_info["target"])
        return web.Response(status=204)

    path = f"/faults/{{target:carrier|inbox/{NAME_PATTERN}}}"
    return [web.put(path, put), web.delete(path, delete)]
