"""`python -m agents.local.broker.lock_jars`: resolves deploy/kafka/jars.in anew into jars.lock (`make jars`)."""

import sys
import tempfile
from pathlib import Path

from agents.local.broker import jar_lock, maven_repository
from agents.local.console import say
from pipeline.errors import ConfigurationError


def lock_jars() -> None:
    """Resolve, fetch, and write each jar's checksum down. Raises `ConfigurationError`."""
    with tempfile.TemporaryDirectory() as folder:
        jars = maven_repository.resolve(jar_lock.read_roots(), Path(folder))
        paths = maven_repository.download(jars, Path(folder))
        jar_lock.write_lock({jar: jar_lock.sha256_of(path) for jar, path in paths.items()})
    say(f"{len(paths)} jars are locked in {jar_lock.LOCK}")


if __name__ == "__main__":
    try:
        lock_jars()
    except ConfigurationError as error:
        sys.exit(f"smsout: {error}")
