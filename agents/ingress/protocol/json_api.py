"""A request's body becomes the attributes of the resource that it asks for (JSON:API 1.1 section 7).

Stricter than a JSON library: a member that is there twice is refused, because two readers could take two different
values for it, and so are NaN and Infinity, which are no JSON (RFC 8259 section 6).
"""

import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from typing import Any, Final, NoReturn

from pydantic_core import from_json

_MAX_NAME_SHOWN: Final = 64

Located = tuple[str, str]
"""A JSON pointer from the document's root, and what is wrong there."""


class Malformed(ValueError):
    """The body is no JSON document that could be read in one way only; the message says why."""


def parse(body: bytes) -> Any:
    """Return the value of a JSON text. Raises `Malformed`."""
    try:
        document = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        return _parse_strictly(body)
    # This parser is five times as fast, but keeps the last of repeated members in silence. Each member has one colon
    # outside of strings: where the text has no more colons than the result has members, nothing was repeated.
    if body.count(b":") == _members(document):
        return document
    return _parse_strictly(body)


def resource(document: Any, expected_type: str) -> tuple[dict[str, Any] | None, list[Located]]:
    """Return `data.attributes` (None when there is no such object) and what is wrong around it.

    Members that JSON:API does not know are ignored, as it demands; those whose meaning we would not honour are not.
    """
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        where = "/data" if isinstance(document, dict) and "data" in document else ""
        return None, [(where, "the body must be an object with a member data that is an object")]
    problems: list[Located] = []
    if data.get("type") != expected_type:
        problems.append(("/data/type", "type is invalid"))
    if data.get("id") is not None:
        problems.append(("/data/id", "a message cannot be given an id: leave it out"))
    if data.get("relationships"):
        problems.append(("/data/relationships", "relationships are not supported"))
    attributes = data.get("attributes")
    if not isinstance(attributes, dict):
        detail = "attributes must be an object" if "attributes" in data else "attributes is missing"
        problems.append(("/data/attributes", detail))
        attributes = None
    return attributes, problems


def _members(document: Any) -> int:
    """Count members where a proper request has them; elsewhere the slow parser may look."""
    if not isinstance(document, dict):
        return 0
    count = len(document)
    data = document.get("data")
    if isinstance(data, dict):
        count += len(data)
        attributes = data.get("attributes")
        if isinstance(attributes, dict):
            count += len(attributes)
    return count


def _parse_strictly(body: bytes) -> Any:
    if body.startswith(BOM_UTF8):  # RFC 8259 section 8.1: no JSON text on the wire begins with one
        raise Malformed("the body begins with a byte order mark (U+FEFF): leave it out")
    if body.startswith((BOM_UTF16_BE, BOM_UTF16_LE)):
        raise Malformed("the body is not UTF-8: it begins with the byte order mark of UTF-16")
    try:
        return _strict.decode(body.decode())
    except Malformed:
        raise
    except UnicodeDecodeError as error:
        raise Malformed(f"the body is not UTF-8: byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"the body is not JSON: {error.msg}, line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise Malformed("the body is nested too deeply") from None
    except ValueError:  # an integer of thousands of digits
        raise Malformed("the body holds a number that cannot be read") from None


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise Malformed(f"the member {name[:_MAX_NAME_SHOWN]!a} is there more than once")
            seen.add(name)
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"the body is not JSON: {name}")


_strict: Final = json.JSONDecoder(object_pairs_hook=_unrepeated, parse_constant=_refuse_constant)
