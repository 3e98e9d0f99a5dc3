"""Rows 1 to 5: a process dies between a request and what delivery reads; and records that nobody can read."""

import pytest

from schemas.topics import SUBMITTED
from tests.arena.arena import Arena, NotAnswered
from tests.arena.life import Life
from tests.crash.oracle import Oracle
from tests.crash.rows import door

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_row_1_a_request_whose_process_dies_before_it_is_stored_is_not_sent(arena: Arena) -> None:
    """No answer, no record, no SMS; the client's repetition is the only one."""
    await arena.stand(ingress=Life("ingress.before_produce:1"))
    destination = arena.number()
    with pytest.raises(NotAnswered):
        await arena.post(destination, "Hello")
    await arena.died("ingress")
    await arena.topics.catch_up()
    assert [it for it in arena.topics.records(SUBMITTED) if destination.encode() in it.value] == []
    oracle = await Oracle(arena, [await arena.send(destination=destination)]).judge()
    assert list(oracle.posts.values()) == [1]


async def test_row_2_without_the_loss_an_answered_request_outlives_its_process(arena: Arena) -> None:
    """The 201 is all that is needed: ingress dies right after it."""
    oracle = await door.accepted_and_killed(arena)
    assert list(oracle.posts.values()) == [1]


async def test_row_2_a_repeated_request_whose_answer_was_lost_is_one_sms(arena: Arena) -> None:
    """The broker has the message, the client no answer; its repetition with the same key gets the same id."""
    oracle = await door.lost_answer(arena)
    assert list(oracle.posts.values()) == [1]


async def test_row_3_what_a_restarted_processor_writes_again_is_sent_once(arena: Arena) -> None:
    """Outputs are written, the record is not acked: all of it comes again, and delivery tells."""
    oracle = await door.outputs_written_twice(arena)
    assert {1} == set(oracle.posts.values())


async def test_row_4_the_half_of_a_records_messages_that_was_written_is_sent_once(arena: Arena) -> None:
    """A record with many messages is half written when the processor dies: each message is sent once."""
    oracle = await door.outputs_half_written(arena)
    assert {1} == set(oracle.posts.values())


async def test_row_5_a_record_that_cannot_be_read_is_a_dead_letter_and_holds_nobody_up(arena: Arena) -> None:
    """On every topic that an agent reads: the bytes are kept with their coordinates, what comes behind goes on."""
    await door.poison(arena)
