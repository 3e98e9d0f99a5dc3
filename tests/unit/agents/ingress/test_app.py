"""One request from its head to its answer, over a real socket, with the broker in the test's hand."""

import asyncio
import json
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from schemas.directory.account import NumberCheck
from schemas.directory.entry import key_of
from tests.builders import account
from tests.unit.agents.ingress.harness import OpenDoor, bulk, open_door, read_answer, single

BULK = "/bulk_outbound_messages"


async def until_waiting(door: OpenDoor, messages: int) -> None:
    """Return when so many messages wait for the broker."""
    async with asyncio.timeout(5):
        while door.api.outstanding.total != messages:
            await asyncio.sleep(0)


async def until_on_the_way(door: OpenDoor) -> None:
    """Return when a record is on its way to the broker."""
    async with asyncio.timeout(5):
        while not door.producer.records:
            await asyncio.sleep(0)


def counted(status: str) -> float:
    return REGISTRY.get_sample_value("smsout_ingress_requests_total", {"status": status}) or 0.0


def of_trunk(outcome: str, trunk_id: str) -> float:
    labels = {"trunk": trunk_id, "outcome": outcome}
    return REGISTRY.get_sample_value("smsout_trunk_requests_total", labels) or 0.0


async def test_a_trunks_requests_are_counted_by_outcome() -> None:
    """Those that are taken and those that are not; of a stranger there is no trunk."""
    async with open_door() as door:
        trunk_id = door.trunk.id
        before = of_trunk("accepted", trunk_id), of_trunk("refused", trunk_id)
        times = REGISTRY.get_sample_value("smsout_ingress_request_seconds_count") or 0.0
        assert (await door.post(single())).status == 201
        assert (await door.post(b"{}")).status == 400
        assert (of_trunk("accepted", trunk_id), of_trunk("refused", trunk_id)) == (before[0] + 1, before[1] + 1)
        assert REGISTRY.get_sample_value("smsout_ingress_request_seconds_count") == times + 2


async def test_no_answer_before_the_acknowledgement() -> None:
    """201 means that the broker has it: while the broker is silent the client waits."""
    async with open_door() as door:
        door.producer.silence()
        posting = asyncio.create_task(door.post(single()))
        await until_waiting(door, 1)
        assert not posting.done()
        door.producer.speak()
        assert (await posting).status == 201
        assert door.api.outstanding.total == 0


async def test_single_in_doubt() -> None:
    """No acknowledgement in time: 503, when to come again, and the id under which it may yet be sent."""
    async with open_door(retry_after_seconds=7) as door:
        door.producer.silence()
        posting = asyncio.create_task(door.post(single()))
        await until_on_the_way(door)
        door.clock.now += 10.1
        door.submitter.sweep()
        answer = await posting

        assert (answer.status, answer.headers["retry-after"]) == (503, "7")
        (error,) = answer.json["errors"]
        (submission,) = door.producer.submissions()
        assert {"message_id": submission.destinations[0].id} == error["meta"]
        assert (error["title"], error["code"], error["status"]) == ("Service Unavailable", "503", "503")
        assert door.api.outstanding.total == 0


async def test_bulk_in_doubt() -> None:
    """The same for each destination."""
    async with open_door() as door:
        door.producer.silence()
        posting = asyncio.create_task(door.post(bulk(), BULK))
        await until_on_the_way(door)
        door.clock.now += 10.1
        door.submitter.sweep()
        answer = await posting

        (submission,) = door.producer.submissions()
        expected = [{"id": it.id, "destination": it.address} for it in submission.destinations]
        assert (503, {"messages": expected}) == (answer.status, answer.json["errors"][0]["meta"])


