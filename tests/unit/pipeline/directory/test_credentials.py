"""Trunk passwords: who can check one, who can reveal one, and what hostile input does to either."""

import base64
import hashlib
import hmac
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from pipeline.directory.credentials import (
    PASSWORD_BYTES,
    USERNAME_ALPHABET,
    USERNAME_LENGTH,
    PasswordSealer,
    new_callback_secret,
    new_password_verifier,
    verify,
    verify_against_nobody,
)
from pipeline.directory.key_file import SealingKey
from pipeline.errors import ConfigurationError, SecretUnreadable
from schemas.directory.trunk import PasswordVerifier

TRUNK = "01900000-0000-7000-8000-000000000001"
OTHER_TRUNK = "01900000-0000-7000-8000-000000000002"
PEPPER = b"pepper of at least 32 characters"
OLD = SealingKey("old", b"o" * 32)
NEW = SealingKey("new", b"n" * 32)


@pytest.fixture
def sealer() -> PasswordSealer:
    return PasswordSealer([OLD])


def test_a_new_credential_is_random_and_readable(sealer: PasswordSealer) -> None:
    """Username and password are new each time, of 64 and 128 bits at least, and fit for Basic authentication."""
    made = [new_password_verifier(TRUNK, 1, PEPPER, sealer) for _ in range(50)]
    assert len({verifier.username for verifier, _ in made}) == 50
    assert len({password for _, password in made}) == 50
    for verifier, password in made:
        assert len(verifier.username) == USERNAME_LENGTH
        assert set(verifier.username) <= set(USERNAME_ALPHABET)
        assert len(base64.urlsafe_b64decode(password)) == PASSWORD_BYTES
        assert password not in verifier.model_dump_json()
    assert len(USERNAME_ALPHABET) ** USERNAME_LENGTH > 2**64
    assert PASSWORD_BYTES * 8 >= 128


def test_a_username_can_be_kept(sealer: PasswordSealer) -> None:
    """Regenerating a password leaves the username alone when it is given."""
    verifier, _ = new_password_verifier(TRUNK, 7, PEPPER, sealer, username="kept-username")
    assert (verifier.username, verifier.version) == ("kept-username", 7)


def test_the_hmac_is_over_trunk_version_and_password(sealer: PasswordSealer) -> None:
    """The verifier can be checked by any program that knows the pepper: HMAC-SHA256, parts separated by NUL."""
    verifier, password = new_password_verifier(TRUNK, 3, PEPPER, sealer)
    expected = hmac.new(PEPPER, f"{TRUNK}\0003\0{password}".encode(), hashlib.sha256).hexdigest()
    assert expected == verifier.hmac


def test_only_the_right_password_of_the_right_trunk_and_version_is_accepted(sealer: PasswordSealer) -> None:
    """A verifier copied to another trunk, version or installation accepts nothing."""
    verifier, password = new_password_verifier(TRUNK, 1, PEPPER, sealer)
    assert verify(verifier, TRUNK, password, PEPPER) is True
    assert verify(verifier, TRUNK, password + "x", PEPPER) is False
    assert verify(verifier, TRUNK, password.swapcase(), PEPPER) is False
    assert verify(verifier, OTHER_TRUNK, password, PEPPER) is False
    assert verify(verifier.model_copy(update={"version": 2}), TRUNK, password, PEPPER) is False
    assert verify(verifier, TRUNK, password, b"another pepper") is False


@pytest.mark.parametrize(
    "password",
    ["", "\0", "\ud800", "пароль", "\U0001f600" * 300, "x" * 257, "x" * 5_000_000, "a:b:c", "\r\n"],
    ids=["empty", "nul", "surrogate", "cyrillic", "emoji", "too long", "megabytes", "colons", "line break"],
)
def test_any_text_is_just_a_wrong_password(sealer: PasswordSealer, password: str) -> None:
    """Nothing that a client can send as a password raises."""
    verifier, _ = new_password_verifier(TRUNK, 1, PEPPER, sealer)
    assert verify(verifier, TRUNK, password, PEPPER) is False
    assert verify_against_nobody(password, PEPPER) is False


