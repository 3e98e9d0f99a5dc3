"""A message becomes a request. What can be known before there is a message is worked out once for each shape."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from pipeline.carriers.profile_form.questions import QueryForm
from pipeline.carriers.profile_form.requests import AuthForm, BodyForm, RequestForm
from pipeline.carriers.profiles.signature import Sign, SignatureTemplate, parse_signature, signer
from pipeline.carriers.templates.json_body import check_json, json_writer
from pipeline.carriers.templates.pairs import check_pairs, pairs_writer
from pipeline.carriers.templates.placeholders import BadTemplate, Leaf, Parts, Placeholder, Scope, kind_of, parse
from pipeline.carriers.templates.tree import (
    MAX_NODES,
    Branches,
    Names,
    Node,
    Tree,
    depends_on_shape,
    parse_tree,
    placeholders,
    size,
    specialise,
)
from pipeline.carriers.templates.variables import EXTRAS, Kind, Sent, Values
from pipeline.carriers.templates.web_address import address_writer, check_web_address, with_pairs
from pipeline.carriers.templates.xml_body import check_xml, xml_writer
from pipeline.errors import Inexpressible

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.1
_IMPOSSIBLE_IN_HEADER: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")  # section 5.5
_OURS: Final = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "user-agent", "expect", "te", "trailer", "upgrade")
)
_CONTENT_TYPES: Final = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "application/xml; charset=utf-8",
}

Path = tuple[str | int, ...]


class Target(NamedTuple):
    """Where a request goes, and the headers that it takes there."""

    url: str
    headers: dict[str, str]


class Request(NamedTuple):
    """A request as it goes out. Where the first target cannot be reached, the next one gets it."""

    method: str
    targets: tuple[Target, ...]
    body: bytes | None

    def with_headers(self, more: dict[str, str]) -> "Request":
        """Return it with headers, their names in lower case, beside its own or in their place."""
        targets = []
        for target in self.targets:
            own = {name: value for name, value in target.headers.items() if name.lower() not in more}
            targets.append(target._replace(headers=own | more))
        return self._replace(targets=tuple(targets))


class RequestTemplate:
    """The parts of a request as a profile has them. Raises `BadTemplate`."""

    def __init__(
        self, form: RequestForm | QueryForm, auth: AuthForm | None, names: Names, addresses: frozenset[str], path: Path
    ) -> None:
        self.method = form.method
        self.urls = [_url(it, names, addresses, (*path, "urls", at)) for at, it in enumerate(form.urls)]
        headers, query = dict(form.headers), dict(form.query)
        if auth is not None:
            headers |= _auth_headers(auth)
            query |= auth.query or {}
        self.headers = _headers(headers, names, (*path, "headers"))
        self.query = parse_tree(query, names, (*path, "query"))
        _at((*path, "query"), check_pairs, self.query)
        self.kind, self.body = _body(form.body, names, (*path, "body"))
        self.basic = None
        self.signature: SignatureTemplate | None = None
        if auth is not None and auth.basic is not None:
            self.basic = tuple(_text(it, names, ("auth", "basic")) for it in (auth.basic.username, auth.basic.password))
        if auth is not None and auth.signature is not None:
            self.signature = parse_signature(auth.signature, names)
            if self.signature.form.header is not None:
                _check_header_name(self.signature.form.header, ("auth", "signature", "header"))
        nodes = size(self.query) + size(self.headers) + (0 if self.body is None else size(self.body))
        if nodes > MAX_NODES:
            raise BadTemplate(f"is too large: {nodes} values of at most {MAX_NODES}", path)

    @property
    def depends_on_shape(self) -> bool:
        """Whether it has to be worked out for more than two shapes of messages: with and without a receipt."""
        nodes: list[Node] = [self.query, self.headers, *self.urls]
        return any(map(depends_on_shape, nodes if self.body is None else [*nodes, self.body]))

    def extras(self) -> list[str]:
        """Return the variables that have to be made for each request."""
        nodes = [it for it in (self.query, self.headers, self.body) if it is not None]
        used = {it.name for node in nodes for it in placeholders(node)}
        used |= {it.name for parts in self.urls for it in parts if isinstance(it, Placeholder)}
        if self.signature is not None:
            used |= set(self.signature.names())
        return [name for name in EXTRAS if name in used]


def _at(path: Path, check: Callable[..., None], *arguments: Any) -> None:
    try:
        check(*arguments)
    except BadTemplate as error:
        raise BadTemplate(error.reason, (*path, *error.path)) from None


def _text(text: str, names: Names, path: Path) -> Parts:
    try:
        return parse(text, names.kinds)
    except BadTemplate as error:
        raise BadTemplate(error.reason, path) from None


def _url(text: str, names: Names, addresses: frozenset[str], path: Path) -> Parts:
    parts = _text(text, names, path)
    _at(path, check_web_address, parts, addresses)
    return parts


def _auth_headers(auth: AuthForm) -> dict[str, str]:
    if auth.bearer is not None:
        return {"Authorization": f"Bearer {auth.bearer}"}  # RFC 6750 section 2.1
    return auth.headers or {}


def _headers(raw: dict[str, Any], names: Names, path: Path) -> Branches:
    node = parse_tree(raw, names, path)
    _at(path, check_pairs, node)
    if not isinstance(node, Branches):
        raise BadTemplate("must be a mapping of names to values", path)
    for name, _ in node.items:
        _check_header_name(name, (*path, name))
    for it in placeholders(node):
        if kind_of(it, names.kinds) is Kind.OCTETS:
            raise BadTemplate(f"{{{it.name}}} holds octets, which a header cannot: add |hex or |base64", path)
    return node


def _check_header_name(name: str, path: Path) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise BadTemplate(f"{name!r} is no name of a header", path)
    if name.lower() in _OURS:
        raise BadTemplate(f"{name} is written by the HTTP client", path)


def _body(form: BodyForm | None, names: Names, path: Path) -> tuple[str | None, Node | None]:
    if form is None:
        return None, None
    [set_] = form.model_fields_set
    kind = set_.removesuffix("_")
    node = parse_tree(getattr(form, set_), names, (*path, kind))
    if kind == "json":
        _at((*path, kind), check_json, node, names)
    elif kind == "form":
        _at((*path, kind), check_pairs, node)
    else:
        _at((*path, kind), check_xml, node, names)
    return kind, node


Write = Callable[[Values, Sent | None], Request]
"""Returns the request for a message's values. Raises `Inexpressible` for a value that its place cannot hold."""


