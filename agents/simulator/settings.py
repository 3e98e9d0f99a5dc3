"""The simulator's own settings, from the environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.settings import Port


class SimulatorSettings(BaseSettings):
    """The practice carrier and the callback inbox: where they listen and what they keep."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_SIMULATOR_")

    host: str = "127.0.0.1"
    """It shows message texts to whoever can reach it."""
    port: Port = 8090
    """0 takes any free one: it is in the log line `listening`."""
    ledger_file: Path | None = None
    """Every ledger entry is appended here and fsynced before its answer; read back at the start."""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 262_144
    """Larger bodies get 413."""
    max_kept_bytes: Annotated[int, Field(ge=1024)] = 268_435_456
    """Memory for the ledger's entries, and again for those of all inboxes together; beyond it the oldest go."""
    max_inboxes: Annotated[int, Field(ge=1)] = 1000
    """So many names may have an inbox."""
