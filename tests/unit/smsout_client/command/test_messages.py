"""`smsout messages list` and `get`: what is asked, what is shown."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import typer
from smsout_client.command.messages import moment_of

from tests.unit.smsout_client.command.console import Console
from tests.unit.smsout_client.gateway import EVENT, ID, LOGGED, Gateway


def page(*resources: Any, **links: str) -> httpx.Response:
    return httpx.Response(200, json={"data": list(resources), "links": links})


def test_messages_are_a_table(console: Console) -> None:
    """A column each, the newest first as they come."""
    failed = {**LOGGED["attributes"], "status": "Failed", "code_id": 101, "reason": "too late", "delivery_status": "X"}  # type: ignore[dict-item]
    console.asks(Gateway(page(LOGGED, {**LOGGED, "attributes": failed})))
    assert console.run("messages", "list").stdout.splitlines() == [
        "ID                                    ACCEPTED             FROM         TO           STATUS",
        f"{ID}  2026-11-22 13:28:03  12125551234  15551234567  Success",
        f"{ID}  2026-11-22 13:28:03  12125551234  15551234567  Failed (too late), X",
    ]


def test_filters_are_the_apis(console: Console) -> None:
    """What is not given is not asked for."""
    console.asks(gateway := Gateway(page(), page()))
    ended = console.run(
        "messages", "list", "--since", "2026-11-22T18:00", "--from", "1", "--to", "2", "--status", "Failed",
        "--reference", "r", "--tag", "t", "--campaign", "c", "--limit", "7",
    )  # fmt: skip
    assert ended.exit_code == 0, ended.output
    assert dict(gateway.asked[0].url.params) == {
        "filter[since]": "2026-11-22T18:00:00+00:00", "filter[source]": "1", "filter[destination]": "2",
        "filter[status]": "Failed", "filter[client_reference]": "r", "filter[tags]": "t", "filter[campaign_id]": "c",
        "page[size]": "7",
    }  # fmt: skip
    console.run("messages", "list")
    assert dict(gateway.asked[1].url.params) == {"page[size]": "50"}


def test_no_more_are_shown_than_asked_for(console: Console) -> None:
    """The next page is not asked for when the first has enough."""
    console.asks(gateway := Gateway(page(LOGGED, LOGGED, next="/outbound_messages?page"), page(LOGGED)))
    shown = console.run("messages", "list", "--limit", "2", "--json").stdout.splitlines()
    assert [json.loads(line) for line in shown] == [LOGGED, LOGGED]
    assert len(gateway.asked) == 1


def test_one_message_comes_with_what_happened_to_it(console: Console) -> None:
    """For people, and as JSON."""
    answers = [httpx.Response(200, json={"data": it}) for it in (LOGGED, [EVENT])] * 2
    console.asks(Gateway(*answers))
    assert console.run("messages", "get", ID).stdout.splitlines() == [
        f"{ID}  Success, 0.0075 USD", "from 12125551234 to 15551234567", "", "2026-11-22 13:28:03  accepted over HTTP",
    ]  # fmt: skip
    assert json.loads(console.run("messages", "get", ID, "--json").stdout) == {**LOGGED, "events": [EVENT]}


def test_what_waits_says_for_when_and_with_what(console: Console) -> None:
    """Its bulk is what `smsout cancel --bulk` takes; of what has left, the status alone is of interest."""
    times = {"send_at": "2026-11-23T07:30:00.000Z", "bulk_id": "b-1", "campaign_id": "c-1"}
    waiting = {**LOGGED, "attributes": {**LOGGED["attributes"], **times, "status": "Scheduled", "price": None}}  # type: ignore[dict-item]
    left = {**LOGGED, "attributes": {**LOGGED["attributes"], **times}}  # type: ignore[dict-item]
    answers = (httpx.Response(200, json={"data": it}) for it in (waiting, [EVENT]))
    console.asks(Gateway(*answers, page(waiting, left)))
    assert console.run("messages", "get", ID).stdout.splitlines()[:5] == [
        f"{ID}  Scheduled for 2026-11-23 07:30:00", "from 12125551234 to 15551234567", "in the bulk b-1",
        "in the campaign c-1", "",
    ]  # fmt: skip
    shown = console.run("messages", "list").stdout.splitlines()[1:]
    assert [it[len(ID) + 49 :] for it in shown] == ["Scheduled for 2026-11-23 07:30:00", "Success"]


NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", "2026-11-22T17:30:00+00:00"),
        ("2d", "2026-11-20T18:00:00+00:00"),
        ("2026-11-22T18:00+01:00", "2026-11-22T18:00:00+01:00"),
        ("2026-11-22", "2026-11-22T00:00:00+00:00"),
    ],
)
def test_times_are_ages_or_moments(text: str, moment: str) -> None:
    """UTC unless they say."""
    assert moment_of(text, NOW).isoformat() == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2", "999999d0", "-1h", "٣h", "999999d"])
def test_other_times_are_refused(text: str) -> None:
    """Also those that no calendar has."""
    with pytest.raises(typer.BadParameter, match="is neither"):
        moment_of(text, NOW)
