"""Secrets of carriers are sealed for one carrier and one name, and shown nowhere."""

from pathlib import Path
from typing import Final

import pytest

from pipeline.directory.carrier_secrets import CarrierSealer, secrets_of
from pipeline.directory.key_file import SealingKey
from pipeline.errors import ConfigurationError, SecretUnreadable
from tests.builders import carrier, uuid

SEALER: Final = CarrierSealer([SealingKey("new", b"n" * 32), SealingKey("old", b"o" * 32)])


def test_a_secret_comes_back_to_its_carrier_alone() -> None:
    """Another carrier, another name, another key or a changed byte open nothing."""
    sealed = SEALER.seal(uuid(21), "token", "geheim ☃")
    assert secrets_of(carrier(secrets=(sealed,)), SEALER) == {"token": "geheim ☃"}
    assert "geheim" not in repr(sealed)
    changed = sealed.sealed[:-2] + ("AA" if sealed.sealed[-2:] != "AA" else "BB")
    for stolen in (
        carrier(22, secrets=(sealed,)),
        carrier(secrets=(sealed.model_copy(update={"name": "password"}),)),
        carrier(secrets=(sealed.model_copy(update={"key_id": "old"}),)),
        carrier(secrets=(sealed.model_copy(update={"key_id": "lost"}),)),
        carrier(secrets=(sealed.model_copy(update={"sealed": changed}),)),
    ):
        with pytest.raises(SecretUnreadable) as refused:
            secrets_of(stolen, SEALER)
        assert "geheim" not in str(refused.value)


def test_old_keys_open_and_the_first_seals() -> None:
    """A key is changed by putting a new one before it."""
    before = CarrierSealer([SealingKey("old", b"o" * 32)]).seal(uuid(21), "token", "x")
    assert secrets_of(carrier(secrets=(before,)), SEALER) == {"token": "x"}
    assert SEALER.seal(uuid(21), "token", "x").key_id == "new"
    assert SEALER.seal(uuid(21), "token", "x").sealed != SEALER.seal(uuid(21), "token", "x").sealed


def test_without_a_key_only_carriers_without_secrets_work() -> None:
    """And the error says which setting is missing."""
    assert secrets_of(carrier(), None) == {}
    with pytest.raises(SecretUnreadable, match="SMSOUT_CARRIER_KEY_FILE"):
        secrets_of(carrier(secrets=(SEALER.seal(uuid(21), "a", "b"),)), None)


def test_delivery_makes_no_key(tmp_path: Path) -> None:
    """One that it made would open nothing; the panel's is found."""
    path = tmp_path / "carrier-keys"
    assert CarrierSealer.opening(None) is None
    with pytest.raises(ConfigurationError, match="is not there"):
        CarrierSealer.opening(path)
    made = CarrierSealer.from_file(path, make=True)
    assert path.stat().st_mode & 0o777 == 0o600
    opened = CarrierSealer.opening(path)
    assert opened is not None
    assert opened.open(uuid(21), made.seal(uuid(21), "a", "b")) == "b"
