"""What the panel remembers of those who use it, over a restart: one record of `sms.panel.remembered` each.

Keyed `session:<SHA-256 of its id>`, `user:<id>` or `apikey:<id>`; a null value forgets. Nothing here lets anybody in:
a session's id is in its browser's cookie alone.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.identifiers import Uuid
from schemas.record import Record, WireModel


class SessionOf(WireModel):
    """Whose session it is. `password_digest` is the SHA-256 of the password's hash: with another one it ends."""

    user_id: Uuid
    password_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    began_at: AwareDatetime
    account_id: Uuid | None = None
    """The account that an operator works in."""


class Remembered(Record):
    """When a session, a user or an API key was last used, to a few minutes."""

    schema_version: Literal[1] = 1
    used_at: AwareDatetime
    session: SessionOf | None = None
