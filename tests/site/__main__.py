"""`python -m tests.site write|check`: docs/reference, made from the code."""

import sys
from pathlib import Path

from tests.site.pages import FOLDER, pages


def drift(folder: Path) -> list[str]:
    """Return the names of the pages that are not what the code says, and of those that nothing makes any more."""
    texts = pages()
    there = {path.name: path.read_text() for path in folder.glob("*.md")}
    return sorted(name for name in texts.keys() | there.keys() if texts.get(name) != there.get(name))


def main() -> int:
    """Write the pages, or say which differ."""
    found = drift(FOLDER)
    if sys.argv[1:] == ["write"]:
        texts = pages()
        for name in found:
            if name in texts:
                (FOLDER / name).write_text(texts[name])
            else:
                (FOLDER / name).unlink()
        return 0
    for name in found:
        sys.stderr.write(f"docs/reference/{name} is not current: run `make docs`\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
