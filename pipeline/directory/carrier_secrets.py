"""Secrets of carriers, under a key that panel, delivery and receipts hold."""

from collections.abc import Mapping
from typing import ClassVar

from pipeline.directory.sealing import SecretSealer, opened
from schemas.directory.carrier import Carrier


class CarrierSealer(SecretSealer):
    """Seals and opens carriers' secrets."""

    NOUN: ClassVar = "carrier"
    SETTING: ClassVar = "SMSOUT_CARRIER_KEY_FILE"
    HEADER: ClassVar = """\
# Keys that open the secrets of carriers, one a line: name and 32 bytes in base64. The first one seals new secrets, all
# of them open old ones. Panel, delivery and receipts need this file; back it up apart from the directory ("Keys" in
# docs/directory.md).
"""


def secrets_of(carrier: Carrier, sealer: CarrierSealer | None) -> Mapping[str, str]:
    """Return a carrier's secrets by name; without a sealer only of one that has none. Raises `SecretUnreadable`."""
    return opened(carrier.id, carrier.secrets or (), sealer, CarrierSealer)
