"""The demo directory: what it holds, and how its URLs follow the ports."""

import os
import stat
from pathlib import Path

import pytest

from agents.local.up.installation.demo import NOT_P2P, SOURCES, Demo, DemoUrls, moved, new_demo
from agents.local.up.summary import first_message, summary
from pipeline.directory.credentials import PasswordSealer, verify
from pipeline.directory.key_file import SealingKey
from pipeline.directory.model import Directory
from pipeline.directory.rules.check import check
from pipeline.errors import ConfigurationError
from schemas.directory.account import Did
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.directory.entry import DirectoryEntry, key_of
from schemas.directory.route import Route
from schemas.directory.trunk import Trunk

PEPPER = b"p" * 32
HERE = DemoUrls("http://127.0.0.1:8090/inbox/demo", "http://127.0.0.1:8090/carrier/segments")
THERE = DemoUrls("http://127.0.0.1:9999/inbox/demo", "http://127.0.0.1:9999/carrier/segments")


def directory_of(entries: list[DirectoryEntry]) -> Directory:
    directory = Directory()
    for entry in entries:
        directory.apply(key_of(entry), entry.to_bytes())
    return directory


@pytest.fixture
def made() -> tuple[Demo, list[DirectoryEntry]]:
    return new_demo(PEPPER, PasswordSealer([SealingKey("k", os.urandom(32))]), HERE)


def test_a_first_message_can_be_sent(made: tuple[Demo, list[DirectoryEntry]]) -> None:
    """Two numbers may send and one may not, the trunk's password works, every destination has a priced route."""
    demo, entries = made
    check(entries, Directory())  # the rules that every writer keeps
    directory = directory_of(entries)
    assert {did.number: did.p2p_enabled for did in directory.entries(Did)} == {
        "12125551234": True,
        "12125551235": True,
        "12125551236": False,
    }
    assert (*SOURCES, NOT_P2P) == ("12125551234", "12125551235", "12125551236")
    trunk = directory.trunk_by_username(demo.username)
    assert trunk is not None
    assert verify(trunk.credentials[0], trunk.id, demo.password, PEPPER)
    assert (trunk.callback_url, trunk.callback_secrets[0].secret) == (HERE.callback_url, demo.callback_secret)
    ((route,),) = directory.routes_for(trunk.account_id, SOURCES[0], "15551234567")
    assert route.price_per_segment is not None
    carrier = directory.carrier(route.carrier_id)
    assert carrier is not None
    assert (carrier.url, carrier.in_doubt_policy) == (HERE.carrier_url, InDoubtPolicy.RESEND_WITH_KEY)


def test_urls_follow_the_ports(made: tuple[Demo, list[DirectoryEntry]]) -> None:
    """At new ports the trunk and the carrier change, at the same ones nothing does."""
    demo, entries = made
    directory = directory_of(entries)
    assert moved(demo, directory, HERE) == (demo, [])
    there, changes = moved(demo, directory, THERE)
    assert (there.callback_url, there.carrier_url) == THERE
    assert [type(change) for change in changes] == [Trunk, Carrier]
    for change in changes:
        directory.apply(key_of(change), change.to_bytes())
    assert there.as_trunk(directory) == {
        "id": demo.trunk_id,
        "username": demo.username,
        "password": demo.password,
        "sources": list(SOURCES),
        "callback_url": THERE.callback_url,
        "callback_secret": demo.callback_secret,
    }
    assert moved(there, directory, THERE) == (there, [])


def test_what_somebody_else_has_set_stays(made: tuple[Demo, list[DirectoryEntry]]) -> None:
    """A callback URL that was changed by hand, and a deleted carrier, are left alone."""
    demo, entries = made
    mine = "https://example.com/hook"
    changed: list[DirectoryEntry] = [
        entry.model_copy(update={"callback_url": mine}) if isinstance(entry, Trunk) else entry
        for entry in entries
        if not isinstance(entry, Carrier | Route)
    ]
    directory = directory_of(changed)
    assert moved(demo, directory, THERE) == (demo, [])
    assert (demo.as_trunk(directory) or {})["callback_url"] == mine


def test_a_deleted_demo_trunk_is_not_shown(made: tuple[Demo, list[DirectoryEntry]]) -> None:
    """Out of service, or gone altogether: no credentials are printed that would be refused."""
    demo, entries = made
    directory = directory_of(entries)
    trunk = directory.trunk(demo.trunk_id)
    assert trunk is not None
    gone = trunk.model_copy(update={"deleted_at": trunk.created_at})
    directory.apply(key_of(gone), gone.to_bytes())
    assert demo.as_trunk(directory) is None
    assert demo.as_trunk(Directory()) is None


def test_the_file_is_private_and_read_back(made: tuple[Demo, list[DirectoryEntry]], tmp_path: Path) -> None:
    """demo.json holds secrets: mode 0600. A damaged one is an error that names it."""
    demo, _ = made
    path = tmp_path / "demo.json"
    assert Demo.load(path) is None
    demo.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Demo.load(path) == demo
    path.write_text("{")
    with pytest.raises(ConfigurationError, match=r"demo\.json cannot be read"):
        Demo.load(path)


def test_the_summary_has_a_line_to_paste(made: tuple[Demo, list[DirectoryEntry]]) -> None:
    """The curl line is one shell command with the trunk's credentials; the inbox URL follows."""
    demo, entries = made
    ready = {
        "ingress_url": "http://127.0.0.1:8080",
        "panel_url": "http://127.0.0.1:8081",
        "message_log_url": "http://127.0.0.1:8082",
        "simulator_url": "http://127.0.0.1:8090",
        "bootstrap_servers": "127.0.0.1:9092",
        "broker": "apache",
        "metrics": {"ingress": "http://127.0.0.1:9101/metrics"},
        "trunk": demo.as_trunk(directory_of(entries)),
    }
    line = first_message(ready)
    assert line.startswith(f"curl -i -u {demo.username}:{demo.password} -H ")
    assert line.endswith(" http://127.0.0.1:8080/outbound_messages")
    text = summary(ready, "/data", "/data/logs/up.log")
    assert f"\n  {line}\n" in text
    assert f"\n  curl {HERE.callback_url}\n" in text
    assert "/data/logs/up.log" in text
    people = {"username": "op@x", "password": "p1", "api_key": "k", "owner_username": "own@x", "owner_password": "p2"}
    told = summary({**ready, "panel": people}, "/data", "/data/logs/up.log")
    assert "operator           op@x  p1\n" in told
    assert "owner of the demo  own@x  p2\n" in told
    del ready["trunk"]
    assert "curl" not in summary(ready, "/data", "/data/logs/up.log")
