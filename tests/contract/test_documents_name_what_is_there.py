"""What documents, docstrings and comments name is there; and every room's docstring lists what is in the room."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from smsout_client.command import profiles

from agents.local.up.roster import ROSTER
from tests.contract.every_setting import every_setting

ROOT = Path(__file__).resolve().parents[2]
ROOMS = sorted(
    path
    for room in ("schemas", "pipeline", "agents", "tests/fakes", "tests/dashboards", "tests/site")
    for path in (ROOT / room).rglob("__init__.py")
)
CODE = sorted(
    path for folder in ("schemas", "pipeline", "agents", "examples", "tests") for path in (ROOT / folder).rglob("*.py")
)
DOCUMENTS = sorted(it for it in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
OTHERS = [
    ROOT / it for it in ("Makefile", "pyproject.toml", "docker-compose.yml", "deploy/docker/Dockerfile", ".ci/run")
]

# A room lists its modules and rooms at the left margin: the name (a slash after it says that it is a room), two spaces
# or more, what it is about.
ENTRY = re.compile(r"^(\w+)/?  +\S", re.MULTILINE)
PATH = re.compile(r"(?<!\]\()(?<![\w/.:>-])(?:schemas|pipeline|agents|tests|docs|deploy|examples)/(?:[\w.*<>-]+/?)*")
MODULE = re.compile(r"(?<![\w/.-])(?:schemas|pipeline|agents|tests)(?:\.[A-Za-z_]\w*)+")
SETTING = re.compile(r"SMSOUT_[A-Z0-9_]+")
FILE = re.compile(r"(?<![\w/.-])[\w/]+\.py\b")
TEST = re.compile(r"\btest_\w+")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TARGET = re.compile(r"`make ([a-z-]+)|^make ([a-z-]+) +#", re.MULTILINE)

# What no settings class reads: places to die, how many processes `smsout up` starts, where a test puts screenshots, the
# profiles of commands.
OTHER_SETTINGS = {
    "SMSOUT_FAILPOINT", "SMSOUT_SCREENSHOTS", profiles.FILE, profiles.NAME,
    *(f"SMSOUT_UP_{it.name.upper()}_PROCESSES" for it in ROSTER),
}  # fmt: skip


def test_rooms_and_documents_are_found() -> None:
    """A test of nothing would be green."""
    assert (len(ROOMS) > 20, len(CODE) > 300, len(DOCUMENTS) > 10) == (True, True, True)


@pytest.mark.parametrize(
    "room",
    ROOMS,
    ids=lambda path: path.parent.relative_to(ROOT).as_posix(),
)
def test_a_room_lists_what_is_in_it(room: Path) -> None:
    """Each module and each room once, `__main__` where its author likes, and nothing else."""
    folder = room.parent
    listed = ENTRY.findall(ast.get_docstring(ast.parse(room.read_text())) or "")
    there = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert len(listed) == len(set(listed))
    assert set(listed) - {"__main__"} == there - {"__init__", "__main__"}
    assert "__main__" not in listed or "__main__" in there


@cache
def prose_of(path: Path) -> str:
    """Return what a person reads: of Python its docstrings and comments, of the changelog what is not released yet."""
    text = path.read_text()
    if path.name == "CHANGELOG.md":
        return "## ".join(re.split(r"^## ", text, flags=re.MULTILINE)[:2])
    if path.suffix != ".py":
        return text
    standing_free = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Expr))
    strings = [it.value for it in standing_free if isinstance(it, ast.Constant) and isinstance(it.value, str)]
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return "\n".join([*strings, *(it.string for it in tokens if it.type == tokenize.COMMENT)])


def named(pattern: re.Pattern[str], *files: Path) -> Iterator[tuple[Path, str]]:
    """Yield what matches in `files`, without the full stop of a sentence."""
    for path in files:
        for it in pattern.finditer(prose_of(path)):
            yield path, it[it.lastindex or 0].rstrip(".")


def said(path: Path, name: str) -> str:
    return f"{path.relative_to(ROOT)}: {name}"


def test_every_path_exists() -> None:
    """`<name>` stands for anything."""

    def exists(name: str) -> bool:
        pattern = re.sub(r"<[^>]*>", "*", name)
        return any(ROOT.glob(pattern)) if "*" in pattern else (ROOT / name).exists()

    found = {(path, name) for path, name in named(PATH, *DOCUMENTS, *OTHERS, *CODE)}
    assert len(found) > 50
    assert sorted(said(*it) for it in found if not exists(it[1])) == []


def test_every_source_file_that_a_document_names_exists() -> None:
    """By its path, or by the end of it."""
    known = [f"/{path.relative_to(ROOT).as_posix()}" for path in CODE]
    found = {(path, name) for path, name in named(FILE, *DOCUMENTS)}
    assert len(found) > 20
    assert sorted(said(*it) for it in found if not any(path.endswith(f"/{it[1]}") for path in known)) == []


def test_every_test_that_a_document_names_exists() -> None:
    """`test_row_7_` stands for the one that begins so."""
    tests = {path.stem for path in CODE if path.stem.startswith("test_")}
    tests |= {name for path in CODE if path.stem in set(tests) for name in names_in(path) if name.startswith("test_")}
    found = {(path, name) for path, name in named(TEST, *DOCUMENTS)}
    assert len(found) > 20
    assert sorted(said(*it) for it in found if not any(name.startswith(it[1]) for name in tests)) == []


def test_every_link_leads_somewhere() -> None:
    """To a file beside the document, and to a heading that is in it."""

    def leads(path: Path, target: str) -> bool:
        name, _, heading = target.partition("#")
        document = path.parent / name if name else path
        if not document.exists():
            return False
        headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE) if heading else []
        return not heading or heading in {re.sub(r"[^\w\- ]", "", it).lower().replace(" ", "-") for it in headings}

    found = {(path, target) for path, target in named(LINK, *DOCUMENTS) if not target.startswith("https://")}
    assert len(found) > 50
    assert sorted(said(*it) for it in found if not leads(*it)) == []


@cache
def names_in(module: Path) -> set[str]:
    """Return what a module defines or imports at its top."""
    names: set[str] = set()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(it.asname or it.name) for it in node.names}
        else:
            names |= {it.id for it in ast.walk(node) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)}
    return names


def test_every_module_exists() -> None:
    """And what is named in one: a class, a function, a constant."""

    def exists(name: str) -> bool:
        path, parts = ROOT, name.split(".")
        while parts and (path / parts[0]).is_dir():
            path /= parts.pop(0)
        if parts and (path / f"{parts[0]}.py").is_file():
            path /= f"{parts.pop(0)}.py"
        return not parts or parts[0] in names_in(path / "__init__.py" if path.is_dir() else path)

    found = {(path, name) for path, name in named(MODULE, *DOCUMENTS, *OTHERS, *CODE)}
    assert len(found) > 20
    assert sorted(said(*it) for it in found if not exists(it[1])) == []


def test_every_setting_exists() -> None:
    """Also as the beginning of several, `SMSOUT_KAFKA_`."""
    settings = every_setting().keys() | OTHER_SETTINGS
    found = {(path, name) for path, name in named(SETTING, *DOCUMENTS, *OTHERS, *CODE)}
    assert len(found) > 50

    def exists(name: str) -> bool:
        return name in settings or (name.endswith("_") and any(it.startswith(name) for it in settings))

    assert sorted(said(*it) for it in found if not exists(it[1])) == []


def test_every_target_of_make_exists() -> None:
    """What a document tells to run."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    found = {(path, name) for path, name in named(TARGET, *DOCUMENTS)}
    assert len(found) > 5
    assert sorted(said(*it) for it in found if it[1] not in targets) == []


def test_the_map_shows_every_room() -> None:
    """CONTRIBUTING names every package right below the three roots, and the folders that hold no package."""
    shown = set(re.findall(r"[\w/]+/(?= |,)", (ROOT / "CONTRIBUTING.md").read_text()))
    rooms = {
        f"{it.parent.relative_to(ROOT).as_posix()}/"
        for root in ("pipeline", "agents")
        for it in ROOT.glob(f"{root}/*/__init__.py")
    }
    assert len(rooms) > 15
    assert sorted((rooms | {"schemas/", "deploy/", "docs/", "examples/"}) - shown) == []
