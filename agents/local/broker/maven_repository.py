"""Maven repositories, through jgo: a resolver in pure Python, so that no Maven and no Java is needed for it.

Repositories are jgo's own, and those of the section `repositories` in jgo.conf: whoever has a mirror names it there
as `central`. Nothing that comes from one is trusted: kafka_jars.py holds it to the lock.
"""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from configparser import Error as ConfParserError
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agents.local.broker.jar_lock import Coordinate
from pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from jgo.maven import MavenContext

AT_ONCE: Final = 8  # most of the time is handshakes: two requests for each file
ATTEMPTS: Final = 3
PAUSE_SECONDS: Final = 1.0


def download(jars: Iterable[Coordinate], cache: Path) -> dict[Coordinate, Path]:
    """Fetch each jar into `cache`, a folder laid out as a Maven repository; return where it lies.

    Raises `ConfigurationError` that names the first one that did not come.
    """
    context = _context(cache)
    wanted = list(jars)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tasks = [pool.submit(_download, context, jar) for jar in wanted]
        try:
            return {jar: task.result() for jar, task in zip(wanted, tasks, strict=True)}
        finally:
            for task in tasks:
                task.cancel()


def resolve(roots: Iterable[Coordinate], cache: Path) -> list[Coordinate]:
    """Return the roots and everything that they need when they run, in the versions that Maven would choose."""
    context = _context(cache)
    # The mark: versions are managed by nobody. Unasked, jgo lets each root's own build choose versions for the others.
    inputs = [context.create_dependency(f"{root}!") for root in roots]
    try:
        ours, theirs = context.resolver.resolve(inputs)
    except (OSError, RuntimeError) as error:
        raise ConfigurationError(f"Kafka's jars cannot be resolved: {str(error)[:400]}") from error
    found = [it for it in (*ours, *theirs) if it.scope in (None, "compile", "runtime")]
    return [Coordinate(it.groupId, it.artifactId, it.version) for it in found]


def _context(cache: Path) -> "MavenContext":
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext
    except ImportError as error:
        raise ConfigurationError("fetching Kafka's jars needs the package jgo: run `make setup` again") from error
    context = MavenContext(repo_cache=cache)
    try:
        context.remote_repos |= GlobalSettings.load().repositories
    except (ConfParserError, OSError, ValueError) as error:
        raise ConfigurationError(f"the settings of jgo (jgo.conf) cannot be read: {error}") from error
    return context


def _download(context: "MavenContext", jar: Coordinate) -> Path:
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    for attempt in range(1, ATTEMPTS + 1):
        if artifact.cached_path is not None:
            artifact.cached_path.unlink(missing_ok=True)  # half of it, of the attempt before
        try:
            return artifact.resolve()
        except (OSError, RuntimeError) as error:  # requests' errors are of the first kind, a refusal of the second
            if attempt == ATTEMPTS:
                raise ConfigurationError(f"cannot fetch {jar} for Apache Kafka: {str(error)[:400]}") from error
        time.sleep(PAUSE_SECONDS)
    raise AssertionError
