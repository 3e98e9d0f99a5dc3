"""Every history has its own clock."""

from collections.abc import Iterator

import pytest

from tests.unit.machines.virtual_time import virtual_clocks


@pytest.fixture(autouse=True)
def clocks() -> Iterator[None]:
    with virtual_clocks():
        yield
