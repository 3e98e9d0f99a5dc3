"""What the head of a request asks for, where both APIs look at it alike: which form of answer, which form of body."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from aiohttp import HttpVersion, HttpVersion11, hdrs
from multidict import CIMultiDictProxy

from agents.serving.errors import MEDIA_TYPE

Headers = CIMultiDictProxy[str]

_LONGEST_KEPT: Final = 200
# Parts of a list, or of one of its elements; a quoted string (RFC 9110 section 5.6.4) may hold what separates them.
_ELEMENTS: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PARAMETERS: Final = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+')
_NOTHING: Final = re.compile(r"0(?:\.0{0,3})?")


def elements(values: Iterable[str]) -> list[str]:
    """Return the members of a list header, of all its lines, in lower case; empty ones are none (RFC 9110 5.6.1)."""
    return [element for value in values for it in value.split(",") if (element := it.strip(" \t").lower())]


def is_acceptable(headers: Headers) -> bool:
    """Tell whether an answer in JSON:API's form suits a request's Accept (JSON:API 1.1, RFC 9110 section 12.5.1).

    An instance of the media type with a parameter other than `profile` counts as not there, and where all are such the
    answer is no, whatever else is in the list. `application/json` stands for it: that is what it is, too.
    """
    value = ",".join(headers.getall(hdrs.ACCEPT, ()))
    return _suits(value) if len(value) <= _LONGEST_KEPT else _suits.__wrapped__(value)


@lru_cache(maxsize=256)
def _suits(accept: str) -> bool:
    wanted: dict[str, bool] = {}
    for element in _ELEMENTS.findall(accept):
        if not element.strip(" \t"):
            continue
        media_range, *parameters = (part.strip(" \t") for part in _PARAMETERS.findall(element))
        name = media_range.lower()
        wants, modified = True, False
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.lower() == "q":
                wants = not _NOTHING.fullmatch(value)
            elif key.lower() != "profile":
                modified = True
        if name == MEDIA_TYPE and modified:
            wanted.setdefault(name, False)
        else:
            wanted[name] = wants or wanted.get(name, False)
    if MEDIA_TYPE in wanted:
        return wanted[MEDIA_TYPE]
    if wanted.get("application/json"):
        return True
    return wanted.get("application/*", wanted.get("*/*", not wanted))


def transfer_problem(headers: Headers, version: HttpVersion) -> tuple[int, str] | None:
    """Return status and detail where the body has come in a way that nobody can rely on, None when all is well."""
    if hdrs.TRANSFER_ENCODING not in headers:
        return None
    if version < HttpVersion11:  # which had none, so the framing is not to be believed (RFC 9112 section 6.1)
        return 400, "Transfer-Encoding takes HTTP/1.1"
    if elements(headers.getall(hdrs.TRANSFER_ENCODING)) != ["chunked"]:
        return 501, "of the transfer codings only chunked is understood"
    return None


def is_compressed(headers: Headers) -> bool:
    """Tell whether the body has a content coding."""
    return any(coding != "identity" for coding in elements(headers.getall(hdrs.CONTENT_ENCODING, ())))
