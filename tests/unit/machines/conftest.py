"""Every history has its own clock and its own Kafka."""

from collections.abc import Iterator

import pytest

from tests.fakes.kafka_edges import exchanged
from tests.fakes.virtual_time import virtual_clocks
from tests.unit.machines import callback_world, delivery_world, scheduler_world


@pytest.fixture(autouse=True)
def clocks() -> Iterator[None]:
    worlds = delivery_world.EXCHANGED + callback_world.EXCHANGED + scheduler_world.EXCHANGED
    with exchanged(worlds), virtual_clocks():
        yield
