"""What a person reads of a start, and what the log file keeps."""

import errno
import io
import os
import stat
from pathlib import Path

import pytest

from agents.local.up.reports import Reports
from pipeline.errors import ConfigurationError

LINE = '{"event": "Group Coordinator Request failed", "level": "error"}'


@pytest.mark.parametrize("verbose", [False, True])
def test_a_person_reads_what_became_of_an_agent_and_the_file_has_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verbose: bool
) -> None:
    """Lines of level error that belong to every start are not on the console, unless asked for."""
    reports = Reports(tmp_path / "logs" / "up.log", verbose=verbose)
    reports.output("delivery", LINE)
    reports.event("delivery", "is ready, 5.1 s after its start")
    reports.close()
    shown, kept = capsys.readouterr().out, reports.path.read_text()
    assert "delivery    | is ready, 5.1 s after its start\n" in shown
    assert (LINE in shown) is verbose
    assert f"delivery    | {LINE}\n" in kept
    assert "delivery    | is ready" in kept
    assert stat.S_IMODE(reports.path.stat().st_mode) == 0o600


def test_a_second_start_adds_to_the_file(tmp_path: Path) -> None:
    """What the life before has said is what one looks for."""
    for line in ("first", "second"):
        reports = Reports(tmp_path / "up.log", verbose=False)
        reports.output("ingress", line)
        reports.close()
    kept = (tmp_path / "up.log").read_text()
    assert kept.index("first") < kept.index("second")
    assert kept.count("| starts, process ") == 2


def test_a_log_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """One line that names it, and no traceback."""
    (tmp_path / "logs").write_text("a file where the folder should be")
    with pytest.raises(ConfigurationError, match=r"logs/up\.log cannot be written"):
        Reports(tmp_path / "logs" / "up.log", verbose=False)


class Full(io.StringIO):
    """A file whose disk is full."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_log_file_on_a_full_disk_is_said_once_and_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gets a traceback for each line, and the next full disk is said anew."""
    reports = Reports(tmp_path / "up.log", verbose=False)
    good = reports._file.stream
    for _ in range(2):
        monkeypatch.setattr(reports._file, "stream", Full())
        reports.output("ingress", "lost")
        reports.output("ingress", "lost, too")
        monkeypatch.setattr(reports._file, "stream", good)
        reports.output("ingress", "kept")
    reports.close()
    captured = capsys.readouterr()
    assert captured.out.count("up.log cannot be written: [Errno 28]") == 2
    assert captured.err == ""
    kept = (tmp_path / "up.log").read_text()
    assert (kept.count("kept"), kept.count("lost")) == (2, 0)
