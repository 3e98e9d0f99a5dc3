"""Records written from values that are known to be right: for those of which every message has some.

A model checks its values, and its serializer asks each of them what it is: several times the cost of the rest of a
step. What is made here has its model's attributes and nothing else of it, and comes out as the same bytes. It is only
for writing: records are read by their models.
"""

from collections.abc import Callable
from typing import Any, Final, ParamSpec, cast

from msgspec import Raw, defstruct, field
from msgspec.json import Encoder

from schemas.record import WireModel

P = ParamSpec("P")

encode: Final = Encoder().encode
"""Returns as JSON in UTF-8 what `unchecked` has made, or plain values. Raises `UnicodeEncodeError` for a surrogate."""


def unchecked(model: Callable[P, WireModel]) -> Callable[P, Any]:
    """Return what takes the attributes of `model`, a class, and is written as it is, with absent attributes left out.

    Nothing is looked at: a wrong value makes a record that nobody can read. Values inside of others are made by what
    this returns for their models, not by the models themselves.
    """
    name, fields = model.__name__, cast("type[WireModel]", model).model_fields
    version = fields.get("schema_version")
    return defstruct(
        f"Unchecked{name}",
        [
            (key, object, *(() if it.is_required() else (_default(it.default),)))
            for key, it in fields.items()
            if it is not version
        ],
        kw_only=True,
        omit_defaults=True,
        # Where there is a version it comes first, and is the same for all.
        tag_field=None if version is None else "schema_version",
        tag=None if version is None else version.default,
        gc=False,  # it lives for as long as it takes to write it
    )


def _default(value: object) -> Any:
    # None is left out. Another default is written, which the encoder does where it cannot know it beforehand.
    return None if value is None else field(default_factory=lambda: value)


def written_once(values: object) -> Any:
    """Return `values` as they will be written, to be used in several records that share them."""
    return Raw(encode(values))
