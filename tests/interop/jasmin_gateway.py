"""Jasmin as a running gateway's carrier: from a customer's request to the SMSC, and back to the customer's inbox.

It is no part of `make test`, which finds modules that are called test_*: `make interop` installs Jasmin in its own
environment, whose interpreter JASMIN_PYTHON names, and runs this.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from schemas.messages.mt_message import DataCoding
from tests.e2e.panel import OperatorClient
from tests.interop.jasmin import PASSWORD, USERNAME, programs_or_fail, running_jasmin
from tests.interop.smsc import EMOJI, LONG
from tests.interop.through import Gateway, arrives_and_is_reported, is_not_reported
from tests.systems import running_system

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


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
    await arrives_and_is_reported(gateway, text, count, coding)


async def test_with_receipts_off_jasmin_is_not_asked_for_reports(gateway: Gateway) -> None:
    """Neither is the SMSC, and one segment has no header."""
    await is_not_reported(gateway)
