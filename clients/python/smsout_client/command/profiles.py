"""Which gateway a command talks to, and as whom: named profiles in a file that nobody else can read.

```toml
[default]
url = "https://sms.example.com"
username = "…"
password = "…"
log_url = "https://log.example.com"     # where the message log has a port of its own
api_url = "https://panel.example.com"   # the management API's, and a key for it
api_key = "…"
```
"""

import json
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer

from smsout_client.command.telling import Misconfigured, lines, telling
from smsout_client.management import Management
from smsout_client.sync import Client

FILE: Final = "SMSOUT_PROFILES"
NAME: Final = "SMSOUT_PROFILE"
_SECRETS: Final = ("password", "api_key")
_FOR_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

app = typer.Typer(help="Gateways that commands talk to, and as whom.", no_args_is_help=True)

ProfileOption = Annotated[
    str, typer.Option("--profile", envvar=NAME, help="Which gateway, and as whom: see `smsout profiles`.")
]


@dataclass(frozen=True, slots=True)
class Profile:
    """One gateway. A trunk's credentials send and look up; a key of the management API is for trunks."""

    url: str | None = None
    username: str | None = None
    password: str | None = None
    log_url: str | None = None
    api_url: str | None = None
    api_key: str | None = None


def path() -> Path:
    """Return where profiles are: `SMSOUT_PROFILES`, or in the user's folder for settings."""
    if named := os.environ.get(FILE):
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "smsout" / "profiles.toml"


def read() -> dict[str, Profile]:
    """Return all profiles. Raises `Misconfigured` for a file that is none, or that others can read."""
    file = path()
    try:
        with file.open("rb") as opened:
            if os.name == "posix" and stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & _FOR_OTHERS:
                raise Misconfigured(f"others can read the passwords in {file}: chmod 600 {file}")
            found = tomllib.load(opened)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{file} cannot be read: {error}") from None
    return {name: _profile(file, name, told) for name, told in found.items()}


def _profile(file: Path, name: str, told: Any) -> Profile:
    if not isinstance(told, Mapping):
        raise Misconfigured(f"{file}: {name} is no profile; a profile begins with [{name}]")
    known = [it.name for it in fields(Profile)]
    for key, value in told.items():
        if key not in known:
            raise Misconfigured(f"{file}: {key} of {name} is not known; there are {', '.join(known)}")
        if not isinstance(value, str):
            raise Misconfigured(f"{file}: {key} of {name} must be text")
        if key.endswith("url"):
            _check_url(f"{file}: {key} of {name}", value)
    return Profile(**told)


def _check_url(where: str, text: str) -> None:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise Misconfigured(f"{where} is no URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Misconfigured(f"{where} is no URL: it begins with https:// and a host")


def _write(profiles: Mapping[str, Profile]) -> None:
    sections = [
        "\n".join([f"[{_quoted(name)}]", *(f"{key} = {_quoted(it)}" for key, it in asdict(profile).items() if it)])
        for name, profile in profiles.items()
    ]
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    beside.touch(0o600)
    beside.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
    beside.replace(file)


def _quoted(text: str) -> str:
    # A basic string of TOML is one of JSON, without pairs of surrogates and with DEL escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _chosen(name: str) -> Profile:
    profiles = read()
    if name not in profiles:
        there = f"there are {', '.join(profiles)}" if profiles else "there is none yet"
        raise Misconfigured(f"no profile {name} in {path()}, {there}: smsout profiles set {name} --help")
    return profiles[name]


def client(name: str) -> Client:
    """Return a client with a trunk's credentials. Raises `Misconfigured`."""
    it = _chosen(name)
    if it.url is None or it.username is None or it.password is None:
        raise Misconfigured(f"profile {name} has not all of url, username and password: smsout profiles set {name}")
    return Client(it.url, username=it.username, password=it.password, log_url=it.log_url)


def management(name: str) -> Management:
    """Return a client of the management API. Raises `Misconfigured`."""
    it = _chosen(name)
    if it.api_url is None or it.api_key is None:
        raise Misconfigured(f"profile {name} has not both of api_url and api_key: smsout profiles set {name}")
    return Management(it.api_url, api_key=it.api_key)


@app.command("set")
@telling
def set_profile(
    name: Annotated[str, typer.Argument(help="What it is called; `default` is taken where none is named.")],
    url: Annotated[str | None, typer.Option(help="Where messages are sent to.")] = None,
    username: Annotated[str | None, typer.Option(help="A trunk's; its password is asked for.")] = None,
    log_url: Annotated[str | None, typer.Option(help="Where messages are looked up, if elsewhere.")] = None,
    api_url: Annotated[str | None, typer.Option(help="The panel's, for trunks; the API key is asked for.")] = None,
) -> None:
    """Make a profile, or change what is given of one. Secrets are asked for, so that no history keeps them."""
    profiles = read()
    given: dict[str, str | None] = {"url": url, "username": username, "log_url": log_url, "api_url": api_url}
    for key, value in given.items():
        if value is not None and key.endswith("url"):
            _check_url(f"--{key.replace('_', '-')}", value)
    if username is not None:
        given["password"] = typer.prompt("Password", hide_input=True)
    if api_url is not None:
        given["api_key"] = typer.prompt("API key", hide_input=True)
    before = asdict(profiles.get(name, Profile()))
    profiles[name] = Profile(**{**before, **{key: value for key, value in given.items() if value is not None}})
    _write(profiles)
    lines([f"{name} is in {path()}"])


@app.command("list")
@telling
def list_profiles() -> None:
    """Show the profiles, without their secrets."""
    for name, profile in read().items():
        shown = [f"{key} {it}" for key, it in asdict(profile).items() if it and key not in _SECRETS]
        lines([f"{name}: {', '.join(shown) or 'nothing'}"])


@app.command("remove")
@telling
def remove_profile(name: Annotated[str, typer.Argument(help="Which.")]) -> None:
    """Forget a profile."""
    _chosen(name)
    _write({it: profile for it, profile in read().items() if it != name})
