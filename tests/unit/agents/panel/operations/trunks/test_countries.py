"""Which countries a new trunk does not send to."""

from decimal import Decimal

import pytest

from agents.panel.operations.trunks.countries import expensive_countries
from agents.panel.operations.trunks.trunks import TrunkSettings
from pipeline.countries import NO_COUNTRY
from pipeline.errors import RuleViolated
from schemas.directory.people import PanelRole
from tests.builders import account, carrier, directory_of, route, uuid
from tests.unit.agents.panel.office import Office


def refused(*prices: tuple[str, str | None, str | None]) -> set[str]:
    routes = [
        route(40 + number, carrier_id=uuid(21), destination_prefix=prefix, price_per_segment=price and Decimal(price),
              currency=currency)
        for number, (prefix, price, currency) in enumerate(prices)
    ]  # fmt: skip
    return set(expensive_countries(directory_of(account(1), carrier(21), *routes), uuid(1)))


def test_what_costs_ten_times_the_cheapest_is_expensive() -> None:
    """By the route that a message there would take; where there is no route there is no price."""
    assert refused(("1", "0.01", "USD"), ("49", "0.10", "USD"), ("994", "0.1001", "USD")) == {"AZ", NO_COUNTRY}
    assert refused(("", "0.01", "USD"), ("1876", "0.2", "USD")) == {"JM", NO_COUNTRY}


def test_prices_are_compared_within_a_currency() -> None:
    """What cannot be compared is not called expensive, and neither is what has no price."""
    assert refused(("1", "0.01", "USD"), ("49", "5", "JPY"), ("44", None, None), ("33", "0", "USD")) == {NO_COUNTRY}
    assert refused() == {NO_COUNTRY}


async def test_a_new_trunk_leaves_the_expensive_out(office: Office) -> None:
    """Unless it says where it may send to; what is set later stays."""
    trunks, owner = office.operations.trunks, office.actor()

    async def made(settings: TrunkSettings) -> tuple[str, ...] | None:
        trunk, _ = await trunks.create(owner, settings)
        return trunk.refused_countries

    assert await made({"name": "a"}) == (NO_COUNTRY,)
    assert await made({"name": "b", "refused_countries": []}) is None
    assert await made({"name": "c", "refused_countries": ["JM", "KZ", "JM"]}) == ("JM", "KZ")
    trunk, _ = await trunks.update(owner, office.trunk.id, {"refused_countries": ["DE"]})
    assert trunk.refused_countries == ("DE",)
    trunk, _ = await trunks.update(owner, office.trunk.id, {"blocked": True})
    assert trunk.refused_countries == ("DE",)


@pytest.mark.parametrize("wrong", ["XX", "de", "Germany", "UK"])
async def test_what_is_no_country_is_refused(office: Office, wrong: str) -> None:
    """With its place in the list."""
    settings: TrunkSettings = {"name": "new", "refused_countries": ["DE", wrong]}
    with pytest.raises(RuleViolated) as refused:
        await office.operations.trunks.create(office.actor(PanelRole.MEMBER), settings)
    assert [place for place, _ in refused.value.problems] == ["refused_countries/1"]
