"""The answer to a request for a preview: bounded, without a word about carriers, and counted as what it is."""

import json
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import REGISTRY

from agents.ingress.previews import MAX_CHARACTERS, previewed
from pipeline.steps.admission.request import Admitted, Terms, admit
from tests.builders import CREATED, DESTINATION, SOURCE, account, carrier, did, directory_of, route, trunk, uuid
from tests.unit.agents.ingress.harness import asked, open_door, single

DIRECTORY = directory_of(
    account(), did(), trunk(), carrier(name="Best Carrier"), carrier(22, name="Other Carrier"),
    route(price_per_segment=Decimal("0.01")), route(32, carrier_id=uuid(22), price_per_segment=Decimal("0.02")),
)  # fmt: skip


def answered(content: str, max_segments: int = 10) -> tuple[bytes, dict[str, Any]]:
    """Return the body for a text, and its attributes."""
    attributes = {"source": SOURCE, "destination": DESTINATION, "content": content}
    admitted = admit(attributes, Terms(trunk().id, max_segments), CREATED)
    assert isinstance(admitted, Admitted)
    body = previewed(DIRECTORY, admitted).content
    return body, json.loads(body)["data"]["attributes"]


def test_of_a_text_of_nothing_else_the_first_characters_are_listed() -> None:
    """However long a text an installation allows: the answer grows with the text, not with its names."""
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 16_384)))
    body, attributes = answered(text, 255)
    assert [it["character"] for it in attributes["outside_gsm7"]] == list(text[:MAX_CHARACTERS])
    assert "".join(it["content"] for it in attributes["segments"]) == text
    assert len(body) < 131_072


def test_no_carrier_is_named() -> None:
    """Neither by name nor by id; that prices differ is told."""
    body, attributes = answered("Hello")
    assert attributes["price_varies"] is True
    assert not any(it in body for it in (b"Carrier", uuid(21).encode(), uuid(22).encode(), uuid(31).encode()))


async def test_previews_are_counted_apart_from_messages() -> None:
    """Neither accepted nor refused; a bad request for one is refused as any other."""

    def counted() -> list[float]:
        return [
            REGISTRY.get_sample_value("smsout_trunk_requests_total", {"trunk": uuid(11), "outcome": outcome}) or 0.0
            for outcome in ("accepted", "previewed", "refused")
        ]

    async with open_door() as door:
        before = counted()
        assert (await door.post(asked(), "/outbound_message_previews")).status == 200
        assert (await door.post(asked(content=""), "/outbound_message_previews")).status == 400
        assert [now - then for now, then in zip(counted(), before, strict=True)] == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("of_route", "statuses"),
    [({}, [400, 400]), ({"short_codes": True, "account_id": uuid(2)}, [400, 400]), ({"short_codes": True}, [200, 201])],
)
async def test_a_short_code_is_taken_where_a_route_of_the_account_takes_it(
    of_route: dict[str, Any], statuses: list[int]
) -> None:
    """Without such a route the answer is what it was."""
    async with open_door(entries=(account(), did(), route(), route(33, **of_route))) as door:
        preview = await door.post(asked(destination="12345"), "/outbound_message_previews")
        assert [preview.status, (await door.post(single(destination="12345"))).status] == statuses
