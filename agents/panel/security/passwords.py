"""Passwords of people: argon2id (RFC 9106), a few at a time, because each one takes memory on purpose."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")

# OWASP's second choice of parameters for argon2id: 19 MiB, two passes, one lane. About 30 ms.
MEMORY_KIB: Final = 19_456
PASSES: Final = 2
AT_ONCE: Final = 2
MAX_WAITING: Final = 32
MAX_BYTES: Final = 4096


class TooBusy(Exception):
    """Too many passwords are being checked; come back later."""


class Passwords:
    """Hashes and checks in threads, `AT_ONCE` at the same time; of those that wait there are `MAX_WAITING`."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)
        self._nobody = self._hasher.hash("nobody has this password")
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Return the PHC text of a password. Raises `TooBusy`."""
        return await self._in_turn(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password is the one; None, a user that is not there, takes the same time.

        Raises `TooBusy`.
        """
        right = await self._in_turn(lambda: self._verify(password_hash or self._nobody, password))
        return right and password_hash is not None

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise TooBusy
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")[:MAX_BYTES]
