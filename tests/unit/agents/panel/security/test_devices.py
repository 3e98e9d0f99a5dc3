"""A browser is known to the user who has logged in with it, for a time, and cannot make itself known."""

import pytest

from agents.panel.security.devices import KNOWN_SECONDS, Devices
from tests.fakes.clock import Clock


def test_a_browser_is_known_to_its_user_alone(clock: Clock) -> None:
    """Under the same pepper also after a restart; each log-in makes another one."""
    devices = Devices.under(b"pepper" * 8)
    devices = Devices(devices._key, clock)
    cookie, other = devices.new_cookie("user 1"), devices.new_cookie("user 1")
    device = devices.device(cookie, "user 1")
    assert device
    assert device != devices.device(other, "user 1")
    assert devices.device(cookie, "user 2") is None
    assert Devices(Devices.under(b"pepper" * 8)._key, clock).device(cookie, "user 1") == device
    assert Devices(Devices.under(b"another" * 8)._key, clock).device(cookie, "user 1") is None
    assert len(cookie) <= 128


def test_it_is_forgotten(clock: Clock) -> None:
    """After half a year without logging in again."""
    devices = Devices(b"k" * 32, clock)
    cookie = devices.new_cookie("user 1")
    clock.now += KNOWN_SECONDS - 1
    assert devices.device(cookie, "user 1") is not None
    clock.now += 2
    assert devices.device(cookie, "user 1") is None


@pytest.mark.parametrize("cookie", ["", ".", "..", "a.b.c", "\ud800.1.\ud800", "x" * 128, "\n", "1.9999999999."])
def test_what_is_made_up_is_no_browser(clock: Clock, cookie: str) -> None:
    """Whatever is sent; and neither part of a true one can be changed."""
    devices = Devices(b"k" * 32, clock)
    assert devices.device(cookie, "user 1") is None
    device, until, proof = devices.new_cookie("user 1").split(".")
    for forged in (
        f"{device}.{int(until) + 1}.{proof}",
        f"{device}0.{until}.{proof}",
        f"{device}.{until}.{proof[:-1]}",
    ):
        assert devices.device(forged, "user 1") is None
