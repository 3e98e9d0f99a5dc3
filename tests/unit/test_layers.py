"""The import contracts are about what is really there; `make lint` checks the imports themselves."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def contracts() -> dict[str, dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return {contract["name"]: contract for contract in settings["contracts"]}


@pytest.mark.parametrize(
    ("contract", "modules"),
    [("Agents meet only through topics", "modules"), ("Agents do not know who starts them", "source_modules")],
)
def test_every_agent_is_under_the_contracts(contract: str, modules: str) -> None:
    """Each folder is an agent but those that start agents or serve all: a new one must not be forgotten."""
    agents = {f"agents.{it.parent.name}" for it in ROOT.glob("agents/*/__init__.py")} - {
        "agents.commands",
        "agents.local",
        "agents.serving",
    }
    assert agents == set(contracts()[contract][modules])


@pytest.mark.parametrize("package", ["schemas", "pipeline", "agents", "tests"])
def test_every_folder_with_code_is_a_package(package: str) -> None:
    """A folder without __init__.py loses against an installed package of the same name, even in front of it."""
    folders = {path.parent for path in (ROOT / package).rglob("*.py")}
    assert {
        folder.relative_to(ROOT).as_posix() for folder in folders if not (folder / "__init__.py").is_file()
    } == set()


def test_deploy_holds_no_python() -> None:
    """An editable install would make it importable, outside of every contract."""
    assert list((ROOT / "deploy").rglob("*.py")) == []


STANDARD_NAMES = {"queue", "logging", "http", "types", "signal", "secrets", "platform", "select", "token", "code"}


def test_no_module_shadows_the_standard_library() -> None:
    """A file run by its path puts its folder first: `queue.py` beside it would be everybody's `queue`."""
    files = [path for package in ("schemas", "pipeline", "agents") for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 50
    assert {path.stem for path in files} & STANDARD_NAMES == set()
