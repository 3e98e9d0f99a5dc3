"""The message log in memory: a real one, in SQLite, made when somebody asks first."""

import weakref
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from sqlalchemy import Connection, Engine, StaticPool, create_engine

from pipeline.errors import LogUnavailable
from pipeline.message_log.database import migrate

T = TypeVar("T")


class MemoryLog:
    """Stands for the panel's reader. `failure` is raised instead of an answer where there is one."""

    def __init__(self) -> None:
        self.failure: LogUnavailable | None = None

    @cached_property
    def engine(self) -> Engine:
        """The database."""
        made = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        weakref.finalize(self, made.dispose)
        migrate(made)
        return made

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """Return the answer to a question."""
        if self.failure is not None:
            raise self.failure
        with self.engine.connect() as connection, connection.begin():
            return question(connection)