def test_an_unknown_user_costs_the_same(sealer: PasswordSealer, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a username that nobody has the same digest is computed and compared as for a wrong password."""
    verifier, _ = new_password_verifier(TRUNK, 1, PEPPER, sealer)
    work: list[tuple[str, int]] = []
    digest, compare = hmac.new(PEPPER, digestmod="sha256"), hmac.compare_digest

    class Counted:
        def copy(self) -> "Counted":
            return self

        def update(self, framed: bytes) -> None:
            work.append(("digest", len(framed)))

        def hexdigest(self) -> str:
            return digest.hexdigest()

    def counted(one: str, other: str) -> bool:
        work.append(("compare", len(one) + len(other)))
        return compare(one, other)

    monkeypatch.setattr("pipeline.directory.credentials._keyed", lambda _: Counted())
    monkeypatch.setattr("pipeline.directory.credentials.hmac.compare_digest", counted)
    for password in ("wrong", "x" * 100_000):
        work.clear()
        verify(verifier, TRUNK, password, PEPPER)
        known = work.copy()
        work.clear()
        verify_against_nobody(password, PEPPER)
        assert known == work
        assert [name for name, _ in work] == ["digest", "compare"]


def test_nobody_has_no_password_even_when_the_digest_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check against nobody is False by construction, not by luck."""
    monkeypatch.setattr("pipeline.directory.credentials.hmac.compare_digest", lambda *_: True)
    assert verify_against_nobody("anything", PEPPER) is False


def test_a_sealed_password_opens_for_its_trunk(sealer: PasswordSealer) -> None:
    """The panel shows what was generated; two seals of one password look different."""
    verifier, password = new_password_verifier(TRUNK, 1, PEPPER, sealer)
    assert password == sealer.open(TRUNK, verifier)
    assert sealer.seal(TRUNK, 1, password) != sealer.seal(TRUNK, 1, password)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: {"version": 2},
        lambda v: {"key_id": "new"},
        lambda v: {"key_id": "unknown"},
        lambda v: {"sealed": ""},
        lambda v: {"sealed": "not base64!"},
        lambda v: {"sealed": v.sealed[:16]},
        lambda v: {"sealed": base64.b64encode(b"\0" * 60).decode()},
    ],
    ids=["version", "key", "unknown key", "empty", "not base64", "nonce only", "other bytes"],
)
def test_a_changed_seal_does_not_open(change: Callable[[PasswordVerifier], dict[str, object]]) -> None:
    """A seal is bound to trunk, version and key: anything else is a clear error of our own."""
    sealer = PasswordSealer([OLD, NEW])
    verifier, password = new_password_verifier(TRUNK, 1, PEPPER, sealer)
    with pytest.raises(SecretUnreadable) as raised:
        sealer.open(TRUNK, verifier.model_copy(update=change(verifier)))
    assert TRUNK in str(raised.value)
    assert password not in str(raised.value)
    with pytest.raises(SecretUnreadable):
        sealer.open(OTHER_TRUNK, verifier)


def test_no_single_changed_byte_opens(sealer: PasswordSealer) -> None:
    """Nonce, ciphertext and tag are all authenticated."""
    verifier, _ = new_password_verifier(TRUNK, 1, PEPPER, sealer)
    sealed = base64.b64decode(verifier.sealed)
    for index in range(len(sealed)):
        changed = bytes(byte ^ (at == index) for at, byte in enumerate(sealed))
        with pytest.raises(SecretUnreadable):
            sealer.open(TRUNK, verifier.model_copy(update={"sealed": base64.b64encode(changed).decode()}))


def test_keys_rotate() -> None:
    """A new first key seals; passwords sealed with an older key still open as long as it is in the file."""
    verifier, password = new_password_verifier(TRUNK, 1, PEPPER, PasswordSealer([OLD]))
    rotated = PasswordSealer([NEW, OLD])
    assert password == rotated.open(TRUNK, verifier)
    assert new_password_verifier(TRUNK, 2, PEPPER, rotated)[0].key_id == "new"
    with pytest.raises(SecretUnreadable, match="'old', which we do not have"):
        PasswordSealer([NEW]).open(TRUNK, verifier)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [([], "no key"), ([SealingKey("k", b"short")], "32 bytes"), ([OLD, OLD], "same name")],
)
def test_unusable_keys_are_refused(keys: list[SealingKey], problem: str) -> None:
    """A key file without keys, with a short one or an ambiguous name is a configuration error."""
    with pytest.raises(ConfigurationError, match=problem):
        PasswordSealer(keys)


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    """First use makes a file that its owner alone can read, in a folder of the same kind; later uses read it."""
    path = tmp_path / "new" / "keys"
    first = PasswordSealer.from_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["keys"]
    verifier, password = new_password_verifier(TRUNK, 1, PEPPER, first)
    assert password == PasswordSealer.from_file(path).open(TRUNK, verifier)


def test_two_first_starts_share_one_key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second uses the first one's key instead of overwriting it."""
    path = tmp_path / "keys"
    first = PasswordSealer.from_file(path)
    monkeypatch.setattr(Path, "exists", lambda _: False)  # it looked before the first one was done
    second = PasswordSealer.from_file(path)
    assert first.current_key_id == second.current_key_id
    assert [file.name for file in tmp_path.iterdir()] == ["keys"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o610])
def test_a_key_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    """Group or world access of any kind is a configuration error that says what to do."""
    path = tmp_path / "keys"
    PasswordSealer.from_file(path)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        PasswordSealer.from_file(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no key"),
        (b"# only a comment\n\n", "no key"),
        (b"k1 notbase64!\n", "line 1"),
        (b"# c\nk1\n", "line 2"),
        (b"k1 c2hvcnQ=\n", "line 1"),
        (b"\xff\xfe\n", "line 1"),
        (b"k1 " + b"A" * 70_000, "larger than"),
    ],
    ids=["empty", "comment", "not base64", "no key", "short", "binary", "large"],
)
def test_a_broken_key_file_is_refused_without_quoting_it(tmp_path: Path, content: bytes, problem: str) -> None:
    """The message names file and line, never what stands there: it may be a key."""
    path = tmp_path / "keys"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=problem) as raised:
        PasswordSealer.from_file(path)
    assert "notbase64" not in str(raised.value)


def test_a_folder_is_no_key_file(tmp_path: Path) -> None:
    """What cannot be read as a file is a configuration error that names the setting."""
    with pytest.raises(ConfigurationError, match="SMSOUT_KEY_FILE"):
        PasswordSealer.from_file(tmp_path)


def test_a_callback_secret_is_what_standard_webhooks_takes() -> None:
    """Secrets are new each time, 32 bytes, and in the form that the reference library reads."""
    secrets = {new_callback_secret().secret for _ in range(20)}
    assert len(secrets) == 20
    for secret in secrets:
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
        Webhook(secret)
