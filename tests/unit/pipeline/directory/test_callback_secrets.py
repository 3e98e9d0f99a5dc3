"""What callbacks show who they are by: sealed, and for one trunk alone."""

from pathlib import Path
from typing import Final

import pytest

from pipeline.directory.callback_secrets import CallbackSealer, CallbackSecrets, secrets_of, tls_of, with_secrets
from pipeline.directory.carrier_secrets import CarrierSealer
from pipeline.directory.key_file import SealingKey
from pipeline.errors import ConfigurationError, RuleViolated, SecretUnreadable
from schemas.directory.callback_options import CallbackOptions
from tests.builders import trunk, uuid
from tests.fakes.certificates import Authority

SEALER: Final = CallbackSealer([SealingKey("k", b"k" * 32)])
OURS: Final = Authority().issue("us")
OTHERS: Final = Authority().issue("others")


def test_a_secret_is_opened_for_its_trunk_alone() -> None:
    """Not for another one, not under another name, and not as a carrier's."""
    options = with_secrets(uuid(11), CallbackOptions(username="u"), {"password": "pässword ☃"}, SEALER)
    ours = trunk(11, callbacks=options)
    assert secrets_of(ours, SEALER) == CallbackSecrets(password="pässword ☃")
    assert "pässword" not in ours.to_bytes().decode()
    (sealed,) = options.secrets or ()
    for stolen in (trunk(12, callbacks=options), trunk(11, callbacks=CallbackOptions(secrets=(
        sealed.model_copy(update={"name": "token"}),
    )))):  # fmt: skip
        with pytest.raises(SecretUnreadable, match="another callback's"):
            secrets_of(stolen, SEALER)
    with pytest.raises(SecretUnreadable):
        CarrierSealer([SealingKey("k", b"k" * 32)]).open(uuid(11), sealed)


def test_without_a_key_only_trunks_without_secrets_have_theirs(tmp_path: Path) -> None:
    """An installation without the key can do all but keep secrets; a file that has gone is told."""
    assert secrets_of(trunk(), None) == secrets_of(trunk(callbacks=CallbackOptions()), None) == CallbackSecrets()
    options = with_secrets(uuid(11), CallbackOptions(), {"token": "x"}, SEALER)
    with pytest.raises(SecretUnreadable, match="SMSOUT_CALLBACK_KEY_FILE"):
        secrets_of(trunk(callbacks=options), None)
    with pytest.raises(RuleViolated) as refused:
        with_secrets(uuid(11), CallbackOptions(), {"token": "x"}, None)
    assert refused.value.problems == [
        (
            "secrets/token",
            "cannot be kept: the installation has no key for the secrets of callbacks (SMSOUT_CALLBACK_KEY_FILE)",
        )
    ]
    assert CallbackSealer.making(None) is CallbackSealer.opening(None) is None
    with pytest.raises(ConfigurationError, match="SMSOUT_CALLBACK_KEY_FILE"):
        CallbackSealer.opening(tmp_path / "keys")
    made, opening = CallbackSealer.making(tmp_path / "keys"), CallbackSealer.opening(tmp_path / "keys")
    assert made is not None
    assert opening is not None
    assert opening.open(uuid(1), made.seal(uuid(1), "token", "x")) == "x"


def test_secrets_stay_until_they_are_given_anew() -> None:
    """An empty one goes."""
    first = with_secrets(uuid(11), CallbackOptions(), {"password": "1", "token": "2"}, SEALER)
    then = with_secrets(uuid(11), first, {"token": "3"}, SEALER)
    assert secrets_of(trunk(callbacks=then), SEALER) == CallbackSecrets("1", "3")
    assert with_secrets(uuid(11), then, {"password": "", "token": "", "client_key": ""}, SEALER).secrets is None


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("password", "line\nbreak", "control characters"),
        ("password", "x" * 4097, "longer than 4096"),
        ("token", "with space", "printable ASCII without spaces"),
        ("token", "a\r\nInjected: 1", "printable ASCII"),
        ("token", "schlüssel", "printable ASCII"),
        ("client_key", "x" * 16_385, "longer than 16384"),
        ("passphrase", "x", "is no secret of callbacks"),
    ],
)
def test_secrets_that_are_refused(name: str, value: str, problem: str) -> None:
    """Whatever could not be sent as it is; the problem does not quote it."""
    with pytest.raises(RuleViolated) as refused:
        with_secrets(uuid(11), CallbackOptions(), {name: value}, SEALER)
    ((where, what),) = refused.value.problems
    assert (where, problem in what, value in what) == (f"secrets/{name}", True, False)


@pytest.mark.parametrize("kept", [False, True])
def test_a_certificate_and_its_key_are_a_pair(kept: bool) -> None:
    """Asked while the key is in clear: when it is given, and when another certificate comes to one that was kept."""
    fits = CallbackOptions(client_certificate=OURS.certificate)
    sealed = with_secrets(uuid(11), fits, {"client_key": OURS.key}, SEALER)
    assert tls_of(sealed, secrets_of(trunk(callbacks=sealed), SEALER)) is not None
    update = {"client_certificate": OTHERS.certificate}
    options, given = (sealed.model_copy(update=update), {}) if kept else (fits, {"client_key": OTHERS.key})
    with pytest.raises(RuleViolated) as refused:
        with_secrets(uuid(11), options, given, SEALER)
    assert [where for where, _ in refused.value.problems] == ["secrets/client_key"]


def test_without_certificates_connections_are_as_usual() -> None:
    """Nothing is made for them."""
    assert tls_of(CallbackOptions(username="u"), CallbackSecrets(password="p")) is None
