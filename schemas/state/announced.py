"""That a process of ingress lives: what shares a limit between those that there are."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.record import Record


class Announcement(Record):
    """Said every few seconds by each process. `identity` is its slot's: a process that takes a slot over has the same.

    `at` is for people: who reads it goes by when it came.
    """

    schema_version: Literal[1] = 1
    identity: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    at: AwareDatetime
