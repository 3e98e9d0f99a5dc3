"""The profiles that come with the product: files of deploy/carriers, which a wheel holds beside this package."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from pipeline.carriers.profiles.profile import CarrierProfile

PRACTICE: Final = "practice"
"""The profile of a carrier that names none."""


def _folder() -> Traversable:
    installed = files("pipeline.carriers.profiles")
    if (installed / f"{PRACTICE}.yaml").is_file():
        return installed
    return Path(__file__).parents[3] / "deploy" / "carriers"


@cache
def shipped_names() -> tuple[str, ...]:
    """Return the names of all shipped profiles."""
    return tuple(sorted(it.name.removesuffix(".yaml") for it in _folder().iterdir() if it.name.endswith(".yaml")))


@cache
def shipped_text(name: str) -> str:
    """Return a shipped profile as it is written. `name` is one of `shipped_names`."""
    return (_folder() / f"{name}.yaml").read_text(encoding="utf-8")


@cache
def shipped_profile(name: str) -> CarrierProfile:
    """Return a shipped profile. `name` is one of `shipped_names`."""
    return CarrierProfile.parse(name, shipped_text(name).encode())
