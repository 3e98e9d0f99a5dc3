"""The data directory: one owner, private secrets, one broker's data; and the ready file beside it."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.local.up.installation.data_dir import DataDir, new_pepper, write_private
from agents.local.up.ready_file import ReadyFile
from pipeline.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMSOUT_PEPPER", "SMSOUT_KEY_FILE", "SMSOUT_RECEIPT_KEY"):
        monkeypatch.delenv(name, raising=False)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    """The error names the process; when that one has ended, the directory is free."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom agents.local.up.installation.data_dir import DataDir\n"
        "kept = DataDir(Path(sys.argv[1])).open()\nprint('open', flush=True)\nsys.stdin.read()\n"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdin is not None
    assert first.stdout is not None
    assert first.stdout.readline() == "open\n"
    with pytest.raises(ConfigurationError, match=f"process {first.pid}"):
        DataDir(tmp_path).open()
    first.stdin.close()
    first.wait()
    first.stdout.close()
    DataDir(tmp_path).open()


def test_a_folder_that_cannot_be_used_is_a_setting_that_cannot_work(tmp_path: Path) -> None:
    """A file in the way is named, with the option."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="--data-dir"):
        DataDir(tmp_path / "file" / "data").open()


def test_the_pepper_is_kept_once_and_private(tmp_path: Path) -> None:
    """A fresh folder has none; two starts see the one that was kept, which its owner alone may read."""
    data = DataDir(tmp_path / "data").open()
    assert data.pepper() is None
    pepper = new_pepper()
    assert len(pepper.get_secret_value()) >= 32
    assert pepper != new_pepper()
    data.keep_pepper(pepper)
    assert data.pepper() == pepper
    assert mode(data.path) == mode(data.path / "secrets") == 0o700
    assert mode(data.path / "secrets" / "pepper") == 0o600


@pytest.mark.parametrize("content", ["", "\n", "short", "x" * 31, " " * 40])
def test_a_pepper_file_that_holds_none_is_a_start_error(tmp_path: Path, content: str) -> None:
    """It is neither used nor replaced: the error names the file and says what to do, and quotes nothing of it."""
    data = DataDir(tmp_path).open()
    data.pepper_file.parent.mkdir()
    data.pepper_file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"at least 32 random characters.*Give back the one") as refused:
        data.pepper()
    assert str(data.pepper_file) in str(refused.value)
    assert "short" not in str(refused.value)
    assert data.pepper_file.read_text() == content


def test_a_pepper_file_that_cannot_be_read_is_a_start_error(tmp_path: Path) -> None:
    """Also one that is no file."""
    data = DataDir(tmp_path).open()
    data.pepper_file.mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        data.pepper()


def test_given_secrets_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SMSOUT_PEPPER and SMSOUT_KEY_FILE of the operator are used, and none is made."""
    monkeypatch.setenv("SMSOUT_PEPPER", "p" * 32)
    monkeypatch.setenv("SMSOUT_KEY_FILE", "/somewhere/keys")
    data = DataDir(tmp_path).open()
    assert data.pepper() == SecretStr("p" * 32)
    assert data.key_file == Path("/somewhere/keys")
    assert not (tmp_path / "secrets").exists()


def test_the_receipt_key_is_made_once_and_kept_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same at every start, another one in another folder; the operator's wins."""
    data = DataDir(tmp_path / "one").open()
    key = data.receipt_key()
    assert len(key.get_secret_value()) >= 32
    assert (data.receipt_key(), DataDir(tmp_path / "two").open().receipt_key() == key) == (key, False)
    assert mode(data.path / "secrets" / "receipt-key") == 0o600
    monkeypatch.setenv("SMSOUT_RECEIPT_KEY", "k" * 32)
    assert data.receipt_key() == SecretStr("k" * 32)


def test_a_receipt_key_that_is_none_is_a_start_error(tmp_path: Path) -> None:
    """It is neither used nor replaced."""
    data = DataDir(tmp_path).open()
    file = tmp_path / "secrets" / "receipt-key"
    file.parent.mkdir()
    file.write_text("short")
    with pytest.raises(ConfigurationError, match="at least 32 random characters") as refused:
        data.receipt_key()
    assert "short" not in str(refused.value)
    file.unlink()
    file.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        data.receipt_key()


def test_data_of_one_broker_is_not_given_to_another(tmp_path: Path) -> None:
    """The broker is remembered and comes back to its data; the data of one that is no more is refused by name."""
    data = DataDir(tmp_path).open()
    folder = data.broker_folder()
    assert (tmp_path / "broker").read_text() == "apache\n"
    assert data.broker_folder() == folder == tmp_path / "broker-data" / "apache"
    (tmp_path / "broker").write_text("embedded\n")
    with pytest.raises(ConfigurationError, match=r"holds the data of the broker `embedded`.* another --data-dir$"):
        data.broker_folder()


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new content has mode 0600 whatever the old one had, and no draft is left."""
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert (path.read_text(), mode(path), os.listdir(tmp_path)) == ("new", 0o600, ["file"])  # noqa: PTH208


def test_the_ready_file_is_there_only_while_the_system_is_ready(tmp_path: Path) -> None:
    """One of an earlier run goes at the start; each change replaces the file; the end removes it."""
    path = tmp_path / "ready.json"
    path.write_text('{"pids": "of long ago"}')
    ready = ReadyFile(path)
    assert not path.exists()
    ready.publish({"pids": {"ingress": 1}})
    assert (json.loads(path.read_text()), mode(path)) == ({"pids": {"ingress": 1}}, 0o600)
    before = path.stat().st_ino
    ready.publish({"pids": {"ingress": 1}})
    assert path.stat().st_ino == before
    ready.publish({"pids": {"ingress": 2}})
    assert json.loads(path.read_text()) == {"pids": {"ingress": 2}}
    ready.remove()
    assert not path.exists()


def test_no_ready_file_is_fine() -> None:
    """Without --ready-file the content is kept for the summary only."""
    ready = ReadyFile(None)
    ready.publish({"a": 1})
    ready.remove()
    assert ready.content == {"a": 1}
