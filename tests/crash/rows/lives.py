"""How the agents of a row are run, and what several rows do."""

import asyncio
from collections.abc import Mapping, Sequence

from schemas.directory.carrier import InDoubtPolicy
from schemas.identifiers import uuid7
from schemas.messages.destination import Destination
from schemas.topics import SUBMITTED
from tests.arena.arena import LONG, Arena, Sent
from tests.arena.life import Life
from tests.builders import submission

Variants = Mapping[str, str]
"""What tests/crash/sabotaged.py makes of an agent, by agent."""
NONE: Variants = {}
ALL_POLICIES = tuple(InDoubtPolicy)
MANY = 40


def life(agent: str, variants: Variants, failpoint: str | None = None, **settings: str) -> Life:
    """Return how an agent of a row is run."""
    return Life(failpoint, variants.get(agent), settings)


def others(variants: Variants, *besides: str) -> dict[str, Life]:
    """Return the lives of the variants that a row does not run itself."""
    return {agent: Life(variant=name) for agent, name in variants.items() if agent not in besides}


async def many_in_one_record(arena: Arena) -> list[Sent]:
    """Publish one record whose messages go to every partition."""
    trunk = arena.world.trunk
    destinations = tuple(Destination(address=arena.number(), id=uuid7()) for _ in range(MANY))
    asked = submission(*destinations, id=uuid7(), trunk_id=trunk.id, content=LONG)
    await arena.produce(SUBMITTED, asked.to_bytes(), key=trunk.id.encode())
    return [Sent(it.id or "", it.address, 2, InDoubtPolicy.RESEND_WITH_KEY, trunk) for it in destinations]


async def until_waiting(arena: Arena, tiers: Sequence[str], sent: Sequence[Sent]) -> None:
    """Wait until each of these tiers has a record about one of these messages."""
    async with asyncio.timeout(60):
        for topic in tiers:
            while not any(it.id.encode() in record.value for record in arena.topics.records(topic) for it in sent):
                await arena.topics.catch_up()
                await asyncio.sleep(0.05)
