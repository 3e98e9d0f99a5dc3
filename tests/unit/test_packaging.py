"""What is installed is ours, and the files that say which version this is agree."""

import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "python" / "smsout_client"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]


@pytest.mark.parametrize("name", ["schemas", "pipeline", "agents"])
def test_the_three_packages_are_ours(name: str) -> None:
    """Their names are common words: another distribution that brings one of them must be noticed."""
    module = importlib.import_module(name)
    assert module.__file__ is not None
    # An editable install lists no files, so it is not in the table; a rival would be.
    assert importlib.metadata.packages_distributions().get(name, ["smsout"]) == ["smsout"]


def test_console_scripts_lead_somewhere() -> None:
    """What pip writes to bin/ can be loaded."""
    scripts = importlib.metadata.distribution("smsout").entry_points.select(group="console_scripts")
    assert [(script.name, callable(script.load())) for script in scripts] == [("smsout", True)]


def test_the_changelog_begins_with_the_version_of_the_project() -> None:
    """A release is not named twice."""
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == PROJECT["version"]


def locked(file: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", (ROOT / file).read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


JAVA, INTEROP, TRACING = (
    [Requirement(line) for line in PYPROJECT["dependency-groups"][it]] for it in ("java", "interop", "tracing")
)


def wanted(*extras: str) -> list[Requirement]:
    lines = [*PROJECT["dependencies"], *PYPROJECT["build-system"]["requires"]]
    lines += [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("requirements.lock", ("broker", "build")),
        ("requirements-dev.lock", ("broker", "build", "dev")),
    ],
)
def test_the_lock_holds_what_the_project_asks_for(file: str, extras: tuple[str, ...]) -> None:
    """After a change of pyproject.toml `make lock` was run."""
    pins = locked(file)
    for requirement in wanted(*extras):
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} is not in {file}: run `make lock`"
        assert requirement.specifier.contains(pins[name]), f"{name} {pins[name]} in {file}: run `make lock`"


def test_the_java_is_locked_alone() -> None:
    """`make setup` installs it where it is needed, over what is there already."""
    pins = locked("requirements-java.lock")
    assert list(pins) == [canonicalize_name(requirement.name) for requirement in JAVA]
    assert all(requirement.specifier.contains(pins[requirement.name]) for requirement in JAVA)


def test_what_interop_drives_is_locked() -> None:
    """In a lock of its own, because it needs old releases of what we use."""
    pins = locked("requirements-interop.lock")
    assert all(requirement.specifier.contains(pins[requirement.name]) for requirement in INTEROP)


def test_what_sends_traces_is_locked_beside_the_rest() -> None:
    """The image has both in one environment."""
    pins, runtime = locked("requirements-tracing.lock"), locked("requirements.lock")
    assert all(requirement.specifier.contains(pins[requirement.name]) for requirement in TRACING)
    assert {name: pins[name] for name in pins.keys() & runtime} == {
        name: runtime[name] for name in pins.keys() & runtime
    }
    assert pins.items() <= locked("requirements-dev.lock").items()


def test_both_locks_agree() -> None:
    """Tests run on the versions that run in production."""
    runtime, dev = locked("requirements.lock"), locked("requirements-dev.lock")
    assert runtime.items() <= dev.items()


@pytest.mark.parametrize(
    ("file", "at_least"),
    [
        ("requirements.lock", 40),
        ("requirements-dev.lock", 40),
        ("requirements-java.lock", 1),
        ("requirements-tracing.lock", 10),
        ("requirements-interop.lock", 40),
    ],
)
def test_locks_are_hashed_and_name_no_host(file: str, at_least: int) -> None:
    """Whoever mirrors packages can use the lock, and a changed package is refused."""
    text = (ROOT / file).read_text()
    assert (
        re.findall(r"^.*(?:https?:|--index-url|--extra-index-url|--find-links|git\+| @ ).*$", text, re.MULTILINE) == []
    )
    entries = re.split(r"^(?=\S+==)", text, flags=re.MULTILINE)[1:]
    assert len(entries) >= at_least
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_every_dependency_is_explained() -> None:
    """docs/dependencies.md says of each direct dependency why it is here, and of no other."""
    explained = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE)
    requirements = [*wanted(*PROJECT["optional-dependencies"]), *JAVA, *INTEROP, *TRACING]
    direct = {canonicalize_name(requirement.name) for requirement in requirements}
    assert {canonicalize_name(name) for name in explained} == direct
    assert len(explained) == len(set(explained))


def test_the_wheel_would_hold_the_three_packages_and_the_client() -> None:
    """deploy, tests and examples stay out of it."""
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["schemas", "pipeline", "agents", "clients/python/smsout_client"]
    assert PROJECT["classifiers"] == ["Private :: Do Not Upload"]


def test_the_python_client_is_a_wheel_of_its_own(tmp_path: Path) -> None:
    """Its modules, the mark of its types, and nothing of the gateway's."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT / "clients" / "python", check=True, capture_output=True,
    )  # fmt: skip
    [wheel] = tmp_path.glob("smsout_client-*-py3-none-any.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {it.relative_to(CLIENT.parent).as_posix() for it in CLIENT.rglob("*") if it.suffix in (".py", ".typed")}
    assert (names, len(names) > 5) == (wanted, True)


def imports_of(paths: Iterable[Path]) -> set[str]:
    return {
        name.partition(".")[0]
        for path in paths
        for name in re.findall(r"^(?:from|import) (\w[\w.]*)", path.read_text(), re.MULTILINE)
    } - sys.stdlib_module_names


def test_the_python_client_asks_for_what_it_imports() -> None:
    """Whoever installs it gets what it needs."""
    imported = imports_of(CLIENT.glob("*.py"))
    project = tomllib.loads((CLIENT.parent / "pyproject.toml").read_text())["project"]
    assert imported - {"smsout_client"} == {Requirement(it).name for it in project["dependencies"]}
    by_commands = imports_of((CLIENT / "command").glob("*.py")) - imported
    assert by_commands == {Requirement(it).name for it in project["optional-dependencies"]["command"]}
