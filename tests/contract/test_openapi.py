"""The OpenAPI document: valid, complete, and true: schemathesis finds no answer that it does not describe."""

import asyncio
import copy
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from agents.panel.api.openapi.document import openapi
from agents.panel.api.resources import ROUTES
from schemas.directory.people import PanelRole
from tests.unit.agents.ingress.harness import open_door
from tests.unit.agents.panel.office import Office
from tests.unit.agents.panel.site import key_for, running

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

SETTINGS = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def without_security() -> dict[str, Any]:
    """Every call here has its credentials; a case without them would have them all the same."""
    document = copy.deepcopy(openapi())
    del document["components"]["securitySchemes"]
    for operations in document["paths"].values():
        for method, operation in operations.items():
            if method != "servers":
                del operation["security"]
    return document


# What is too large to be read is refused for that, whatever else is wrong with it.
REFUSALS = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]
CONFIG = {"seed": 1, "checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}}

schema = schemathesis.openapi.from_dict(without_security(), config=SchemathesisConfig.from_dict(CONFIG))


def serve(start: Callable[[Callable[[str], None], asyncio.Event], Any]) -> Iterator[str]:
    """Run a server in a thread of its own; yield its URL."""
    found: list[str] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    def told(url: str) -> None:
        found.append(url)
        ready.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(start(told, stop)))
    thread.start()
    try:
        assert ready.wait(20)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


@pytest.fixture(scope="module")
def panel() -> Iterator[tuple[str, str]]:
    """A panel's URL, and an operator's key."""
    office = Office()
    key = key_for(office, PanelRole.OPERATOR)

    async def start(told: Callable[[str], None], stop: asyncio.Event) -> None:
        async with running(office) as site:
            told(site.origin)
            await stop.wait()

    for url in serve(start):
        yield url, key


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[str, tuple[str, str]]]:
    """An ingress's URL, and a trunk's credentials."""
    credentials: list[tuple[str, str]] = []
    produced: list[int] = []

    async def start(told: Callable[[str], None], stop: asyncio.Event) -> None:
        async with open_door() as opened:
            credentials.append((opened.trunk.credentials[0].username, opened.password))
            told(f"http://127.0.0.1:{opened.port}")
            await stop.wait()
            produced.append(len(opened.producer.records))

    for url in serve(start):
        yield url, credentials[0]
    assert produced[0] > 0  # some of what was generated was a message, and came here


@schema.include(tag="management").parametrize()
@SETTINGS
def test_the_management_api_does_what_the_document_says(case: Case[Any], panel: tuple[str, str]) -> None:
    """No 5xx, and no answer whose status, type, headers or body the document does not have."""
    url, key = panel
    case.call_and_validate(base_url=url, headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)


@schema.include(tag="ingress").parametrize()
@SETTINGS
def test_ingress_does_what_the_document_says(case: Case[Any], door: tuple[str, tuple[str, str]]) -> None:
    """The same for sending."""
    url, credentials = door
    case.call_and_validate(base_url=url, auth=credentials, checks=CHECKS)


def test_every_route_is_documented() -> None:
    """And names the roles that may call it."""
    documented = {(method.upper(), path) for path, operations in openapi()["paths"].items() for method in operations}
    assert {(route.method, route.path) for route in ROUTES} <= documented


def test_operation_ids_are_unique() -> None:
    """Generated clients make methods of them."""
    found = [
        operation["operationId"]
        for operations in openapi()["paths"].values()
        for method, operation in operations.items()
        if method != "servers"
    ]
    assert len(found) == len(set(found))