async def test_silent_broker_is_told_at_once() -> None:
    """After the first time-out, 503 without an id: nothing of it was sent."""
    async with open_door() as door:
        door.producer.silence()
        posting = asyncio.create_task(door.post(single()))
        await until_on_the_way(door)
        door.clock.now += 10.1
        door.submitter.sweep()
        await posting
        answer = await door.post(single())

        assert (answer.status, "1") == (503, answer.headers["retry-after"])
        assert answer.details == ["messages cannot be taken right now: none was sent"]
        assert "meta" not in answer.json["errors"][0]


async def test_failed_producer_is_in_doubt_for_its_callers() -> None:
    """The write may have happened all the same."""
    async with open_door() as door:
        door.producer.error = RuntimeError("broken")
        answer = await door.post(single())
        assert (answer.status, ["message_id"]) == (503, list(answer.json["errors"][0]["meta"]))


async def test_flooding_trunk_gets_429() -> None:
    """The trunk's own bound, counted in messages; with when to come again."""
    async with open_door(max_outstanding_per_trunk=3) as door:
        door.producer.silence()
        waiting = [asyncio.create_task(door.post(single())), asyncio.create_task(door.post(bulk(), BULK))]
        await until_waiting(door, 3)
        answer = await door.post(single())
        door.producer.speak()

        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert answer.json["errors"][0]["title"] == "Too Many Requests"
        assert [it.status for it in await asyncio.gather(*waiting)] == [201, 201]
        assert (await door.post(single())).status == 201


async def test_full_house_gets_503() -> None:
    """The common bound."""
    async with open_door(max_outstanding=1) as door:
        door.producer.silence()
        waiting = asyncio.create_task(door.post(single()))
        await until_waiting(door, 1)
        answer = await door.post(bulk(), BULK)
        door.producer.speak()

        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert answer.details == ["too many messages are in progress"]
        assert (await waiting).status == 201


async def test_body_that_does_not_come_gets_408() -> None:
    """A slow sender does not hold a connection for long, and it is told."""
    async with open_door(read_timeout_seconds=0.05) as door:
        raw = door.request(single())
        answer = await door.send(raw[:-5])
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert answer.details == ["the body did not arrive in time"]


async def test_body_in_pieces() -> None:
    """Head and body in separate packets are the usual thing."""
    async with open_door() as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        raw = door.request(single())
        for piece in (raw[:50], raw[50:-40], raw[-40:-3], raw[-3:]):
            writer.write(piece)
            await asyncio.sleep(0.01)
        assert (await read_answer(reader)).status == 201
        writer.close()


async def test_chunked_body() -> None:
    """Transfer-Encoding: chunked, and the cap counts what arrives, not what was announced."""
    body = json.dumps(single()).encode()
    async with open_door(max_body_bytes=1024) as door:
        head = door.request(b"", content_length=None, transfer_encoding="chunked")
        good = head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        large = head + b"".join(b"400\r\n%b\r\n" % (b" " * 1024) for _ in range(2)) + b"0\r\n\r\n"
        broken = head + b"zz\r\nhello"

        answers = [await door.send(raw) for raw in (good, large, broken)]

        assert [answer.status for answer in answers] == [201, 413, 400]
        assert [answer.headers["connection"] for answer in answers[1:]] == ["close"] * 2


async def test_cap_ends_the_reading() -> None:
    """A body that grows beyond the cap is refused there and then, not at its end, which may never come."""
    async with open_door(max_body_bytes=1024) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(door.request(b"", content_length=None, transfer_encoding="chunked"))
        for _ in range(2):
            writer.write(b"400\r\n%b\r\n" % (b" " * 1024))
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            answer = await read_answer(reader)
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        writer.close()


async def test_announced_size_is_refused_before_the_body_is_read() -> None:
    """A large Content-Length alone is enough, and the sender is not asked for the body."""
    async with open_door() as door:
        answer = await door.send(door.request(b"", content_length="2000000", expect="100-continue"))
        assert (answer.status, answer.headers["connection"]) == (413, "close")


