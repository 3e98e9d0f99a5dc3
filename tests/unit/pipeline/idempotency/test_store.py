"""The store of keys: what it keeps over a restart, and what it forgets."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import state_file
from pipeline.errors import ConfigurationError
from pipeline.idempotency.keys import KEPT_MS, SubmissionOffset, Verdict, keyed_submissions
from pipeline.idempotency.store import PURGED_AT_ONCE, ClaimStore, Position
from tests.builders import submission


def keyed(key: str, content: str = "Hello") -> bytes:
    return submission(idempotency_key=key, content=content).to_bytes()


def filled(path: Path | None, keys: int = 3) -> ClaimStore:
    """A store with the keys 0, 1, ... in records of their own at times 0, 1, ..."""
    store = ClaimStore(path)
    store.begin_anew({0: 0, 1: 7}, 0)
    for n in range(keys):
        store.apply(0, n, n, keyed(str(n)))
    store.save()
    return store


def verdict(store: ClaimStore, offset: int, value: bytes, at_ms: int = 0) -> Verdict | None:
    (found,) = keyed_submissions(0, offset, at_ms, value)
    return store.judge(found)


def test_reopened(tmp_path: Path) -> None:
    """Claims, positions and how far back they reach are there again, in a folder for the owner alone."""
    path = tmp_path / "state" / "keys"
    filled(path).close()

    store = ClaimStore(path)

    assert (len(store), store.complete_from_ms) == (3, 0)
    assert store.positions == {0: Position(3, 2), 1: Position(7, None)}
    assert verdict(store, 9, keyed("1")) is Verdict.REPEATS
    assert verdict(store, 1, keyed("1")) is Verdict.HOLDS
    assert path.parent.stat().st_mode & 0o777 == 0o700
    store.close()


def test_a_record_counts_once() -> None:
    """What was read before is not taken in again, so reading may begin a little early."""
    store = filled(None)
    store.apply(0, 1, 5 * KEPT_MS, keyed("1"))
    assert (len(store), store.positions[0]) == (3, Position(3, 2))
    store.close()


def test_earlier_claims_stay() -> None:
    """A key that was taken over a day later is still judged right for who reads behind."""
    value, store = keyed("0"), filled(None, 1)
    store.apply(0, 1, 2 * KEPT_MS, value)
    store.apply(0, 2, 2 * KEPT_MS, b"[" + value + b"," + keyed("0", "Other") + b"]")
    found = [store.judge(it) for it in keyed_submissions(0, 2, 2 * KEPT_MS, b"[" + value + b"," + value + b"]")]
    assert found == [Verdict.REPEATS] * 2
    assert [verdict(store, offset, value) for offset in (0, 1)] == [Verdict.HOLDS] * 2
    first = next(keyed_submissions(0, 0, 0, value))
    latest = store.latest(first.name)
    assert latest is not None
    assert (latest.submission, latest.at_ms) == (SubmissionOffset(1, 0), 2 * KEPT_MS)
    store.close()


def test_killed_between_records_and_positions(tmp_path: Path) -> None:
    """SIGKILL before they are saved: both are as they were, so the records are read again."""
    path = tmp_path / "keys"
    filled(path).close()
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from pipeline.idempotency.store import ClaimStore\n"
        "store = ClaimStore(Path(sys.argv[1]))\n"
        "store.apply(0, 3, 3, sys.argv[2].encode())\n"
        "assert len(store) == 4\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path), keyed("3").decode()], check=False)

    store = ClaimStore(path)

    assert killed.returncode == -9
    assert (len(store), store.positions[0]) == (3, Position(3, 2))
    store.close()


def _garbage(path: Path) -> None:
    path.write_bytes(b"garbage " * 1000)


def _half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


def _other_layout(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=99")
    database.close()


@pytest.mark.parametrize("damage", [_garbage, _half, _other_layout])
def test_unusable_file_is_made_again(tmp_path: Path, damage: object) -> None:
    """What cannot be believed is not: the store is empty and knows nothing, and works."""
    path = tmp_path / "keys"
    filled(path).close()
    assert callable(damage)
    damage(path)

    store = ClaimStore(path)

    assert (len(store), store.positions, store.complete_from_ms) == (0, {}, None)
    store.begin_anew({0: 0}, 0)
    store.close()


def test_file_from_before_the_machine_started_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not synced, so what a power cut has left of it is not believed."""
    filled(tmp_path / "keys").close()
    boot = tmp_path / "boot_id"
    boot.write_text("another one\n")
    monkeypatch.setattr(state_file, "_BOOT", boot)

    store = ClaimStore(tmp_path / "keys")

    assert (len(store), store.complete_from_ms) == (0, None)
    store.close()


def test_one_process_to_a_file(tmp_path: Path) -> None:
    """The second one is told which settings to look at, and the first one's file is untouched."""
    first = filled(tmp_path / "keys")
    with pytest.raises(ConfigurationError, match="SMSOUT_STATE_DIR; does another"):
        ClaimStore(tmp_path / "keys")
    first.apply(0, 3, 3, keyed("3"))
    first.save()
    assert len(first) == 4
    first.close()


def test_folder_that_cannot_be(tmp_path: Path) -> None:
    """A file in the folder's place is a setting that cannot work."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="SMSOUT_STATE_DIR"):
        ClaimStore(tmp_path / "file" / "keys")


def test_purge_goes_in_small_steps(tmp_path: Path) -> None:
    """What is over goes a few hundred at a time; what is not stays; how far back it reaches is kept with it."""
    store = filled(tmp_path / "keys", PURGED_AT_ONCE + 10)
    steps = [store.purge(PURGED_AT_ONCE + 5) for _ in range(3)]
    store.close()

    store = ClaimStore(tmp_path / "keys")

    assert steps == [PURGED_AT_ONCE, 5, 0]
    assert (len(store), store.complete_from_ms) == (5, PURGED_AT_ONCE + 5)
    store.discard()
    assert list(tmp_path.iterdir()) == []
