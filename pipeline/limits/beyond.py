"""Why a message does not go out for a limit."""

from typing import NamedTuple

from schemas.messages.status import CodeId


class Beyond(NamedTuple):
    """Why a message is refused: the contract's number, and words for people."""

    code_id: CodeId
    reason: str
