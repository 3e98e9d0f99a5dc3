"""A missing pepper: a fresh machine gets a new one, and anywhere else it is a start error."""

from pathlib import Path

import pytest

from agents.local.up.installation import lost_pepper
from agents.local.up.installation.lost_pepper import refuse_lost_pepper, with_password
from pipeline.directory.file.document import export
from pipeline.directory.model import Directory
from pipeline.errors import ConfigurationError
from pipeline.settings import KafkaSettings
from schemas.directory.entry import DirectoryEntry
from tests.builders import LATER, account, carrier, did, directory_of, trunk

EVERYTHING = (account(), did(), trunk(), carrier())


class View:
    """The directory of a running broker."""

    directory = Directory()
    is_open = False

    def __init__(self, _: KafkaSettings, *, client_id: str) -> None:
        assert client_id

    async def start(self) -> "View":
        View.is_open = True
        return self

    async def stop(self) -> None:
        View.is_open = False


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_pepper, "DirectoryView", View)


async def refused(tmp_path: Path, *entries: DirectoryEntry, file: Path | None = None) -> str | None:
    """Return why a start without a pepper ends, None when it goes on."""
    View.directory = directory_of(*entries)
    try:
        await refuse_lost_pepper(tmp_path / "pepper", KafkaSettings(), file)
    except ConfigurationError as error:
        return str(error)
    finally:
        assert not View.is_open
    return None


@pytest.mark.parametrize(
    "entries", [(), (account(), did(), carrier()), (account(), trunk(deleted_at=LATER))], ids=["fresh", "file", "gone"]
)
async def test_without_passwords_nothing_is_lost(tmp_path: Path, entries: tuple[DirectoryEntry, ...]) -> None:
    """A fresh machine, one that was given accounts and carriers, and one whose last trunk has been deleted."""
    assert await refused(tmp_path, *entries) is None


async def test_passwords_that_are_there_were_made_with_a_pepper(tmp_path: Path) -> None:
    """The error names the file, says what is at stake, what to do, and what if it is lost for good."""
    told = await refused(tmp_path, *EVERYTHING, trunk(12))
    assert told is not None
    for words in (str(tmp_path / "pepper"), "2 trunks", "backup", "SMSOUT_PEPPER", "regenerate"):
        assert words in told
    assert with_password(View.directory) == 2


@pytest.mark.parametrize("with_secrets", [True, False])
async def test_a_backup_brings_passwords_of_its_own(tmp_path: Path, with_secrets: bool) -> None:
    """Restored without its pepper none of them would work; a file without secrets gets new ones."""
    file = tmp_path / "directory.yaml"
    file.write_text(export(directory_of(*EVERYTHING), secrets=with_secrets))
    told = await refused(tmp_path, file=file)
    assert (told is not None and str(file) in told) == with_secrets
