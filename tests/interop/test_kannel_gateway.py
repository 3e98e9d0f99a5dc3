"""Kannel as a running gateway's carrier: from a customer's request to the SMSC, and back to the customer's inbox."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from gsm0338 import Codec

from schemas.mt_message import DataCoding
from tests.e2e.panel import SOURCE, OperatorClient, new_destination
from tests.interop.kannel import EMOJI, LONG, PASSWORD, UDHI, USERNAME, kannel_or_skip, running_kannel
from tests.interop.smsc import Smsc, Submitted
from tests.systems import running_system

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


class Gateway(NamedTuple):
    """A gateway whose messages all go through Kannel, and the SMSC at the end."""

    client: OperatorClient
    smsc: Smsc


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A whole system."""
    kannel_or_skip()
    with running_system(tmp_path_factory.mktemp("gateway")) as ready:
        yield ready


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(system: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """The system with Kannel as its carrier, as an operator connects it."""
    async with running_kannel(tmp_path_factory.mktemp("kannel")) as kannel, OperatorClient(system) as client:
        await client.use_carrier(
            name="Kannel & Co/1",
            profile="kannel",
            url=kannel.url,
            parameters={"username": USERNAME},
            secrets={"password": PASSWORD},
        )
        yield Gateway(client, kannel.smsc)


def joined(submitted: list[Submitted], coding: DataCoding) -> str:
    """Put segments together as a handset does, by what their headers say; fail where these do not fit together."""
    parts: dict[int, str] = {}
    references: set[bytes] = set()
    for it in submitted:
        assert (it.esm_class & UDHI, it.data_coding) == (UDHI, coding)
        header, octets = it.short_message[:6], it.short_message[6:]
        assert (header[:3], header[4]) == (b"\x05\x00\x03", len(submitted))
        references.add(header[3:4])
        parts[header[5]] = Codec().decode(octets)[0] if coding is DataCoding.GSM7 else octets.decode("utf-16-be")
    assert len(references) == 1
    return "".join(parts[n] for n in range(1, len(submitted) + 1))


@pytest.mark.parametrize(("text", "count", "coding"), [(LONG, 3, DataCoding.GSM7), (EMOJI, 2, DataCoding.UCS2)])
async def test_a_message_reaches_the_smsc_to_the_byte_and_its_reports_the_customer(
    gateway: Gateway, text: str, count: int, coding: DataCoding
) -> None:
    """Each segment once; Kannel reports of each more than once, and the customer is told of delivery once."""
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


async def test_with_receipts_off_kannel_is_not_asked_for_reports(gateway: Gateway) -> None:
    """Neither is the SMSC, and one segment has no header."""
    client, smsc = gateway
    customer, destination = await client.make_trunk(), new_destination()
    await client.send_through(customer, destination, "Hello {you} & all = 1 €")
    (processed,) = await client.told(customer, 1)
    assert processed["attributes"]["status"] == "Success"
    (submitted,) = [it for it in smsc.submitted if it.destination == destination]
    assert (submitted.registered_delivery, submitted.esm_class & UDHI) == (0, 0)
    assert Codec().decode(submitted.short_message)[0] == "Hello {you} & all = 1 €"
