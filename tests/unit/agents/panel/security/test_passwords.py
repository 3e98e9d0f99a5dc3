"""Passwords of people: hashed, and a few at a time."""

import asyncio
from typing import Any

import pytest

from agents.panel.security import passwords
from agents.panel.security.passwords import Passwords, TooBusy


async def test_a_password_is_hashed_with_argon2id() -> None:
    """Right, wrong, hostile, and somebody who is not there."""
    people = Passwords()
    hashed = await people.hash("correct horse")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await people.verify(hashed, "correct horse")
    for wrong in ("Correct horse", "", "\ud800", "\0"):
        assert not await people.verify(hashed, wrong)
    assert not await people.verify(None, "nobody has this password")
    assert not await people.verify("no hash at all", "x")


async def test_hashing_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time, and only so many wait: each takes 19 MiB."""
    people = Passwords()
    most = running = 0

    def slow(*_: Any) -> bool:
        nonlocal most, running
        running += 1
        most = max(most, running)
        running -= 1
        return True

    monkeypatch.setattr(people, "_verify", slow)
    asked = [asyncio.create_task(people.verify("x", "y")) for _ in range(passwords.MAX_WAITING + 5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, TooBusy) for answer in answers) == 5
    assert most <= passwords.AT_ONCE
    assert await people.verify("x", "y")
