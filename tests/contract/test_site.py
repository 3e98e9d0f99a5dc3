"""The documentation as a site: built without a warning, with nothing loaded from elsewhere, and what the code says."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.contract.every_setting import GROUPS, every_setting, variable
from tests.site.__main__ import drift
from tests.site.commands import PAGES, Block, blocks
from tests.site.pages import FOLDER
from tests.site.settings import meanings

ROOT = Path(__file__).resolve().parents[2]
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}
ELSEWHERE = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)
IN_STYLES = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s]+)""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` builds, in another folder."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder


class Fetched(HTMLParser):
    """Gathers what a browser would load with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        url = dict(attrs).get(FETCHED.get(tag, ""))
        if url:
            self.urls.append(url)


def test_every_document_is_a_page(site: Path) -> None:
    """None is lost in the navigation: `--strict` has made sure of that, once they are there at all."""
    documents = {it.relative_to(ROOT / "docs").with_suffix(".html") for it in (ROOT / "docs").rglob("*.md")}
    assert len(documents) > 30
    assert {it for it in documents if not (site / it).is_file()} == set()


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    """Neither a page nor a style sheet: the site is read without the internet, too, and tells nobody who reads it."""
    pages, styles = sorted(site.rglob("*.html")), sorted(site.rglob("*.css"))
    found, loaded = [], 0
    for path in pages:
        reader = Fetched()
        reader.feed(path.read_text())
        loaded += len(reader.urls)
        found += [f"{path.relative_to(site)}: {it}" for it in reader.urls if ELSEWHERE.match(it)]
    for path in styles:
        found += [f"{path.name}: {it}" for it in IN_STYLES.findall(path.read_text()) if ELSEWHERE.match(it)]
    assert (len(pages) > 30, len(styles) > 1, loaded > 100) == (True, True, True)
    assert found == []


def test_links_out_of_the_documents_are_paths(site: Path) -> None:
    """What leads to a source file in the repository names it, for it is not in the site."""
    page = (site / "reliability.html").read_text()
    assert "<code>pipeline/posting/peers/peer.py</code>" in page
    assert 'href="../' not in page


def test_the_reference_is_what_the_code_says() -> None:
    """`make docs` was run after the last change of settings, commands, records or APIs."""
    assert drift(FOLDER) == []


def test_drift_names_each_page(tmp_path: Path) -> None:
    """Missing, changed and left-over pages are each named."""
    (tmp_path / "settings.md").write_text("something else")
    (tmp_path / "forgotten.md").write_text("")
    assert drift(tmp_path) == ["command-line.md", "forgotten.md", "http.md", "settings.md", "topics.md"]


def test_every_setting_is_documented_with_its_default() -> None:
    """The page has exactly the settings that the code reads, and each has a meaning below it in the source."""
    rows = re.findall(
        r"^\| `((?:SMSOUT|OTEL)_[A-Z_]+)` \| (.*?) \| .*\|$", (FOLDER / "settings.md").read_text(), re.MULTILINE
    )
    assert {name: default.strip() for name, default in rows} == every_setting()
    assert len(rows) == len(every_setting())
    nameless = [variable(it, name) for it in GROUPS for name in it.model_fields.keys() - meanings(it).keys()]
    assert nameless == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_command_is_run_or_says_why_not(page: Path) -> None:
    """Of every page; and no block hides what it is."""
    fences = re.findall(r"^ *```(.*)$", page.read_text(), re.MULTILINE)
    assert (len(fences) % 2, [it for it in fences[::2] if not it], set(fences[1::2]) - {""}) == (0, [], set())
    found = list(blocks(page))
    assert page.read_text().count("```sh\n") == len(found)
    assert [it.command for it in found if not it.is_run and not (it.mark or "").startswith("not run: ")] == []
    assert [it.command for it in found if it.prints is not None and not it.is_run] == []


@pytest.mark.parametrize(
    ("prints", "output", "fits"),
    [
        (None, "anything", True),
        ("genuine\n", "genuine\n", True),
        ("genuine\n", "forged\n", False),
        ("genuine\n", "genuine\nand more\n", False),
        ('{"id":"…"}\n', '{"id":"019a"}\n', True),
        ('{"id":"…"}\n', '{"type":"019a"}\n', False),
        ("first …\n…\nlast\n", "first 1\n2\n3\nlast\n", True),
        ("first …\n…\nlast\n", "last\nfirst 1\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_what_is_printed_is_compared(prints: str | None, output: str, *, fits: bool) -> None:
    """Word for word, but for `…`."""
    assert Block("run", "", prints).has_printed(output) is fits


def test_blocks_are_found_in_lists_too(tmp_path: Path) -> None:
    """Each with its comment, without its indentation; one without a comment has none."""
    page = tmp_path / "page.md"
    page.write_text(
        "1. First:\n\n    <!-- run -->\n    ```sh\n    for it in a; do\n      echo $it\n    done\n    ```\n\n"
        "    <!-- prints -->\n    ```text\n    a\n    ```\n\n```sh\ntrue\n```\n"
    )
    assert list(blocks(page)) == [
        Block("run", "for it in a; do\n  echo $it\ndone\n", "a\n"),
        Block(None, "true\n", None),
    ]
