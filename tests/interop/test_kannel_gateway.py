"""Kannel as a running gateway's carrier: from a customer's request to the SMSC, and back to the customer's inbox."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from schemas.messages.mt_message import DataCoding
from tests.e2e.panel import OperatorClient
from tests.interop.kannel import PASSWORD, USERNAME, kannel_or_skip, running_kannel
from tests.interop.smsc import EMOJI, LONG
from tests.interop.through import Gateway, arrives_and_is_reported, is_not_reported
from tests.systems import running_system

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


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


@pytest.mark.parametrize(
    ("text", "count", "coding"), [(LONG, 3, DataCoding.GSM7), (EMOJI, 2, DataCoding.UCS2)], ids=["gsm7", "ucs2"]
)
async def test_a_message_reaches_the_smsc_to_the_byte_and_its_reports_the_customer(
    gateway: Gateway, text: str, count: int, coding: DataCoding
) -> None:
    """Each segment once; Kannel reports of each more than once, and the customer is told of delivery once."""
    await arrives_and_is_reported(gateway, text, count, coding)


async def test_with_receipts_off_kannel_is_not_asked_for_reports(gateway: Gateway) -> None:
    """Neither is the SMSC, and one segment has no header."""
    await is_not_reported(gateway)
