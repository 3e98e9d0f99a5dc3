"""Keys of directory entries, and which kind each key says."""

import json
from pathlib import Path

import pytest

from schemas.directory.entry import KINDS, key_of
from schemas.directory.trunk import Trunk

GOLDEN = Path(__file__).parents[3] / "contract" / "golden"
FILES = {"paneluser": "panel-user", "apikey": "api-key"}


def golden(kind: str) -> bytes:
    return (GOLDEN / f"{FILES.get(kind, kind)}-v1.jsonl").read_bytes().splitlines()[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_leads_back_to_the_model(kind: str) -> None:
    """`<kind>:<id>`, where the id is a DID's number and everything else's UUID."""
    entry = KINDS[kind].from_bytes(golden(kind))
    attributes = json.loads(golden(kind))
    assert key_of(entry) == f"{kind}:{attributes['number' if kind == 'did' else 'id']}".encode()


def test_credentials_version_is_the_current_ones() -> None:
    """The first credential is the current one; one in grace does not count."""
    trunk = Trunk.from_bytes((GOLDEN / "trunk-v1.jsonl").read_bytes().splitlines()[1])
    assert ([it.version for it in trunk.credentials], trunk.credentials_version) == ([2, 1], 2)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_short", "whsec_" + "A" * 31, "whsec_" + "A" * 89 + "==", "WHSEC_" + "A" * 32]
)
def test_a_callback_secret_that_cannot_sign_is_refused(secret: str) -> None:
    """24 to 64 bytes of base64 behind `whsec_`, as Standard Webhooks say."""
    attributes = json.loads(golden("trunk"))
    attributes["callback_secrets"] = [{"secret": secret}]
    with pytest.raises(ValueError, match="callback_secrets"):
        Trunk.from_bytes(json.dumps(attributes).encode())
