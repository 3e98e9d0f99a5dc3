"""What a trunk says about itself."""

import json

import pytest

from schemas.directory.trunk import Trunk
from tests.builders import trunk
from tests.contract.golden_records import GOLDEN


def test_the_current_credentials_come_first() -> None:
    """Those in grace come after them."""
    rotated = Trunk.from_bytes((GOLDEN / "trunk-v1.jsonl").read_bytes().splitlines()[1])
    assert [it.version for it in rotated.credentials] == [2, 1]


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_short", "whsec_" + "A" * 31, "whsec_" + "A" * 89 + "==", "WHSEC_" + "A" * 32]
)
def test_a_callback_secret_that_cannot_sign_is_refused(secret: str) -> None:
    """24 to 64 bytes of base64 behind `whsec_`, as Standard Webhooks say."""
    attributes = json.loads(trunk().to_bytes())
    attributes["callback_secrets"] = [{"secret": secret}]
    with pytest.raises(ValueError, match="callback_secrets"):
        Trunk.from_bytes(json.dumps(attributes).encode())
