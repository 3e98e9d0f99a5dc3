"""A Maven repository of our own, from which jgo fetches as it does from any other."""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from agents.local.broker.jar_lock import Coordinate

POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>{it.group}</groupId><artifactId>{it.artifact}</artifactId><version>{it.version}</version>
<dependencyManagement><dependencies>{manages}</dependencies></dependencyManagement>
<dependencies>{needs}</dependencies></project>
"""
DEPENDENCY = """\
<dependency><groupId>{it.group}</groupId><artifactId>{it.artifact}</artifactId><version>{it.version}</version>
<scope>{scope}</scope></dependency>
"""


class Repository:
    """What it holds is in `folder`; `asked` are the paths that somebody wanted; `cut` are cut off once, half-way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.cut: set[str] = set()

    def add(
        self, jar: Coordinate, content: bytes = b"classes", *,
        needs: Mapping[Coordinate, str] | None = None, manages: Sequence[Coordinate] = (),
    ) -> None:  # fmt: skip
        """Publish a jar; `needs` are its dependencies with their scopes."""
        folder = self.folder.joinpath(*jar.group.split("."), jar.artifact, jar.version)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / jar.file_name).write_bytes(content)
        pom = POM.format(
            it=jar,
            manages="".join(DEPENDENCY.format(it=it, scope="compile") for it in manages),
            needs="".join(DEPENDENCY.format(it=it, scope=scope) for it, scope in (needs or {}).items()),
        )
        (folder / jar.file_name).with_suffix(".pom").write_text(pom)

    def jars_asked_for(self) -> list[str]:
        return sorted(path.rpartition("/")[2] for path in self.asked if path.endswith(".jar"))


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, repository: Repository, request: socket.socket, client: object, server: object) -> None:
        self._repository = repository
        super().__init__(request, client, server, directory=str(repository.folder))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._repository.asked.append(self.path)
        name = self.path.rpartition("/")[2]
        if name in self._repository.cut:
            self._repository.cut.remove(name)
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half of it")
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(repository: Repository) -> Iterator[str]:
    """Serve it on a free port; yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, repository))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
