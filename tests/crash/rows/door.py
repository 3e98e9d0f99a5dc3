"""Rows 1 to 5: a process dies between a request and what delivery reads; and what nobody can read."""

from contextlib import suppress

from schemas.headers.dead_letter import DeadLetterSource
from schemas.identifiers import uuid7
from schemas.topics import CALLBACK_RETRY, MT_RETRY, SEGMENTED, STATUS, SUBMITTED
from tests.arena.arena import LONG, PARTITIONS, Arena, NotAnswered
from tests.arena.life import Life
from tests.crash.oracle import Broken, Oracle
from tests.crash.rows.lives import NONE, Variants, life, many_in_one_record, others

POISON = b'{"schema_version": 1, "nonsense": "%s"}'


async def accepted_and_killed(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Rows 1 and 2, when the client has its answer: ingress dies right after it has said 201."""
    await arena.stand(**others(variants))
    sent = [await arena.send()]
    await arena.processes["ingress"].kill()
    return await Oracle(arena, sent).judge()


async def lost_answer(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Row 2: ingress dies with the message stored and no answer given; the client repeats with its key."""
    await arena.stand(ingress=life("ingress", variants, "ingress.after_acknowledge:1"), **others(variants, "ingress"))
    destination, key = arena.number(), uuid7()
    with suppress(NotAnswered):
        await arena.post(destination, "Hello", key=key)
    await arena.died("ingress")
    sent = await arena.send(destination=destination, key=key)
    return await Oracle(arena, [sent]).judge()


async def outputs_written_twice(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Row 3: the processor dies with a record's consequences written and the record not acked."""
    await arena.stand(
        processor=life("processor", variants, "processor.after_outputs:1"), **others(variants, "processor")
    )
    sent = [await arena.send(text=LONG), await arena.send()]
    await arena.died("processor")
    return await Oracle(arena, sent).judge()


async def outputs_half_written(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Row 4: the processor dies with half of a record's messages written."""
    await arena.stand(
        processor=Life(variant=variants.get("processor", "dies_half_written")), **others(variants, "processor")
    )
    sent = await many_in_one_record(arena)
    await arena.died("processor")
    await arena.topics.catch_up()
    written = sum(any(it.id.encode() in record.value for it in sent) for record in arena.topics.records(SEGMENTED))
    assert 0 < written < len(sent), f"{written} of {len(sent)} were written"
    await arena.stand(**others(variants, "processor"))
    return await Oracle(arena, sent).judge()


async def poison(arena: Arena, variants: Variants = NONE) -> Oracle:
    """Row 5: records that nobody can read lie before good ones, in every partition of every topic that is read."""
    await arena.stand(**others(variants))
    tiers = [arena.topics.tiers[family][0] for family in (MT_RETRY, CALLBACK_RETRY)]
    mark = uuid7()
    for topic in (SUBMITTED, SEGMENTED, STATUS, *tiers):
        for partition in range(PARTITIONS):
            await arena.produce(topic, POISON % mark.encode(), key=b"poison", partition=partition)
    oracle = await Oracle(arena, [*await many_in_one_record(arena), await arena.send()]).judge()
    refused = {
        (source.topic, source.partition)
        for it in arena.topics.dead_letters()
        if mark.encode() in (it.value or b"") and (source := DeadLetterSource.from_headers(it.headers))
    }
    missing = {
        (topic, partition) for topic in (SUBMITTED, SEGMENTED, STATUS, *tiers) for partition in range(PARTITIONS)
    }
    missing -= refused
    if missing:
        raise Broken([f"not visible: no dead letter for what could not be read in {sorted(missing)}"])
    return oracle
