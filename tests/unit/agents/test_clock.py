"""A clock that is put forward or back is said, once for each time; one that goes is not."""

import asyncio

from structlog.testing import capture_logs

from agents import clock


async def test_each_step_is_said() -> None:
    """With how many seconds it was; what NTP does bit by bit is none."""
    ahead = iter([0.0, 0.0, 1.0, 3601.0, 3601.0, 3597.0, -3.0])
    steady = iter(range(100))
    seen: list[float] = []

    def wall() -> float:
        seen.append(next(ahead, -3.0))
        return 1_000_000 + len(seen) - 1 + seen[-1]

    with capture_logs() as said:
        watching = asyncio.create_task(clock.watch(wall, lambda: float(next(steady)), look=0))
        while len(seen) < 8:
            await asyncio.sleep(0)
        watching.cancel()
    assert [(it["event"], it["log_level"], it["seconds"]) for it in said] == [
        ("clock_stepped", "warning", 3600),
        ("clock_stepped", "warning", -3600),
    ]
    assert "NTP" in said[0]["do"]
