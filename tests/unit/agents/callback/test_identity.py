"""What a trunk's POSTs show beside the signature."""

from base64 import b64decode
from typing import Any, Final

import pytest

from agents.callback.identity import Identities
from pipeline.directory.callback_secrets import CallbackSealer, with_secrets
from pipeline.directory.key_file import SealingKey
from pipeline.errors import Refused
from schemas.directory.callback_options import CallbackOptions
from schemas.directory.trunk import Trunk
from tests.builders import trunk, uuid
from tests.fakes.certificates import Authority

SEALER: Final = CallbackSealer([SealingKey("k", b"k" * 32)])
AUTHORITY: Final = Authority()


def told(number: int = 11, secrets: dict[str, str] | None = None, **options: Any) -> Trunk:
    return trunk(number, callbacks=with_secrets(uuid(number), CallbackOptions(**options), secrets or {}, SEALER))


def test_a_trunk_that_wants_nothing_shows_nothing() -> None:
    """And nothing is remembered of it."""
    assert Identities(SEALER).of(trunk()) is None
    assert Identities(None).of(trunk()) is None


def test_credentials_become_one_header() -> None:
    """Basic in UTF-8, whatever the password holds; Bearer as it is; beside the trunk's own headers."""
    identities = Identities(SEALER)
    basic = identities.of(told(secrets={"password": "pä:ss"}, username="us"))
    assert basic is not None
    kind, _, encoded = basic.headers["authorization"].partition(" ")
    assert (kind, b64decode(encoded).decode()) == ("Basic", "us:pä:ss")
    bearer = identities.of(told(secrets={"token": "abc.def="}, headers={"X-A": "1"}))
    assert bearer is not None
    assert bearer.headers == {"X-A": "1", "authorization": "Bearer abc.def="}
    assert bearer.tls is None


def test_a_context_is_made_once_for_a_trunk_as_it_is() -> None:
    """Connections are shared by it. Another state of the trunk has another one, and so has another trunk."""
    identities, ours = Identities(SEALER), told(ca=AUTHORITY.pem)
    first, again, theirs = identities.of(ours), identities.of(ours), identities.of(told(12, ca=AUTHORITY.pem))
    assert first is not None
    assert first is again
    assert theirs is not None
    assert first.tls is not theirs.tls
    changed = identities.of(ours.model_copy(update={"name": "other"}))
    assert changed is not None
    assert changed.tls is not first.tls


def test_those_that_were_used_last_are_kept() -> None:
    """Memory is bounded, however many trunks have certificates."""
    identities = Identities(SEALER, max_trunks=2)
    trunks = [told(number, ca=AUTHORITY.pem) for number in (11, 12, 13)]
    kept = [identities.of(it) for it in trunks]
    assert identities.of(trunks[2]) is kept[2]
    assert identities.of(trunks[1]) is kept[1]
    assert identities.of(trunks[0]) is not kept[0]


@pytest.mark.parametrize(
    "options",
    [
        CallbackOptions(ca="no certificate"),
        CallbackOptions(secrets=(SEALER.seal(uuid(12), "token", "another's"),)),
        CallbackOptions(client_certificate="nor this", secrets=(SEALER.seal(uuid(11), "client_key", "key"),)),
    ],
)
def test_what_cannot_be_used_is_told(options: CallbackOptions) -> None:
    """Nothing is posted without what its trunk wants it to show."""
    with pytest.raises(Refused, match="credentials of callbacks cannot be used"):
        Identities(SEALER).of(trunk(callbacks=options))
    with pytest.raises(Refused):
        Identities(None).of(trunk(callbacks=options))