async def test_expect_continue() -> None:
    """Who asks for leave to send the body gets it, when the head is right."""
    body = json.dumps(single()).encode()
    async with open_door() as door:
        head = door.request(b"", content_length=str(len(body)), expect="100-continue")
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(head)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await read_answer(reader)).status == 201
        writer.close()


async def test_expect_continue_is_refused_without_credentials() -> None:
    """A stranger is not asked for a body, and the connection, whose state nobody knows now, ends."""
    async with open_door() as door:
        answer = await door.send(
            door.request(b"", content_length="100", expect="100-continue", authorization="Basic bm8=")
        )
        assert (answer.status, answer.headers["connection"]) == (401, "close")


async def test_a_client_that_closes_its_side_gets_its_answer() -> None:
    """Its SMS goes out, so it hears of it (`nc -N`, HTTP/1.0 clients); unless half of the request is missing."""
    async with open_door() as door:
        for raw, status in ((door.request(single()), 201), (door.request(single())[:-1], 400)):
            door.producer.silence()
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(raw)
            writer.write_eof()
            if status == 201:
                await until_waiting(door, 1)
                await asyncio.sleep(0.05)
            door.producer.speak()
            answer = await read_answer(reader)
            assert (answer.status, answer.headers["connection"]) == (status, "close")
            assert await reader.read() == b""
            writer.close()
        assert answer.details == ["the request was not finished"]
        assert len(door.producer.records) == 1


@pytest.mark.parametrize(("setting", "status"), [("max_connections", 503), ("max_connections_per_address", 429)])
async def test_no_room_for_a_connection_is_told_in_the_contracts_shape(setting: str, status: int) -> None:
    """While another one's request is worked on; one that only waits makes room."""
    bound: dict[str, Any] = {setting: 1}
    async with open_door(None, **bound) as door:
        _, idle = await asyncio.open_connection("127.0.0.1", door.port)
        door.producer.silence()
        waiting = asyncio.create_task(door.post(single()))
        await until_waiting(door, 1)
        answer = await door.post(single())
        door.producer.speak()
        assert (answer.status, answer.headers["connection"], answer.headers["retry-after"]) == (status, "close", "5")
        (error,) = answer.json["errors"]
        assert (error["code"], error["status"], len(error)) == (str(status), str(status), 4)
        assert (await waiting).status == 201
        idle.close()


async def test_transfer_codings_are_younger_than_http_1_0() -> None:
    """A framing that the version does not know is not to be believed (RFC 9112 section 6.1)."""
    async with open_door() as door:
        body = json.dumps(single()).encode()
        raw = door.request(b"", content_length=None, transfer_encoding="chunked", connection="keep-alive")
        raw = raw.replace(b"HTTP/1.1", b"HTTP/1.0", 1) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        answer = await door.send(raw)
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert answer.details == ["Transfer-Encoding takes HTTP/1.1"]


async def test_keep_alive_and_pipelining() -> None:
    """Requests on one connection are answered in order, good and bad."""
    async with open_door() as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(
            door.request(single()) + door.request(b"{") + door.request(b"", method="GET") + door.request(single())
        )
        assert [(await read_answer(reader)).status for _ in range(4)] == [201, 400, 405, 201]
        writer.close()


@pytest.mark.parametrize(
    ("version", "connection", "expected"),
    [
        (b"HTTP/1.1", None, None),
        (b"HTTP/1.1", "close", "close"),
        (b"HTTP/1.0", None, "close"),
        (b"HTTP/1.0", "keep-alive", "keep-alive"),
    ],
)
async def test_connection_header(version: bytes, connection: str | None, expected: str | None) -> None:
    """What becomes of the connection is said as RFC 9112 section 9.3 has it."""
    async with open_door() as door:
        raw = door.request(single(), connection=connection).replace(b"HTTP/1.1", version, 1)
        answer = await door.send(raw)
        assert (201, expected) == (answer.status, answer.headers.get("connection"))


