"""A template becomes a URL: it begins with an address that the operator gives, and every other value is one step of it.

An address may have a query of its own, which names an account or holds a key: what the template adds goes on the path,
and the query stays behind it (RFC 3986 section 3: the path ends where the query begins).
"""

from collections.abc import Callable

from pipeline.carriers.templates.pairs import percent_encoded
from pipeline.carriers.templates.placeholders import BadTemplate, Leaf, Parts, Placeholder, Scope, resolve
from pipeline.carriers.templates.variables import Value, Values
from schemas.urls import url_problem

Write = Callable[[Values], str]


def check_web_address(parts: Parts, addresses: frozenset[str]) -> None:
    """Raise `BadTemplate` for what is no URL, whatever the values are. `addresses` are the names that hold one."""
    first = parts[0]
    if isinstance(first, Placeholder) and first.name not in addresses:
        raise BadTemplate(f"must begin with https:// or with an address: {', '.join(sorted(addresses))}")
    for part in parts[1:]:
        if isinstance(part, Placeholder) and part.name in addresses:
            raise BadTemplate(f"{{{part.name}}} can only be its beginning")
    tried = "".join(it if isinstance(it, str) else "x" for it in parts[1:])
    tried = ("https://example.com" if isinstance(first, Placeholder) else first) + tried
    if (problem := url_problem(tried)) is not None:
        raise BadTemplate(problem)


def address_writer(parts: Parts, scope: Scope) -> Write | None:
    """Return what writes the URL; None when a value that it needs is not there."""
    first, rest = parts[0], list(parts[1:])
    base, query = "", ""
    if isinstance(first, Placeholder):
        leaf = resolve((first,), scope)
        if leaf is None or not isinstance(leaf.constant, str):
            return None
        base, mark, kept = leaf.constant.partition("?")
        query = mark + kept
        if rest and str(rest[0]).startswith("/"):
            base = base.rstrip("/")
    else:
        base = first
    pieces: list[Leaf] = []
    for part in rest:
        found = Leaf(part) if isinstance(part, str) else resolve((part,), scope)
        if found is None:
            return None
        read = found.read
        if isinstance(part, Placeholder):
            found = Leaf(_step(found.constant)) if read is None else Leaf(read=_encoding(read))
        pieces.append(found)
    if all(it.read is None for it in pieces):
        constant = base + "".join([str(it.constant) for it in pieces])
        constant = _with_query(constant, query)
        return lambda _: constant
    return lambda values: _with_query(base + "".join([str(it.value(values)) for it in pieces]), query)


def _step(value: Value) -> str:
    """Return a value as one step of a path, where a colon is a letter like others (RFC 3986 section 3.3)."""
    return percent_encoded(value).replace("%3A", ":")


def _encoding(read: Callable[[Values], Value]) -> Callable[[Values], Value]:
    return lambda values: _step(read(values))


def _with_query(url: str, query: str) -> str:
    return url + ("&" + query[1:] if query and "?" in url else query)


def with_pairs(url: str, pairs: str) -> str:
    """Return `url` with more pairs in its query."""
    if not pairs:
        return url
    return f"{url}&{pairs}" if "?" in url else f"{url}?{pairs}"
