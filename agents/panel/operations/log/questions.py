"""What the operations need of the message log."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class LogQuestions(Protocol):
    """What is used of its reader; apart from the other ports, so that only who asks the log loads its database."""

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """Return the answer to a question. Raises `LogUnavailable`."""