class RequestWriter:
    """Writes the requests of one carrier for messages of one shape."""

    def __init__(self, template: RequestTemplate, scope: Scope) -> None:
        self._method = template.method
        self._urls = [it for it in (address_writer(parts, scope) for parts in template.urls) if it is not None]
        self._query = pairs_writer(specialise(template.query, scope))
        self._extras = [(name, EXTRAS[name].value) for name in template.extras() if name not in scope.absent]
        self.needs_moment = bool(self._extras)
        self._fixed, self._changing = _split_headers(template, scope)
        self._body = None if template.body is None else _body_writer(template.kind, specialise(template.body, scope))
        self._sign: Sign | None = None if template.signature is None else signer(template.signature, scope)
        self.write: Write = self._short_way() or self._write

    def _short_way(self) -> Write | None:
        """Return the same in fewer steps, for what most carriers want: one address that stays, and no signature."""
        body, method, fixed = self._body, self._method, self._fixed
        leaf = self._changing[0][1] if len(self._changing) == 1 else None
        if self._extras or self._sign or body is None or len(self._urls) != 1 or not _is_plain(leaf):
            return None
        try:
            url = with_pairs(self._urls[0]({}), self._query({}))
        except KeyError:
            return None  # what stands there is the message's
        name, variable = self._changing[0][0], str(leaf.name if leaf else "")

        def write(values: Values, _: Sent | None) -> Request:
            headers = fixed.copy()
            headers[name] = values[variable]  # type: ignore[assignment]  # plain ones are texts
            try:
                return Request(method, (Target(url, headers),), body(values))
            except UnicodeEncodeError as error:
                raise _half_a_character(error) from None

        return write

    def _write(self, values: Values, sent: Sent | None) -> Request:
        try:
            if sent is not None:
                for name, make in self._extras:
                    values[name] = make(sent)
            headers = self._fixed
            if self._changing:
                headers = headers | {name: _header_text(leaf, values) for name, leaf in self._changing}
            query = self._query(values)
            body = None if self._body is None else self._body(values)
            urls = [with_pairs(url(values), query) for url in self._urls]
        except UnicodeEncodeError as error:
            raise _half_a_character(error) from None
        if self._sign is None:
            return Request(self._method, tuple([Target(url, headers) for url in urls]), body)
        signed = [self._sign(self._method, url, body or b"", values) for url in urls]
        return Request(self._method, tuple([Target(url, headers | more) for url, more in signed]), body)


def _half_a_character(error: UnicodeEncodeError) -> Inexpressible:
    return Inexpressible(f"a value has half a character at {error.start + 1}")


def _is_plain(leaf: Leaf | None) -> bool:
    """Tell whether a header is a value that every header can hold."""
    return leaf is not None and leaf.name in ("segment_id", "message_id", "destination")


def _body_writer(kind: str | None, tree: Tree | None) -> Callable[[Values], bytes]:
    if kind == "json":
        return json_writer(tree)
    if kind == "xml":
        return xml_writer(tree)
    pairs = pairs_writer(tree)
    return lambda values: pairs(values).encode()


def _split_headers(template: RequestTemplate, scope: Scope) -> tuple[dict[str, str], list[tuple[str, Leaf]]]:
    tree = specialise(template.headers, scope)
    leaves = list(_leaves(tree))
    names = {name.lower() for name, _ in leaves}
    fixed: dict[str, str] = {}
    if template.kind is not None and "content-type" not in names:
        fixed["Content-Type"] = _CONTENT_TYPES[template.kind]
    if template.basic is not None:
        username, password = (_constant(parts, scope) for parts in template.basic)
        fixed["Authorization"] = "Basic " + b64encode(f"{username}:{password}".encode()).decode()
    fixed |= {name: "" if leaf.read else _header_text(leaf, {}) for name, leaf in leaves}
    return fixed, [(name, leaf) for name, leaf in leaves if leaf.read is not None]


def _leaves(tree: Tree | None) -> Iterator[tuple[str, Leaf]]:
    for name, it in (tree if isinstance(tree, dict) else {}).items():
        if isinstance(it, Leaf):
            yield name, it


def _constant(parts: Parts, scope: Scope) -> str:
    found = specialise(parts, scope)
    return str(found.constant) if isinstance(found, Leaf) and found.constant is not None else ""


def _header_text(leaf: Leaf, values: Values) -> str:
    value = leaf.value(values)
    text = "" if value is None else str(value)
    if not _is_plain(leaf):
        if (found := _IMPOSSIBLE_IN_HEADER.search(text)) is not None:
            raise Inexpressible(f"a header cannot hold U+{ord(found[0]):04X}, which a value has at {found.start() + 1}")
        if text != text.strip(" \t"):
            raise Inexpressible("a header cannot hold a value that begins or ends with a space")
    return text
