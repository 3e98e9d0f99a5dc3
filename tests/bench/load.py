"""Load on the HTTP API: POSTs to distinct numbers over 64 connections, each waiting for its answer (a closed loop).

wrk where it is installed, else a generator of our own. Both send the same bytes and count the same way.
"""

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

FIRST_NUMBER: Final = 12_122_000_000  # numbers are possible, which is what the API asks; nobody is called
WRK: Final = Path("/usr/bin/wrk")
CHRT: Final = ("/usr/bin/chrt", "--batch", "0")


class Target(NamedTuple):
    """Where to POST and as whom."""

    url: str
    username: str
    password: str
    source: str

    @classmethod
    def of(cls, ready: dict[str, Any]) -> "Target":
        """Return the demo trunk's door, from what `smsout up` wrote into its ready file."""
        trunk = ready["trunk"]
        return cls(
            ready["ingress_url"] + "/outbound_messages", trunk["username"], trunk["password"], trunk["sources"][0]
        )

    def request_around(self) -> tuple[bytes, bytes]:
        """Return the request before and after its destination of 11 digits."""
        url = urlsplit(self.url)
        before_number = (
            f'{{"data":{{"type":"outbound_messages","attributes":{{"source":"{self.source}",'
            '"content":"Hello World!","destination":"'
        )
        after_number = '"}}}'
        head = (
            f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n"
            f"Authorization: Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}\r\n"
            "Content-Type: application/vnd.api+json\r\n"
            f"Content-Length: {len(before_number) + 11 + len(after_number)}\r\n\r\n"
        )
        return (head + before_number).encode(), after_number.encode()

    def request(self, number: int) -> bytes:
        """Return the whole request for one destination."""
        before, after = self.request_around()
        return before + b"%d" % number + after

    def requests(self, first_number: int, step: int = 1) -> Iterator[bytes]:
        """Yield requests to `first_number`, the next one, and so on; with `step` 0 all to the same."""
        before, after = self.request_around()
        while True:
            yield before + b"%d" % first_number + after
            first_number += step


class LoadResult(NamedTuple):
    """What the generator saw. Latencies in milliseconds, of all answers."""

    generator: str
    seconds: float
    answered: int
    refused: int
    p50_ms: float
    p99_ms: float
    cpu_seconds: float

    @property
    def accepted(self) -> int:
        """How many answers were a 2xx."""
        return self.answered - self.refused


def put_load(target: Target, seconds: int, connections: int, first_number: int, scratch: Path) -> LoadResult:
    """Load `target` for `seconds`. Raises `RuntimeError` when the generator fails or nothing is answered."""
    return _counted(_wrk if WRK.exists() else _own, target, seconds, connections, first_number, scratch)


def put_flood(target: Target, seconds: int, connections: int, number: int, scratch: Path) -> LoadResult:
    """The same with all messages to one number."""
    return _counted(partial(_own, step=0), target, seconds, connections, number, scratch)


def _counted(generator: Callable[..., LoadResult], *order: object) -> LoadResult:
    before = os.times()
    result = generator(*order)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return result._replace(cpu_seconds=spent)


LUA: Final = """
local before, after, number = %s, %s, %d
request = function()
  number = number + 1
  return before .. number .. after
end
"""


def _wrk(target: Target, seconds: int, connections: int, first_number: int, scratch: Path) -> LoadResult:
    before, after = target.request_around()
    script = scratch / "load.lua"
    # A JSON string without non-ASCII characters is a Lua string too.
    script.write_text(LUA % (json.dumps(before.decode()), json.dumps(after.decode()), first_number - 1))
    output = _run(
        str(WRK), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "15s", "-s", str(script),
        target.url, limit_seconds=seconds + 60,
    )  # fmt: skip
    script.unlink()
    answered = re.search(r"(\d+) requests in ([\d.]+)(m|s)", output)
    percentiles = dict(re.findall(r"^\s+(50|99)%\s+(\S+)", output, re.MULTILINE))
    if answered is None or not int(answered[1]) or len(percentiles) < 2:
        raise RuntimeError(f"wrk saw no answer:\n{output}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    return LoadResult(
        generator="wrk",
        seconds=float(answered[2]) * (60 if answered[3] == "m" else 1),
        answered=int(answered[1]),
        refused=int(refused[1]) if refused else 0,
        p50_ms=_milliseconds(percentiles["50"]),
        p99_ms=_milliseconds(percentiles["99"]),
        cpu_seconds=0,
    )


def _milliseconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    if found is None:
        raise RuntimeError(f"not a time: {text}")
    return float(found[1]) * {"us": 1, "ms": 1000, "s": 1_000_000, "m": 60_000_000}[found[2]] / 1000


def _own(
    target: Target, seconds: int, connections: int, first_number: int, scratch: Path, *, step: int = 1
) -> LoadResult:
    order = scratch / "load.json"
    order.write_text(json.dumps(target._asdict()))
    output = _run(
        sys.executable, "-m", "tests.bench.http_load", str(order), str(seconds), str(connections), str(first_number),
        str(step), limit_seconds=seconds + 60,
    )  # fmt: skip
    order.unlink()
    return LoadResult(**json.loads(output))


def _run(*command: str, limit_seconds: float) -> str:
    # As a batch: whoever makes the load should not take the turn of what is measured whenever an answer comes.
    quietly = (*CHRT, *command) if Path(CHRT[0]).exists() else command
    run = subprocess.run(quietly, capture_output=True, text=True, timeout=limit_seconds, check=False)
    if run.returncode:
        raise RuntimeError(f"{command[0]} failed: {run.stderr or run.stdout}")
    return run.stdout
