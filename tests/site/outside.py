"""What the site makes of links that lead out of docs/: a path, for the reader has the repository.

A hook of MkDocs, which mkdocs.yml names.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[2]
_LINK: Final = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)\s]*)\)")


def on_page_markdown(markdown: str, page: "Page", config: "MkDocsConfig", files: "Files") -> str:
    """Return a page's text, in which no link leads out of the site."""
    docs = Path(config.docs_dir)
    source = docs / page.file.src_uri

    def named(match: re.Match[str]) -> str:
        text, target = match.groups()
        path = (source.parent / target.partition("#")[0]).resolve()
        if path.is_relative_to(docs):
            return match[0]
        name = f"`{path.relative_to(ROOT).as_posix()}`"
        return name if text.strip("`") in {path.name, path.stem} else f"{text} ({name})"

    return _LINK.sub(named, markdown)
