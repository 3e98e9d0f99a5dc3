"""What a callback tells, as the practice inbox keeps it: one event, or those of a batch."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class Told(NamedTuple):
    """One event: the id by which its repetitions are told, and the document's `data` about it."""

    webhook_id: str
    data: Mapping[str, Any]


def told_by(callback: Mapping[str, Any]) -> list[Told]:
    """Return what one entry of an inbox tells."""
    data = json.loads(callback["body"])["data"]
    if isinstance(data, list):
        return [Told(it["meta"]["webhook_id"], it) for it in data]
    return [Told(callback["headers"].get("webhook-id", ""), data)]
