"""A trunk asks for its messages."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from sqlalchemy import Engine

from agents.message_log.api import WAITING_OF_ONE, LogApi
from agents.serving.authentication import Authenticator
from agents.serving.connections import Connections
from agents.serving.protocol import Server, respond_in_json_api
from pipeline.errors import LogUnavailable
from pipeline.http.client_address import Networks
from pipeline.message_log.database import migrate, parsed, reader_engine, writer_engine
from tests.builders import PEPPER, account, directory_of, trunk_with_password, uuid
from tests.message_lives import disposed, many_lives, read_into

MINE, PASSWORD = trunk_with_password(11)
OTHERS, _ = trunk_with_password(12, account_id=uuid(2))
DIRECTORY = directory_of(account(1, store_texts=True), account(2), MINE, OTHERS)
JSON_API = "application/vnd.api+json"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A log with messages of both trunks, to read from."""
    url = parsed(f"sqlite:///{tmp_path_factory.mktemp('log') / 'log.sqlite'}")
    with disposed(writer_engine(url)) as writer:
        migrate(writer)
        read_into(writer, many_lives(60), directory=DIRECTORY)
    with disposed(reader_engine(url)) as readers:
        yield readers


class Caller:
    """Calls the API as trunk 11."""

    def __init__(self, api: LogApi, session: aiohttp.ClientSession, url: str) -> None:
        self.api, self._session, self._url = api, session, url

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
        known = {"Authorization": aiohttp.encode_basic_auth(MINE.credentials[0].username, PASSWORD)}
        async with self._session.request(method, self._url + path, headers={**known, **headers}) as answer:
            assert answer.headers["Content-Type"] == JSON_API
            return answer.status, await answer.json(content_type=None)


@pytest_asyncio.fixture
async def caller(engine: Engine) -> AsyncIterator[Caller]:
    """The API on a port of its own."""
    api = LogApi(Authenticator(DIRECTORY, PEPPER, Networks([])), DIRECTORY, engine)
    runner = web.ServerRunner(Server(api.answer, Connections("test", 50, 50), respond_in_json_api))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with aiohttp.ClientSession() as session:
        yield Caller(api, session, site.name)
    await runner.cleanup()
    api.close()


async def test_a_trunk_sees_its_own_messages(caller: Caller) -> None:
    """Page after page, and nobody else's; each can be asked for alone, with its events."""
    path, found = "/outbound_messages?page[size]=7", list[Any]()
    while path:
        status, body = await caller.get(path)
        assert status == 200
        found += body["data"]
        path = body["links"].get("next", "")
    assert len(found) == len({it["id"] for it in found}) > 30
    one = next(it for it in found if it["attributes"]["status"] == "Success")
    assert await caller.get(f"/outbound_messages/{one['id']}") == (200, {"data": one})
    status, events = await caller.get(f"/outbound_messages/{one['id']}/events")
    kinds = [it["attributes"]["event"] for it in events["data"]]
    assert (status, kinds[0], "processed" in kinds) == (200, "accepted", True)
    assert "carrier" not in str(events["data"][-1]["attributes"].keys())
    assert one["attributes"]["content"] is not None


@pytest.mark.parametrize(
    ("query", "name", "values"),
    [
        ("filter[client_reference]=order+3", "client_reference", {"order 3"}),
        ("filter[client_reference]=order+3,+order+8", "client_reference", {"order 3", "order 8"}),
        ("filter[tags]=day,+1", "tags", {"day, 1"}),
        ("filter[tags]=nothing,shop", "tags", {"shop"}),
        (f"filter[campaign_id]={uuid(18)},{uuid(19)}", "campaign_id", {uuid(19)}),
    ],
)
async def test_messages_are_found_by_what_they_are_called(
    caller: Caller, query: str, name: str, values: set[str]
) -> None:
    """Several are separated by commas, and one that has a comma in it is found all the same."""
    everything = (await caller.get("/outbound_messages?page[size]=1000"))[1]["data"]
    found = (await caller.get(f"/outbound_messages?page[size]=1000&{query}"))[1]["data"]
    assert found == [it for it in everything if called(it, name) & values]
    assert len(found) > 2


async def test_a_message_shows_what_it_is_called(caller: Caller) -> None:
    """Alone and in the list; one without a name has no such attributes."""
    status, body = await caller.get("/outbound_messages?page[size]=1000")
    named, others = [[it for it in body["data"] if bool(called(it, "tags")) is wanted] for wanted in (True, False)]
    assert (status, named[0]["attributes"]["client_reference"][:6], named[0]["attributes"]["tags"][0]) == (
        200, "order ", "shop",
    )  # fmt: skip
    assert (await caller.get(f"/outbound_messages/{named[0]['id']}"))[1]["data"] == named[0]
    assert all({"client_reference", "tags"}.isdisjoint(it["attributes"]) for it in others)
    assert others


