"""What every gateway behind ours must do: bytes reach the SMSC as they were meant, and its reports the customer."""

from typing import NamedTuple

from gsm0338 import Codec

from schemas.messages.mt_message import DataCoding
from tests.e2e.panel import SOURCE, OperatorClient, new_destination
from tests.interop.smsc import UDHI, Smsc, joined


class Gateway(NamedTuple):
    """A gateway of ours whose messages all go through the other one, and the SMSC at the end."""

    client: OperatorClient
    smsc: Smsc


async def arrives_and_is_reported(gateway: Gateway, text: str, count: int, coding: DataCoding) -> None:
    """Hold that a text of `count` segments arrives to the byte, and that its delivery is told once."""
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


async def is_not_reported(gateway: Gateway) -> None:
    """Hold that nobody asks for reports of a trunk with receipts off, and that one segment has no header."""
    client, smsc = gateway
    customer, destination = await client.make_trunk(), new_destination()
    await client.send_through(customer, destination, "Hello {you} & all = 1 €")
    (processed,) = await client.told(customer, 1)
    assert processed["attributes"]["status"] == "Success"
    (submitted,) = [it for it in smsc.submitted if it.destination == destination]
    assert (submitted.registered_delivery, submitted.esm_class & UDHI) == (0, 0)
    assert Codec().decode(submitted.short_message)[0] == "Hello {you} & all = 1 €"
