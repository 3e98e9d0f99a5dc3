"""A message's carriers: a ring that begins wherever it is."""

from decimal import Decimal

import pytest

from schemas.messages.mt_message import Alternative
from tests.builders import message, uuid

MESSAGE = message(
    price_per_segment=Decimal(1), currency="USD",
    alternatives=(
        Alternative(carrier_id=uuid(22), price_per_segment=Decimal(2), currency="EUR"),
        Alternative(carrier_id=uuid(23)),
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("number", "carriers", "price", "currency"),
    [(21, (21, 22, 23), Decimal(1), "USD"), (22, (22, 23, 21), Decimal(2), "EUR"), (23, (23, 21, 22), None, None)],
)
def test_each_carrier_has_its_price_and_the_others_behind_it(
    number: int, carriers: tuple[int, ...], price: Decimal | None, currency: str | None
) -> None:
    """Whatever it went through before; the way round leads to the same message."""
    through = MESSAGE.through(uuid(number))
    assert through.carriers == tuple(uuid(it) for it in carriers)
    assert (through.price_per_segment, through.currency) == (price, currency)
    assert through.through(uuid(21)) == MESSAGE
    assert type(through).from_bytes(through.to_bytes()) == through


def test_a_carrier_that_is_none_of_its_changes_nothing() -> None:
    """Nor does its own."""
    assert MESSAGE.through(uuid(99)) is MESSAGE
    assert MESSAGE.through(uuid(21)) is MESSAGE
    alone = message()
    assert (alone.carriers, alone.through(uuid(22)) is alone) == ((uuid(21),), True)
