"""Prometheus' own programs, for tests: Debian's package `prometheus` has both."""

import os
import shutil

import pytest


def program_or_skip(name: str) -> str:
    """Return the path of `prometheus` or `promtool`; without it skip the test, but fail in CI."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have what every test needs: {name} (Debian: prometheus)")
        pytest.skip(f"{name} is not installed (Debian: prometheus)")
    return found
