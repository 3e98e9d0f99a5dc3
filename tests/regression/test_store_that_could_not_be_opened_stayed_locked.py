"""A file of state that could not be opened on a full disk kept its lock: with room again nobody got it."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.errors import ConfigurationError
from pipeline.idempotency import store as idempotency_store
from pipeline.idempotency.store import ClaimStore
from pipeline.scheduling import deferred_store
from pipeline.scheduling.deferred_store import DeferredStore


@pytest.mark.parametrize(
    ("module", "store"), [(idempotency_store, ClaimStore), (deferred_store, DeferredStore)], ids=["keys", "scheduled"]
)
def test_it_can_be_opened_when_there_is_room_again(
    module: ModuleType,
    store: Callable[[Path], ClaimStore | DeferredStore],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the same process, which has kept the error."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "_TABLES", ("CREATE TABLE about ON A DISK THAT IS FULL",))
        with pytest.raises(ConfigurationError) as kept:
            store(tmp_path / "file")
    store(tmp_path / "file").close()
    assert "syntax error" in str(kept.value)