async def test_answers_carry_the_date() -> None:
    """An origin server with a clock sends Date (RFC 9110 section 6.6.1); no version of anything is told."""
    async with open_door() as door:
        answer = await door.post(single())
        assert answer.headers["date"].endswith(" GMT")
        assert answer.headers["server"] == "smsout"


async def test_stopping_says_goodbye() -> None:
    """A draining process finishes the request and ends the connection."""
    async with open_door() as door:
        door.producer.silence()
        posting = asyncio.create_task(door.post(single()))
        await until_waiting(door, 1)
        door.stopping.set()
        door.producer.speak()
        answer = await posting
        assert (answer.status, answer.headers["connection"]) == (201, "close")


async def test_client_that_goes_away_leaves_nothing_behind() -> None:
    """Its message is still written, and its room comes back."""
    async with open_door() as door:
        door.producer.silence()
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(door.request(single()))
        await until_waiting(door, 1)
        writer.transport.abort()
        door.producer.speak()
        await until_waiting(door, 0)
        assert len(door.producer.records) == 1


async def test_client_that_goes_away_before_its_body_is_no_failure_of_ours() -> None:
    """Half a request and an end: counted as the client's fault, and not a line in the log."""
    before = counted("400"), counted("500")
    async with open_door() as door:
        with capture_logs() as logs:
            _, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(door.request(single())[:-5])
            await asyncio.sleep(0.01)
            writer.transport.abort()
            async with asyncio.timeout(5):
                while counted("400") + counted("500") == sum(before):
                    await asyncio.sleep(0)
    assert (before[0] + 1, before[1], []) == (counted("400"), counted("500"), logs)


async def test_our_own_failure_is_a_500_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client learns that it is us, the log learns what, and neither learns the text."""
    async with open_door() as door:
        monkeypatch.setattr(door.submitter, "submit", None)
        with capture_logs() as logs:
            answer = await door.post(single(content="a secret text"))

        assert answer.status == 500
        assert answer.details == ["something went wrong on our side"]
        assert [line["event"] for line in logs] == ["request_failed"]
        assert "secret" not in str(logs)
        assert door.api.outstanding.total == 0


async def test_requests_are_counted_and_not_logged() -> None:
    """Metrics by status; no log line for what strangers send."""
    before = {status: counted(status) for status in ("201", "400", "401", "404")}
    async with open_door() as door:
        with capture_logs() as logs:
            await door.post(single())
            await door.post(b"{")
            await door.post(single(), authorization=None)
            await door.post(single(), "/")
            await door.send(b"NONSENSE\r\n\r\n")
    assert {status: counted(status) - value for status, value in before.items()} == {
        "201": 1.0,
        "400": 2.0,
        "401": 1.0,
        "404": 1.0,
    }
    assert logs == []


@pytest.mark.parametrize(
    "raw",
    [
        b"CONNECT sms-out.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST //outbound_messages HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST /%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST http://[::1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"POST /outbound_messages HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
async def test_odd_requests_are_the_clients_fault(raw: bytes) -> None:
    """Whatever comes over the wire: a 4xx in the contract's shape, never a 5xx."""
    async with open_door() as door:
        answer = await door.send(raw)
        assert answer.status in (400, 404, 414)
        assert str(answer.status) == answer.json["errors"][0]["status"]


@pytest.mark.parametrize(("check", "status"), [(None, 400), (NumberCheck.PLAN, 400), (NumberCheck.FORM, 201)])
async def test_numbers_are_checked_as_the_account_wants(check: NumberCheck | None, status: int) -> None:
    """From the next request on; an account that is not known yet is checked in full."""
    async with open_door() as door:
        if check is not None:
            entry = account(number_check=check)
            door.directory.apply(key_of(entry), entry.to_bytes())
        assert (await door.post(single(destination="4407700900123"))).status == status
        assert (await door.post(bulk(destination=["4407700900123"]), BULK)).status == status
