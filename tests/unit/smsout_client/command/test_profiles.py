"""Which gateway a command talks to: read strictly, written for nobody else to read."""

import json
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smsout_client.command import profiles
from smsout_client.command.profiles import Profile

from tests.unit.smsout_client.command.console import Console


def test_a_profile_is_made_changed_shown_and_forgotten(console: Console) -> None:
    """What is not given stays; secrets are asked for and not shown."""
    console.file.unlink()
    made = console.run("profiles", "set", "default", "--url", "https://a.example", "--username", "u", typed='p"\\w\n')
    assert made.exit_code == 0, made.output
    changed = console.run("profiles", "set", "default", "--api-url", "https://panel.example", typed="key\n")
    assert changed.exit_code == 0, changed.output
    assert tomllib.loads(console.file.read_text()) == {
        "default": {
            "url": "https://a.example", "username": "u", "password": 'p"\\w', "api_url": "https://panel.example",
            "api_key": "key",
        }
    }  # fmt: skip
    assert stat.S_IMODE(console.file.stat().st_mode) == 0o600
    listed = console.run("profiles", "list").output
    assert listed == "default: url https://a.example, username u, api_url https://panel.example\n"
    assert console.run("profiles", "remove", "default").exit_code == 0
    assert console.run("profiles", "list").output == ""


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(st.dictionaries(_TEXTS, st.builds(Profile, username=_TEXTS, password=_TEXTS), max_size=3))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, written: dict[str, Profile]) -> None:
    """Whatever names and passwords are made of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMSOUT_PROFILES", str(tmp_path_factory.getbasetemp() / "any.toml"))
        profiles._write(written)
        assert profiles.read() == written


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[default", "cannot be read"),
        ('default = "x"', "default is no profile"),
        ('[default]\npasswort = "x"', "passwort of default is not known; there are url, username"),
        ("[default]\nusername = 3", "username of default must be text"),
        ('[default]\nurl = "sms.example.com"', "url of default is no URL"),
        ('[default]\nurl = "https://[::1"', "url of default is no URL"),
        ('[default]\nurl = "https://a.example"', "has not all of url, username and password"),
        ("[other]", "no profile default in"),
    ],
)
def test_a_wrong_file_is_refused_with_place_and_reason(console: Console, text: str, told: str) -> None:
    """Exit code 78, one line, no secret in it."""
    console.write(text)
    ended = console.run("send", "--from", "1", "--to", "2", "text")
    assert (ended.exit_code, ended.stdout, told in ended.stderr) == (78, "", True), ended.output
    assert ended.stderr.startswith("smsout: ")


def test_a_file_that_others_can_read_is_refused(console: Console) -> None:
    """It says how to mend that."""
    console.write("[default]", 0o640)
    ended = console.run("messages", "list")
    assert (ended.exit_code, f"chmod 600 {console.file}" in ended.stderr) == (78, True)


def test_a_key_is_asked_for_where_trunks_are(console: Console) -> None:
    """A trunk's credentials are none for the management API."""
    console.write('[default]\nurl = "https://a.example"\nusername = "u"\npassword = "p"')
    ended = console.run("trunks", "list")
    assert (ended.exit_code, "not both of api_url and api_key" in ended.stderr) == (78, True)


def test_profiles_are_where_settings_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder of the XDG base directory specification, `~/.config` without one."""
    monkeypatch.delenv("SMSOUT_PROFILES", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert profiles.path() == tmp_path / "smsout" / "profiles.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert profiles.path() == tmp_path / ".config" / "smsout" / "profiles.toml"
    assert json.dumps(profiles.read()) == "{}"
