"""Who writes the directory: a record beside the configuration."""

from typing import Literal

from pydantic import AwareDatetime

from schemas.identifiers import Uuid
from schemas.record import Record


class WriterClaim(Record):
    """Who writes `sms.directory` now: the record `writer:current`, which is no configuration."""

    schema_version: Literal[1] = 1
    instance: Uuid
    host: str
    pid: int
    since: AwareDatetime
