"""`python -m tests.dashboards write|check`: deploy/grafana/dashboards, or whether it is what is written here."""

import sys
from pathlib import Path
from typing import Final

from tests.dashboards import callbacks, carrier, delivery, ingress, kafka, message_log, overview, trunk
from tests.dashboards.pages import json_of

FOLDER: Final = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "dashboards"
PAGES: Final = tuple(it.PAGE for it in (overview, ingress, delivery, callbacks, message_log, kafka, trunk, carrier))


def texts() -> dict[str, str]:
    """Return every dashboard by its file's name."""
    return {f"{page.name}.json": json_of(page) for page in PAGES}


def drift() -> list[str]:
    """Return the files that are not what is written here."""
    there = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    wanted = texts()
    return sorted(name for name in there.keys() | wanted.keys() if there.get(name) != wanted.get(name))


def main() -> int:
    """Write the files, or say which differ."""
    if sys.argv[1:] == ["write"]:
        for name in drift():
            (FOLDER / name).unlink(missing_ok=True)
        for name, text in texts().items():
            (FOLDER / name).write_text(text)
        return 0
    different = drift()
    for name in different:
        sys.stderr.write(f"deploy/grafana/dashboards/{name} is not current: run `make dashboards`\n")
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())
