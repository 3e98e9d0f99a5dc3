"""A running system whose carrier and endpoints do as they are told, and trunks of several accounts that send to it."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.bench.load import Target
from tests.bench.scenarios.peer_process import PeerClient, peer_process
from tests.bench.system import system
from tests.fakes.peer import Manner

JSON_API: Final = "application/vnd.api+json"
CARRIER: Final = "/carrier"
CALLBACK: Final = "/callback"
CARRIER_SECONDS: Final = 0.001
POLL_SECONDS: Final = 0.1


class MadeTrunk(NamedTuple):
    """A trunk that was made for a scenario, and how to send with it."""

    id: str
    target: Target


class Customers:
    """Makes accounts and trunks in a running system, by its management API."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self.demo = Target.of(ready)
        self._numbers = iter(range(13_125_550_000, 13_125_560_000))

    def account(self, name: str) -> tuple[str, str]:
        """Make an account with one DID; return both."""
        made = self._api("accounts", {"name": name})
        number = str(next(self._numbers))
        self._api("dids", {"number": number, "p2p_enabled": True}, made["id"])
        return made["id"], number

    def trunk(self, account: tuple[str, str], name: str, callback_url: str, *, receipts: bool = False) -> MadeTrunk:
        """Make a trunk of an account that `account` has returned."""
        made = self._api(
            "sms_trunks",
            {
                "name": name,
                "allow_any_did_as_source": True,
                "configuration": {"type": "http_out", "callback_url": callback_url, "receipts_enabled": receipts},
            },
            account[0],
        )
        configuration = made["attributes"]["configuration"]
        return MadeTrunk(
            made["id"],
            self.demo._replace(
                username=configuration["username"], password=configuration["password"], source=account[1]
            ),
        )

    def _api(self, kind: str, attributes: dict[str, Any], account_id: str | None = None) -> dict[str, Any]:
        data: dict[str, Any] = {"type": kind, "attributes": attributes}
        if account_id is not None:
            data["relationships"] = {"account": {"data": {"id": account_id, "type": "accounts"}}}
        request = urllib.request.Request(
            f"{self.ready['panel_url']}/v3/{kind}",
            json.dumps({"data": data}).encode(),
            {"Authorization": f"Bearer {self.ready['panel']['api_key']}", "Content-Type": JSON_API},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            made: dict[str, Any] = json.load(answer)["data"]
        return made


class Stage(Customers):
    """What a scenario works with. `folder` is for what a load generator needs."""

    def __init__(self, ready: dict[str, Any], carrier: PeerClient, endpoints: PeerClient, folder: Path) -> None:
        super().__init__(ready)
        self.carrier = carrier
        self.endpoints = endpoints
        self.folder = folder


@contextmanager
def stage(folder: Path, **settings: str) -> Iterator[Stage]:
    """Run a system in `folder`; `settings` are environment variables. Raises `RuntimeError` when it does not start."""
    folder.mkdir()
    with peer_process() as carrier, peer_process() as endpoints:
        carrier.answer(CARRIER, Manner(seconds=CARRIER_SECONDS))
        with system(
            folder, carrier.url(CARRIER), endpoints.url(f"{CALLBACK}/demo"),
            {"SMSOUT_CALLBACK_ALLOWED_ADDRESSES": f"127.0.0.1:{endpoints.port}", **settings},
        ) as running:  # fmt: skip
            yield Stage(running.ready(), carrier, endpoints, folder)


def wait_until(holds: Callable[[], bool], limit_seconds: float) -> bool:
    """Ask until it holds; tell whether it did within the limit."""
    give_up = time.monotonic() + limit_seconds
    while not holds():
        if time.monotonic() > give_up:
            return False
        time.sleep(POLL_SECONDS)
    return True
