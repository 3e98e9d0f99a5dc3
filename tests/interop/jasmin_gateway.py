"""Jasmin as a running gateway's carrier: from a customer's request to the SMSC, and back to the customer's inbox.

It is no part of `make test`, which finds modules that are called test_*: `make interop` installs Jasmin in its own
environment, whose interpreter JASMIN_PYTHON names, and runs this.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from gsm0338 import Codec

from schemas.mt_message import DataCoding
from tests.e2e.panel import SOURCE, OperatorClient, new_destination
from tests.interop.jasmin import PASSWORD, USERNAME, programs_or_fail, running_jasmin
from tests.interop.smsc import EMOJI, LONG, UDHI, Smsc, joined
from tests.systems import running_system

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


class Gateway(NamedTuple):
    """A gateway whose messages all go through Jasmin, and the SMSC at the end."""

    client: OperatorClient
    smsc: Smsc


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A whole system."""
    programs_or_fail()
    with running_system(tmp_path_factory.mktemp("gateway")) as ready:
        yield ready


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(system: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """The system with Jasmin as its carrier, as an operator connects it."""
    python = Path(os.environ["JASMIN_PYTHON"])
    async with (
        running_jasmin(python, tmp_path_factory.mktemp("jasmin")) as jasmin,
        OperatorClient(system) as client,
    ):
        await client.use_carrier(
            name="Jasmin",
            profile="jasmin",
            url=jasmin.url,
            parameters={"username": USERNAME},
            secrets={"password": PASSWORD},
        )
        yield Gateway(client, jasmin.smsc)


@pytest.mark.parametrize(
    ("text", "count", "coding"), [(LONG, 3, DataCoding.GSM7), (EMOJI, 2, DataCoding.UCS2)], ids=["gsm7", "ucs2"]
)
async def test_a_message_reaches_the_smsc_to_the_byte_and_its_reports_the_customer(
    gateway: Gateway, text: str, count: int, coding: DataCoding
) -> None:
    """Jasmin cuts the text itself and reports of its last segment; the customer is told of delivery once."""
    client, smsc = gateway
    customer, destination = await client.make_trunk(receipts_enabled=True), new_destination()
    sent = await client.send_through(customer, destination, text)
    processed, delivered = await client.told(customer, 2)
    assert (processed["type"], processed["attributes"]["status"]) == ("outbound_message_callbacks", "Success")
    assert processed["attributes"]["fragments_sent"] == count
    assert delivered == {"type": "dlr_event", "id": sent, "attributes": {"status": "DELIVERED"}}
    submitted = [it for it in smsc.submitted if it.destination == destination]
    assert (len(submitted), {it.source for it in submitted}) == (count, {SOURCE})
    assert joined(submitted, coding) == text


async def test_with_receipts_off_jasmin_is_not_asked_for_reports(gateway: Gateway) -> None:
    """Neither is the SMSC, and one segment has no header."""
    client, smsc = gateway
    customer, destination = await client.make_trunk(), new_destination()
    await client.send_through(customer, destination, "Hello {you} & all = 1 €")
    (processed,) = await client.told(customer, 1)
    assert processed["attributes"]["status"] == "Success"
    (submitted,) = [it for it in smsc.submitted if it.destination == destination]
    assert (submitted.registered_delivery, submitted.esm_class & UDHI) == (0, 0)
    assert Codec().decode(submitted.short_message)[0] == "Hello {you} & all = 1 €"
