"""Keys of directory entries, and which kind each key says."""

import json

import pytest

from schemas.directory.entry import KINDS, key_of
from tests.contract.golden_records import GOLDEN

FILES = {"paneluser": "panel-user", "apikey": "api-key"}


def golden(kind: str) -> bytes:
    return (GOLDEN / f"{FILES.get(kind, kind)}-v1.jsonl").read_bytes().splitlines()[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_leads_back_to_the_model(kind: str) -> None:
    """`<kind>:<id>`, where the id is a DID's number and everything else's UUID."""
    entry = KINDS[kind].from_bytes(golden(kind))
    attributes = json.loads(golden(kind))
    assert key_of(entry) == f"{kind}:{attributes['number' if kind == 'did' else 'id']}".encode()
