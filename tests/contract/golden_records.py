"""The golden records: what lies on topics.

golden/<record>-v<n>.jsonl holds records of schema version n, one a line, byte for byte as they lie on a topic. A line
is never changed: it may be on somebody's broker. A new attribute gets a new line.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from agents.commands.documents.schemas import RECORDS, document_name
from schemas.record import Record

GOLDEN: Final = Path(__file__).parent / "golden"


def golden_records() -> Iterator[tuple[type[Record], bytes]]:
    """Yield the records of every kind, with their models."""
    for record in RECORDS:
        for line in (GOLDEN / f"{document_name(record)}-v1.jsonl").read_bytes().splitlines():
            yield record, line


every_golden_record = pytest.mark.parametrize(
    ("record", "value"), [pytest.param(*it, id=f"{it[0].__name__}-{n}") for n, it in enumerate(golden_records())]
)
"""Marks a test that holds for each of them."""