def called(message: dict[str, Any], name: str) -> set[str]:
    """Return a message's reference or its tags."""
    value = message["attributes"].get(name, [])
    return {value} if isinstance(value, str) else set(value)


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/outbound_messages/" + uuid(1999), 404, "no such message"),
        ("/outbound_messages/" + uuid(1001) + "/more", 404, "no such resource"),
        ("/nothing", 404, "no such resource"),
        ("/outbound_messages?filter[nothing]=1", 400, "not a known parameter"),
        ("/outbound_messages?filter[trunk_id]=" + uuid(12), 400, "not a known parameter"),
        ("/outbound_messages?page[size]=0", 400, "from 1 to 1000"),
        ("/outbound_messages?page[size]=1&page[size]=2", 400, "more than once"),
        ("/outbound_messages?page[after]=x", 400, "cursor"),
        ("/outbound_messages?filter[since]=soon", 400, "a time like"),
        ("/outbound_messages?filter[status]=Gone", 400, "must be some of Queued"),
        ("/outbound_messages?filter[code_id]=x", 400, "must be numbers"),
        ("/outbound_messages?filter[tags]=,", 400, "names nothing"),
        ("/outbound_messages?filter[tags]=" + "x" * 101, 400, "more than 100 characters"),
        ("/outbound_messages?filter[client_reference]=" + "x," * 101, 400, "more than 100 values"),
        ("/outbound_messages/" + uuid(1001) + "?x=1", 400, "not a known parameter"),
    ],
)
async def test_what_makes_no_sense_is_said(caller: Caller, path: str, status: int, detail: str) -> None:
    """In the contract's shape, with the parameter's name."""
    found, body = await caller.get(path)
    (error,) = body["errors"]
    assert (found, error["status"], error["code"]) == (status, str(status), str(status))
    assert detail in error["detail"]
    assert status != 400 or error["source"]["parameter"]


async def test_another_trunks_message_is_not_there(caller: Caller) -> None:
    """From outside it cannot be told from one that does not exist."""
    _, body = await caller.get("/outbound_messages?page[size]=1000")
    mine = {it["id"] for it in body["data"]}
    theirs = next(uuid(1000 + number) for number in range(1, 61) if uuid(1000 + number) not in mine)
    assert (await caller.get(f"/outbound_messages/{theirs}"))[0] == 404


async def test_the_head_is_checked_as_ingress_checks_it(caller: Caller) -> None:
    """Credentials, method and Accept."""
    assert (await caller.get("/outbound_messages", Authorization="Basic eDp5"))[0] == 401
    assert (await caller.get("/outbound_messages", method="POST"))[0] == 405
    assert (await caller.get("/outbound_messages", Accept="text/html"))[0] == 406


async def test_a_trunk_that_asks_too_much_waits_for_itself(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few questions wait for their turn; what comes then is refused, and can be asked again."""
    going = asyncio.Event()

    async def slow(*_: Any) -> Any:
        await going.wait()
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "run_in_executor", slow)
    waiting = [asyncio.create_task(caller.get("/outbound_messages/x")) for _ in range(WAITING_OF_ONE)]
    while caller.api._waiting.total() < WAITING_OF_ONE:
        await asyncio.sleep(0)
    status, body = await caller.get("/outbound_messages/x")
    assert (status, body["errors"][0]["title"]) == (429, "Too Many Requests")
    going.set()
    assert {status for status, _ in await asyncio.gather(*waiting)} == {404}
    assert not caller.api._waiting


async def test_a_database_that_does_not_answer_is_a_503(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that takes too long is the caller's to change."""

    def away(_: Any) -> Any:
        raise LogUnavailable("away")

    monkeypatch.setattr(caller.api, "_asked", away)
    status, body = await caller.get("/outbound_messages")
    assert (status, body["errors"][0]["detail"]) == (503, "the message log does not answer")

    def slow(_: Any) -> Any:
        raise LogUnavailable("the search takes too long", too_slow=True)

    monkeypatch.setattr(caller.api, "_asked", slow)
    assert (await caller.get("/outbound_messages"))[0] == 400


def test_paths_are_documented() -> None:
    """docs/http-api.md names each."""
    text = Path("docs/http-api.md").read_text()
    assert all(it in text for it in ("GET /outbound_messages/{id}`", "GET /outbound_messages/{id}/events`"))
