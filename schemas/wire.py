"""The base of every record: frozen, strict, and JSON on the wire.

A record says which version of its shape it has (`schema_version`). A reader accepts the versions it knows.
Additive changes (a new optional attribute) keep the version; a change of meaning raises it, and a reader that does
not know the new version refuses the record instead of guessing.
"""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict


class WireModel(BaseModel):
    """A value that travels: immutable, strictly parsed, unknown attributes ignored so that versions can roll."""

    # An error says what is wrong with an input, not what it was: its text goes to logs, and message text must not.
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


class Record(WireModel):
    """A `WireModel` that is the value of a Kafka record."""

    SCHEMA_VERSION: ClassVar[int] = 1

    def to_bytes(self) -> bytes:
        """Return the record's value: compact JSON in UTF-8, absent attributes left out."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """Parse a record's value.

        Raises `pydantic.ValidationError` for anything that is not this model in a known version.
        """
        return cls.model_validate_json(value)


def json_object(model: WireModel) -> dict[str, Any]:
    """Return `model` as plain JSON types, absent attributes left out (for YAML export and logs)."""
    return model.model_dump(mode="json", exclude_none=True)
