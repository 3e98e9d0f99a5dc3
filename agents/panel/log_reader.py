"""Asks the message log's database, read-only and in threads of its own; it belongs to another agent.

The panel reads the database and not that agent's port: a question needs no second way to log in, an export streams
without passing through two processes, and the log can be read while its agent is away.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine

from pipeline.errors import ConfigurationError, LogUnavailable
from pipeline.message_log.database import READERS, database_url, is_made, reader_engine, reading

T = TypeVar("T")


class LogReader:
    """A pool of readers. Without a database there is nobody to ask, and everything else of the panel works."""

    def __init__(self, url: URL | None) -> None:
        self._engine: Engine | None = None if url is None else reader_engine(url)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="log")
        self._is_made = False

    @classmethod
    def from_settings(cls) -> "LogReader":
        """Return one for the database that the settings name. Raises `ConfigurationError` for one that is none."""
        try:
            return cls(database_url())
        except ConfigurationError as error:
            if "needs a place" not in str(error):
                raise
            return cls(None)

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """Return the answer to a question. Raises `LogUnavailable`."""
        if self._engine is None:
            raise LogUnavailable("this panel knows no message log: SMSOUT_DATABASE_URL is not set")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._asked, self._engine, question)

    def _asked(self, engine: Engine, question: Callable[[Connection], T]) -> T:
        with reading(engine) as connection:
            if not self._is_made:
                if not is_made(connection):
                    raise LogUnavailable("the message log is empty: its agent has not run yet")
                self._is_made = True
            return question(connection)

    def close(self) -> None:
        """Wait for the questions that are being asked, and disconnect."""
        self._threads.shutdown()
        if self._engine is not None:
            self._engine.dispose()
