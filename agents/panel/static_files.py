"""Static files: held in memory, under a path that changes with any of them, so that browsers may keep them."""

import hashlib
from pathlib import Path
from typing import Final

from aiohttp import web

FOLDER: Final = Path(__file__).parent / "static"
PREFIX: Final = "/static/"

CONTENT_TYPES: Final = {
    ".css": "text/css",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


class StaticFiles:
    """The files in `FOLDER`. All share one digest, so that modules can import each other by relative paths."""

    def __init__(self) -> None:
        self._files = {
            path.relative_to(FOLDER).as_posix(): path.read_bytes()
            for path in sorted(FOLDER.rglob("*"))
            if path.is_file() and path.suffix in CONTENT_TYPES
        }
        digest = hashlib.sha256()
        for name, content in self._files.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        self._digest = digest.hexdigest()[:16]

    def url(self, name: str) -> str:
        """Return the path of a file. Raises `KeyError` for one that is not there."""
        if name not in self._files:
            raise KeyError(f"there is no static file {name}")
        return f"{PREFIX}{self._digest}/{name}"

    async def serve(self, request: web.Request) -> web.Response:
        """Answer `/static/<digest>/<name>`. A page of an earlier version gets today's file, and must not keep it."""
        name = request.match_info["name"]
        content = self._files.get(name)
        if content is None:
            raise web.HTTPNotFound
        current = request.match_info["digest"] == self._digest
        return web.Response(
            body=content,
            headers={
                "Content-Type": CONTENT_TYPES["." + name.rpartition(".")[2]] + "; charset=utf-8",
                "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
            },
        )
