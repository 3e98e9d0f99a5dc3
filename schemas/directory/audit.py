"""What somebody did to the configuration, or tried to: one record of `sms.audit.recorded` each, never changed.

Secrets are not in it: a password or signing secret shows as the version or the number of secrets that there are.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.identifiers import Uuid
from schemas.record import Record, WireModel


class Difference(WireModel):
    """One attribute that changed, as texts that people can read; None where it was not there."""

    attribute: str
    before: str | None = None
    after: str | None = None


class AuditEvent(Record):
    """Who did what to which entry, when, from where, and how it looked before and after.

    `actor` is an email address, an API key's name, or `system`. `action` is `<kind>.<past participle>`
    (`trunk.created`, `password.revealed`, `log_in.failed`). `differences` says what changed.
    """

    schema_version: Literal[1] = 1
    id: Uuid
    at: AwareDatetime
    actor: Annotated[str, Field(max_length=254)]
    actor_kind: Literal["user", "api_key", "system", "nobody"]
    actor_id: Uuid | None = None
    ip: str | None = None
    account_id: Uuid | None = None
    action: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$")]
    target: str | None = None
    """The entry, `<kind>:<id>`."""
    target_name: str | None = None
    differences: tuple[Difference, ...] = ()
