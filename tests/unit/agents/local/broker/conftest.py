"""jgo's only repository, and a lock of the test's own."""

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.local.broker import jar_lock, maven_repository
from tests.unit.agents.local.broker.repository import Repository, serving


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """An empty one, in the place of all others; lock and jars.in are files of the test, which are not there yet."""
    kept = Repository(tmp_path / "repository")
    kept.folder.mkdir()
    monkeypatch.setenv("JGO_CONFIG_FILE", str(tmp_path / "jgo.conf"))
    monkeypatch.setattr(maven_repository, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(jar_lock, "LOCK", tmp_path / "jars.lock")
    monkeypatch.setattr(jar_lock, "ROOTS", tmp_path / "jars.in")
    with serving(kept) as url:
        (tmp_path / "jgo.conf").write_text(f"[repositories]\ncentral = {url}\n")
        yield kept
    # jgo 3.2.0 leaves an answer that refuses unread and open: whichever test comes later must not fail over it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
