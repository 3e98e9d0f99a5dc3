"""All that a record causes, at once."""

from collections.abc import Mapping

from agents.processor.records import consequences, parts_of
from pipeline.directory.model import Directory
from pipeline.idempotency.keys import Verdict
from pipeline.settings import MessageSettings
from schemas.record import InRecord, OutRecord


def caused_by(
    record: InRecord, directory: Directory, settings: MessageSettings, unheld: Mapping[int, Verdict]
) -> list[OutRecord]:
    """Return what all of `record` causes."""
    return consequences(record, parts_of(record), 0, directory, settings, unheld).outputs
