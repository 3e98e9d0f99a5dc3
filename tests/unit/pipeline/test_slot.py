"""Slots: a number and an identity that two living processes never share."""

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import slot, state_file
from pipeline.errors import ConfigurationError
from pipeline.slot import Slot

JSON = st.recursive(
    st.none() | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["here", "identity", "x"]), inner),
    max_leaves=4,
)
SPAWN = multiprocessing.get_context("spawn")


def _hold(folder: Path, told: Connection) -> None:
    taken = Slot.take(folder, "delivery")
    told.send((taken.number, taken.identity))
    signal.pause()


@contextmanager
def process_with_a_slot(folder: Path) -> Iterator[tuple[int, tuple[int, str]]]:
    """Run a process that holds one; it dies when the test is done with it."""
    told, tells = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=_hold, args=(folder, tells), daemon=True)
    process.start()
    try:
        yield process.pid or 0, told.recv()
    finally:
        process.kill()
        process.join()


def test_processes_of_a_folder_have_different_numbers_and_identities(tmp_path: Path) -> None:
    """The lowest that is free, from 0."""
    taken = [Slot.take(tmp_path, "delivery") for _ in range(4)]
    assert [it.number for it in taken] == [0, 1, 2, 3]
    assert len({it.identity for it in taken}) == 4
    taken[1].free()
    again = Slot.take(tmp_path, "delivery")
    assert (again.number, again.identity) == (1, taken[1].identity)
    assert Slot.take(tmp_path, "callback").number == 0


def test_a_killed_process_proves_by_its_death_that_its_slot_is_free(tmp_path: Path) -> None:
    """The next one is the same member, so that the group gives it at once what the dead one had."""
    with process_with_a_slot(tmp_path) as (_, first):
        pass
    assert (first[0], first[1]) == ((again := Slot.take(tmp_path, "delivery")).number, again.identity)


def test_a_stopped_process_keeps_its_slot(tmp_path: Path) -> None:
    """It may go on at any moment: whoever comes meanwhile is somebody else."""
    with process_with_a_slot(tmp_path) as (pid, first):
        os.kill(pid, signal.SIGSTOP)
        replacement = Slot.take(tmp_path, "delivery")
        assert replacement.number == 1
        assert replacement.identity != first[1]


def test_a_copy_of_the_file_is_no_proof(tmp_path: Path) -> None:
    """A volume that was cloned, a folder that was restored: both may be in use."""
    first = Slot.take(tmp_path / "state", "delivery")
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    copy = Slot.take(tmp_path / "copy", "delivery")
    assert copy.number == 0
    assert copy.identity != first.identity


@pytest.mark.parametrize("boot", ["another", None])
def test_another_machine_or_boot_gets_a_new_identity(
    tmp_path: Path, boot: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock says nothing about processes of another kernel: on a shared volume the holder may live."""
    first = Slot.take(tmp_path / "state", "delivery")
    first.free()
    file = tmp_path / "boot_id"
    if boot is not None:
        file.write_text(boot)
    monkeypatch.setattr(state_file, "_BOOT", file)
    second = Slot.take(tmp_path / "state", "delivery")
    assert second.identity != first.identity
    second.free()
    third = Slot.take(tmp_path / "state", "delivery")
    assert (third.identity == second.identity) is (boot is not None)


@given(content=st.one_of(st.binary(max_size=200), JSON.map(lambda it: json.dumps(it).encode())))
def test_whatever_the_file_holds_a_slot_can_be_taken(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A power cut may leave anything; what is written then is a new identity, and it lasts."""
    folder = tmp_path_factory.mktemp("slots")
    (folder / "delivery-0.slot").write_bytes(content)
    first = Slot.take(folder, "delivery")
    first.free()
    assert len(bytes.fromhex(first.identity)) == 16
    again = Slot.take(folder, "delivery")
    assert again.identity == first.identity
    again.free()


def test_without_a_folder_every_process_is_new() -> None:
    """Nothing can be proved."""
    first, second = Slot.take(None, "delivery"), Slot.take(None, "delivery")
    assert (first.number, first.lock) == (0, -1)
    assert first.identity != second.identity
    assert first.member("sms-delivery") == f"sms-delivery-{first.identity}"


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Exit code 78, and not a process that fences others."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"SMSOUT_STATE_DIR.* delivery"):
        Slot.take(tmp_path / "file" / "state", "delivery")
    (tmp_path / "state").mkdir()
    for number in range(slot.MAX_SLOTS):
        (tmp_path / "state" / f"delivery-{number}.slot").mkdir()
    with pytest.raises(ConfigurationError, match="SMSOUT_STATE_DIR"):
        Slot.take(tmp_path / "state", "delivery")
