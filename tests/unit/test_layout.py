"""Where tests lie: each where its code lies, and none of them leans on another."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNIT = Path(__file__).parent

ROOMS = {
    "schemas": ROOT, "pipeline": ROOT, "agents": ROOT, "examples": ROOT, "bench": ROOT / "tests",
    "smsout_client": ROOT / "clients" / "python",
}  # fmt: skip
"""By the folder of tests/unit: where the code that it mirrors lies."""

ELSEWHERE = {
    "test_layers.py": "about all of the code",
    "test_imports.py": "about processes",
    "test_layout.py": "about the tests",
    "test_packaging.py": "about what is installed",
    "machines/test_histories.py": "certain histories of both",
    "machines/test_journal_machine.py": "histories of the delivery agent and the journal together",
    "machines/test_scheduler_machine.py": "histories of the scheduler and its store together",
    "agents/processor/test_day_limits.py": "the worker and what it counts, over several lives",
    "pipeline/alphabets/test_stand_ins.py": "look-alikes and transliteration, which follow the same rules",
    "machines/test_tier_machine.py": "histories of the callback agent and the tiers together",
    "agents/local/up/supervision/test_service_watch.py": "services and their pulse together",
    "agents/panel/security/test_attacks.py": "log-in, its throttle and its turns together, attacked",
    "agents/panel/pages/test_page_roles.py": "every page with every role",
    "agents/panel/pages/test_every_page.py": "all pages, by the links between them",
    "agents/panel/operations/test_roles.py": "every operation with every role",
    "agents/panel/api/test_api.py": "what every resource of the API does alike",
    "agents/panel/api/test_trunks.py": "trunks through the API, which is made of documents",
}
"""Tests of no single module, and why."""


def imported_by(path: Path) -> Iterator[str]:
    """Yield the modules, and what may be modules, that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (it.name for it in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{it.name}" for it in node.names)


def test_no_test_module_is_imported() -> None:
    """What tests share lies in tests/fakes, tests/builders.py or a module with a name of its own beside them."""
    files = sorted(path for path in (ROOT / "tests").rglob("*.py"))
    assert len(files) > 100
    found = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported_by(path)
        if name.startswith(("tests.", "."))
        and any(part.startswith("test_") or part == "conftest" for part in name.split("."))
    }
    assert found == set()


def test_each_unit_test_lies_where_its_code_lies() -> None:
    """<room>/test_<name>.py is about the module or package <name> of the room of the same path."""
    lost = set()
    for path in UNIT.rglob("test_*.py"):
        mirrored = path.relative_to(UNIT)
        code = ROOMS.get(mirrored.parts[0], ROOT) / mirrored.with_name(path.stem.removeprefix("test_"))
        if not code.with_suffix(".py").is_file() and not (code / "__init__.py").is_file():
            lost.add(mirrored.as_posix())
    assert lost == ELSEWHERE.keys()
