"""How what is written in the environment becomes a value."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

Port = Annotated[int, Field(ge=0, le=65535)]


def _comma_separated(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


# Lists are written as people write them, `a, b`, not as JSON.
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
Files = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_comma_separated)]
Delays = Annotated[
    tuple[Annotated[int, Field(ge=1, le=604_800)], ...],
    Field(min_length=1),  # without a tier there is no place to wait in, and nothing that fails could be tried again
    NoDecode,
    BeforeValidator(_comma_separated),
]


def none_if_empty(value: object) -> object:
    """Return None for an empty text: a compose file cannot leave a variable out."""
    return None if value == "" else value


def with_file(values: dict[str, object], name: str) -> dict[str, object]:
    """Return the values with a secret that stands in a file. Raises `ValueError`."""
    if name in values or not (path := values.get(f"{name}_file")):
        return values
    try:
        return {**values, name: Path(str(path)).read_text(encoding="utf-8").strip()}
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"SMSOUT_{name.upper()}_FILE cannot be read: {error}") from error
