"""A `Peer` as a process, told what to do by lines of JSON, and its client.

    python -m tests.bench.scenarios.peer_process

A line is a list: `["manner", PATH, {...}]`, `["away"]`, `["back"]`, `["arrivals", SINCE]`, `["count", PATH]`. Each is
answered with one line.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from tests.bench.processes import interrupt_nobody
from tests.bench.system import ROOT, STOP_WITHIN_SECONDS
from tests.fakes.peer import Arrival, Manner, Peer


class PeerClient:
    """Tells a peer's process how it is to be, and what has come to it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.port: int = self._ask("port")

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def answer(self, path: str, manner: Manner) -> None:
        """Answer paths that begin so in this manner from now on."""
        self._ask("manner", path, {"status": manner.status, "seconds": manner.seconds, "headers": manner.headers,
                                   "hangs": manner.hangs})  # fmt: skip

    def away(self) -> None:
        """Refuse connections, and break off those that there are."""
        self._ask("away")

    def back(self) -> None:
        """Listen again."""
        self._ask("back")

    def count(self, path: str) -> int:
        """Return how many POSTs with different destinations have come to each of the paths that begin so, in all."""
        count: int = self._ask("count", path)
        return count

    def arrivals(self, since: int = 0) -> list[Arrival]:
        """Return the POSTs but for the first `since`."""
        return [Arrival(*it) for it in self._ask("arrivals", since)]

    def _ask(self, *order: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def peer_process() -> Iterator[PeerClient]:
    """Run a peer until the context ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.scenarios.peer_process"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield PeerClient(process)
    finally:
        process.terminate()
        process.communicate(timeout=STOP_WITHIN_SECONDS)


async def obey(peer: Peer, order: list[Any]) -> object:
    """Do what a line says; return what is to be answered."""
    match order:
        case ["port"]:
            return peer.port
        case ["manner", str(path), dict(manner)]:
            peer.manners[path] = Manner(**manner)
        case ["away"]:
            await peer.away()
        case ["back"]:
            await peer.start()
        case ["count", str(path)]:
            return peer.count(path)
        case ["arrivals", int(since)]:
            return peer.arrivals[since:]
        case _:
            raise ValueError(f"not an order: {order}")
    return None


async def serve() -> None:
    """Serve until there are no more orders."""
    peer = Peer()
    await peer.start()
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await obey(peer, json.loads(line))), flush=True)


if __name__ == "__main__":
    interrupt_nobody()
    uvloop.run(serve())
