"""The way of a message is short enough to be read: the files that a segment passes, and README's reading order."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

from pipeline.posting.dispatcher import Turn
from schemas.directory.carrier import InDoubtPolicy
from schemas.messages.mt_message import MtMessage, Segment
from schemas.messages.status import StatusName
from schemas.record import InRecord, OutRecord
from schemas.topics import SEGMENTED, STATUS
from tests.fakes.kafka_edges import exchanged
from tests.fakes.virtual_time import virtual_clocks
from tests.unit.machines import delivery_world

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = ("schemas.", "pipeline.", "agents.")
MOST_FILES_OF_A_SEGMENT: Final = 15
MOST_FILES_TO_READ: Final = 12
READING_ORDER: Final = re.compile(r"^\| (\d+) \| .* \| \[[^\]]+\]\(([\w/]+\.py)\) \|$", re.MULTILINE)


def is_of_the_message(value: object, record: bytes, depth: int = 4) -> bool:
    """Tell whether a value is the message, a part of it, what has come of it, or holds one of these."""
    if isinstance(value, MtMessage | Segment):
        return True
    if isinstance(value, bytes):
        return value == record
    if isinstance(value, InRecord | OutRecord):
        return value.topic in {SEGMENTED, STATUS}
    inside: Iterator[object] = iter(())
    if isinstance(value, Turn):
        inside = iter((value.item,))
    elif isinstance(value, list | tuple):
        inside = iter(value)
    elif is_dataclass(value):
        inside = (getattr(value, it.name, None) for it in fields(value))
    return depth > 0 and any(is_of_the_message(it, record, depth - 1) for it in inside)


@cache
def way_of_a_segment() -> tuple[str, ...]:
    """Return the modules of which a function is handed the message, in the order of the first time.

    From the record on `sms.mt.segmented` to its status, through the whole delivery agent. The clients of Kafka and HTTP
    are not its own here: the way begins and ends where they do.
    """
    way: dict[str, None] = {}
    with exchanged(delivery_world.EXCHANGED), virtual_clocks():
        world = delivery_world.DeliveryWorld(InDoubtPolicy.GIVE_UP, seed=1)
        try:
            world.run(20)
            world.accept(0, segments=1, lives_seconds=3600)
            (record,) = world.broker.log(SEGMENTED)

            def note(frame: FrameType, event: str, _: Any) -> None:
                module = str(frame.f_globals.get("__name__"))
                if event != "call" or module in way or not module.startswith(ROOMS) or world.broker.log(STATUS):
                    return
                code = frame.f_code
                given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
                if any(is_of_the_message(frame.f_locals.get(name), record.value or b"") for name in given):
                    way[module] = None

            sys.setprofile(note)
            try:
                world.run(100)
            finally:
                sys.setprofile(None)
            ((status,),) = world.statuses().values()
            assert (status.status, len(world.carrier.posted)) == (StatusName.SUCCESS, 1)
        finally:
            world.close()
    return tuple(way)


@cache
def to_read() -> tuple[str, ...]:
    """Return the modules that README tells to read, in its order."""
    rows = READING_ORDER.findall((ROOT / "README.md").read_text())
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    return tuple(path.removesuffix(".py").replace("/", ".") for _, path in rows)


@cache
def imported_by(module: str) -> frozenset[str]:
    """Return what a module of ours imports of ours."""
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names |= {node.module, *(f"{node.module}.{it.name}" for it in node.names)}
    return frozenset(it for it in names if it.startswith(ROOMS) and (ROOT / f"{it.replace('.', '/')}.py").is_file())


def leads_to(one: str, other: str) -> bool:
    """Tell whether `one` imports `other`, itself or through one module in between."""
    return other in imported_by(one) or any(other in imported_by(it) for it in imported_by(one))


def test_a_segment_passes_few_files() -> None:
    """Whoever looks for what becomes of one has so many files to look at."""
    way = way_of_a_segment()
    assert {"agents.delivery.line_up", "agents.delivery.sending", "schemas.messages.mt_message"} <= set(way)
    assert len(way) <= MOST_FILES_OF_A_SEGMENT, way


def test_the_reading_order_is_short() -> None:
    """One message in one sitting, and every file is there."""
    files = to_read()
    assert 8 <= len(files) <= MOST_FILES_TO_READ
    assert len(set(files)) == len(files)


@pytest.mark.parametrize("place", range(1, MOST_FILES_TO_READ))
def test_each_file_of_the_reading_order_follows_from_one_before_it(place: int) -> None:
    """One of them imports the other, or what lies between them: whoever reads meets the next one's name."""
    files = to_read()
    file = files[min(place, len(files) - 1)]
    before = files[: files.index(file)]
    assert any(leads_to(it, file) or leads_to(file, it) for it in before), f"nothing before leads to {file}"


def test_the_reading_order_goes_the_way_of_a_segment() -> None:
    """What it names of delivery is passed, in the same order."""
    way = way_of_a_segment()
    ours = [it for it in to_read() if it.startswith("agents.delivery.")]
    assert len(ours) > 2
    assert ours == sorted(ours, key=way.index)
