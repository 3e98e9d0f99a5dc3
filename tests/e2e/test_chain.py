"""Two gateways, one the other's carrier: the shipped profile speaks to ingress, callbacks are read as receipts."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from tests.e2e.panel import OTHER_SOURCE, SOURCE, OperatorClient, new_destination
from tests.systems import running_system

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CARRIER: Final = "The next gateway"
MAIN: Final = "from agents.commands.cli import main; main()"
LONG: Final = "Zażółć gęślą jaźń 😀 " * 8
"""Three segments."""


class Chain(NamedTuple):
    """The gateway that customers speak to, and the one behind it."""

    first: OperatorClient
    second: OperatorClient


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], dict[str, Any], Path]]:
    """Two whole systems, each with a broker of its own, and the first one's data directory."""
    folder = tmp_path_factory.mktemp("chain")
    environment = {"SMSOUT_CALLBACK_ALLOWED_ADDRESSES": "127.0.0.0/8"}  # the other one is on this machine, too
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        both = [running_system(folder / it, environment=environment) for it in ("first", "second")]
        first, second = pool.map(stack.enter_context, both)
        yield first, second, folder / "first" / "data"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chain(systems: tuple[dict[str, Any], dict[str, Any], Path]) -> AsyncIterator[Chain]:
    """The two, connected as an operator connects them."""
    at_first, at_second, data = systems
    async with OperatorClient(at_first) as first, OperatorClient(at_second) as second:
        trunk = await second.make_trunk(sources=(SOURCE,), receipts_enabled=True)
        await first.use_carrier(
            name=CARRIER,
            profile="didww",
            url=at_second["ingress_url"],
            parameters={"username": trunk.username},
            secrets={"password": trunk.password},
        )
        await second.call_back_to(trunk, receipts_address(at_first["ingress_url"], data))
        yield Chain(first, second)


def receipts_address(ingress_url: str, data: Path) -> str:
    """Return where the first one takes the second one's callbacks, from the command that tells it."""
    return subprocess.run(
        [sys.executable, "-P", "-c", MAIN, "carriers", "receipts-url", CARRIER],
        env=os.environ
        | {
            "SMSOUT_RECEIPT_KEY_FILE": str(data / "secrets" / "receipt-key"),
            "SMSOUT_DELIVERY_RECEIPT_BASE_URL": ingress_url,
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()  # fmt: skip


@pytest.mark.parametrize(("text", "segments"), [("Hello {you} & all", 1), (LONG, 3)])
async def test_the_second_ones_callbacks_settle_the_first_ones_message(chain: Chain, text: str, segments: int) -> None:
    """One message at the second, its segments at its carrier, and the customer of the first is told twice."""
    customer, destination = await chain.first.make_trunk(receipts_enabled=True), new_destination()
    await chain.first.send_through(customer, destination, text=text)
    processed, delivered = await chain.first.told(customer, 2)
    assert (processed["type"], processed["attributes"]["status"]) == ("outbound_message_callbacks", "Success")
    assert processed["attributes"]["fragments_sent"] == segments
    assert delivered == {"type": "dlr_event", "id": processed["id"], "attributes": {"status": "DELIVERED"}}
    assert await chain.first.happened(customer, processed["id"], until="delivery") == {
        "accepted", "authorized", "submitting", "segment", "processed", "callback", "receipt", "delivery",
    }  # fmt: skip
    posted = await chain.second.at_the_carrier(destination)
    assert "".join(it["text"] for it in posted) == text
    assert len(posted) == segments
    assert {it["message_id"] for it in posted} != {processed["id"]}
    assert await chain.first.get("/carrier/ledger") == []


@pytest.mark.parametrize(
    ("destination", "event"),
    [
        ("15005550001", "FAILED"),  # the second one's carrier refuses it, and its `Failed` is the end
        ("15005550002", "FAILED"),
        ("15005550003", "EXPIRED"),
        ("15005550004", "REJECTED"),
    ],
)
async def test_what_goes_wrong_behind_the_second_is_told_by_the_first(
    chain: Chain, destination: str, event: str
) -> None:
    """What the second one tells of its own carrier, as its callback or as its dlr_event, is the first one's receipt."""
    customer = await chain.first.make_trunk(receipts_enabled=True)
    await chain.first.send_through(customer, destination)
    found = await chain.first.told(customer, 2)
    assert [it["attributes"]["status"] for it in found] == ["Success", event]


async def test_a_source_that_the_second_does_not_allow_is_rejected(chain: Chain) -> None:
    """It answers 201 first, and says `Routing error` with code 8 in its callback."""
    customer, destination = await chain.first.make_trunk(receipts_enabled=True), new_destination()
    await chain.first.send_through(customer, destination, source=OTHER_SOURCE)
    found = await chain.first.told(customer, 2)
    assert [it["attributes"]["status"] for it in found] == ["Success", "REJECTED"]
    assert all(it["destination"] != destination for it in await chain.second.ledger())
