"""Allow-list, then Basic; the trunk comes out, or nothing."""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from agents.serving import authentication
from agents.serving.authentication import Authenticator, basic_credentials
from pipeline.directory.credentials import new_password_verifier, verify, verify_against_nobody
from pipeline.http.client_address import Networks
from schemas.directory.entry import key_of
from schemas.directory.trunk import Trunk
from tests.builders import PEPPER, SEALER, directory_of, trunk_with_password
from tests.unit.agents.ingress.harness import basic

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def authenticator(*trunks: Trunk, trusted: Sequence[str] = ()) -> Authenticator:
    return Authenticator(directory_of(*trunks), PEPPER, Networks(trusted), lambda: NOW)


@pytest.mark.parametrize(
    ("allowed_ips", "peer", "forwarded_for", "allowed"),
    [
        pytest.param((), "203.0.113.9", (), True, id="empty allows all"),
        pytest.param((), None, (), True, id="empty allows the unknown too"),
        pytest.param(("203.0.113.0/24",), "203.0.113.9", (), True, id="in the network"),
        pytest.param(("203.0.113.0/24",), "203.0.114.9", (), False, id="outside"),
        pytest.param(("203.0.113.0/24",), "::ffff:203.0.113.9", (), True, id="mapped"),
        pytest.param(("2001:db8::/32",), "2001:db8::9", (), True, id="v6"),
        pytest.param(("203.0.113.0/24",), None, (), False, id="unknown address"),
        pytest.param(("203.0.113.0/24",), "10.0.0.1", ("203.0.113.9",), True, id="behind a proxy"),
        pytest.param(("203.0.113.0/24",), "10.0.0.1", ("198.51.100.1",), False, id="outside, behind a proxy"),
        pytest.param(("10.0.0.0/8",), "10.0.0.1", ("203.0.113.9",), False, id="the proxy is not the client"),
        pytest.param(("203.0.113.0/24",), "198.51.100.1", ("203.0.113.9",), False, id="a stranger's header"),
        pytest.param(("203.0.113.0/24",), "10.0.0.1", ("203.0.113.9, x",), False, id="garbage"),
        pytest.param(("not a network",), "203.0.113.9", (), False, id="an unreadable list lets nobody in"),
        pytest.param(("not a network", "203.0.113.9"), "203.0.113.9", (), True, id="its readable part counts"),
    ],
)
def test_allow_list(
    allowed_ips: tuple[str, ...], peer: str | None, forwarded_for: tuple[str, ...], allowed: bool
) -> None:
    """Right credentials are not enough from a wrong address."""
    trunk, password = trunk_with_password(allowed_ips=allowed_ips)
    found = authenticator(trunk, trusted=["10.0.0.0/8"]).authenticate(
        basic(trunk.credentials[0].username, password), peer, forwarded_for
    )
    assert (trunk.id if allowed else None) == (found.id if found else None)


def test_a_new_version_of_a_trunk_brings_its_new_list() -> None:
    """The parsed list belongs to one version of the trunk."""
    trunk, password = trunk_with_password(allowed_ips=("203.0.113.0/24",))
    directory = directory_of(trunk)
    door = Authenticator(directory, PEPPER, Networks(()))
    header = basic(trunk.credentials[0].username, password)
    assert door.authenticate(header, "203.0.113.9", ()) is not None

    changed = trunk.model_copy(update={"allowed_ips": ("198.51.100.0/24",)})
    directory.apply(key_of(changed), changed.to_bytes())

    assert door.authenticate(header, "203.0.113.9", ()) is None
    assert door.authenticate(header, "198.51.100.9", ()) is not None


def test_parsed_lists_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trunks come and go for years; what is kept of them does not pile up."""
    monkeypatch.setattr(authentication, "_MAX_PARSED", 3)
    trunks = [trunk_with_password(number, allowed_ips=("203.0.113.0/24",)) for number in range(8)]
    door = authenticator(*(trunk for trunk, _ in trunks))
    for trunk, password in trunks:
        assert door.authenticate(basic(trunk.credentials[0].username, password), "203.0.113.9", ()) is not None
    assert len(door._allow_lists._parsed) <= 3


def test_deleted_trunk_is_unknown() -> None:
    """Its credentials stop working with the record that deletes it."""
    trunk, password = trunk_with_password(deleted_at=NOW)
    header = basic(trunk.credentials[0].username, password)
    assert authenticator(trunk).authenticate(header, "203.0.113.9", ()) is None


@pytest.mark.parametrize("same_username", [True, False])
@pytest.mark.parametrize(("grace", "works"), [(timedelta(seconds=1), True), (timedelta(0), False)])
def test_replaced_password_works_until_its_grace_ends(same_username: bool, grace: timedelta, works: bool) -> None:
    """Old and new both work in the grace period, whether or not the username was renewed too."""
    trunk, old_password = trunk_with_password()
    (old,) = trunk.credentials
    new, new_password = new_password_verifier(
        trunk.id, 2, PEPPER, SEALER, username=old.username if same_username else None
    )
    regenerated = trunk.model_copy(update={"credentials": (new, old.model_copy(update={"valid_until": NOW + grace}))})
    door = authenticator(regenerated)

    assert door.authenticate(basic(new.username, new_password), None, ()) is not None
    assert works == (door.authenticate(basic(old.username, old_password), None, ()) is not None)


def test_unknown_user_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to fail computes exactly one HMAC, so that time does not tell usernames apart."""
    calls: list[str] = []

    def counted(check: Callable[..., bool]) -> Callable[..., bool]:
        def counting(*arguments: object) -> bool:
            calls.append("hmac")
            return check(*arguments)

        return counting

    monkeypatch.setattr(authentication, "verify", counted(verify))
    monkeypatch.setattr(authentication, "verify_against_nobody", counted(verify_against_nobody))
    trunk, password = trunk_with_password(allowed_ips=("192.0.2.1",))
    username = trunk.credentials[0].username
    door = authenticator(trunk)

    for header in (basic("nobody-here", password), basic(username, "wrong"), basic(username, password), ""):
        assert door.authenticate(header, "203.0.113.9", ()) is None
    assert calls == ["hmac"] * 4


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic dXNlcjpwYXNz", ("user", "pass")),
        ("basic dXNlcjpwYXNz", ("user", "pass")),
        ("BASIC  dXNlcjpwYXNz ", ("user", "pass")),
        ("Basic " + base64.b64encode(b"user:pa:ss").decode(), ("user", "pa:ss")),
        ("Basic " + base64.b64encode("üser:päss".encode()).decode(), ("üser", "päss")),
        ("Basic " + base64.b64encode("üser:päss".encode("latin-1")).decode(), ("", "")),
        ("Basic " + base64.b64encode(b":").decode(), ("", "")),
        ("Basic dXNlcg==", ("", "")),
        ("Basic dXNl cjpwYXNz", ("", "")),
        ("Basic *", ("", "")),
        ("Basic \udcff", ("", "")),
        ("Basic", ("", "")),
        ("Bearer dXNlcjpwYXNz", ("", "")),
        ("", ("", "")),
    ],
)
def test_basic_credentials(header: str, expected: tuple[str, str]) -> None:
    """Scheme without case, base64 without tolerance, UTF-8, the first colon."""
    assert expected == basic_credentials(header)
