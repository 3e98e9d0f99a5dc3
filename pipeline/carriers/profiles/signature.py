"""A request becomes a signed one: an HMAC (RFC 2104) over the parts that the carrier has chosen."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from pipeline.carriers.profile_form.requests import SignatureForm
from pipeline.carriers.templates.pairs import percent_encoded
from pipeline.carriers.templates.placeholders import BadTemplate, Leaf, Parts, Placeholder, Scope, parse, resolve
from pipeline.carriers.templates.tree import Names
from pipeline.carriers.templates.variables import Kind, Values
from pipeline.carriers.templates.web_address import with_pairs
from pipeline.http.url import http_url

PARTS: Final = {
    "method": Kind.TEXT,
    "url": Kind.TEXT,
    "host": Kind.TEXT,
    "target": Kind.TEXT,
    "body": Kind.TEXT,
    "body_sha256": Kind.TEXT,
}
"""What only a signature can speak of. `target` is path and query, `body_sha256` is in hex."""


class SignatureTemplate(NamedTuple):
    """The templates of a signature."""

    form: SignatureForm
    key: Parts
    parts: tuple[Parts, ...]
    value: Parts

    def names(self) -> Iterator[str]:
        """Iterate over the variables that it needs."""
        for parts in (self.key, *self.parts, self.value):
            yield from (it.name for it in parts if isinstance(it, Placeholder))


def parse_signature(form: SignatureForm, names: Names) -> SignatureTemplate:
    """Parse. Raises `BadTemplate`."""
    beside = {**names.kinds, **PARTS}
    try:
        parts = tuple(parse(it, beside) for it in form.parts)
        value = parse(form.value, beside | {"signature": Kind.TEXT})
        key = parse(form.key, names.kinds)
    except BadTemplate as error:
        raise BadTemplate(error.reason, ("auth", "signature")) from None
    if not any(isinstance(it, Placeholder) and it.name == "signature" for it in value):
        raise BadTemplate("must have {signature} in it", ("auth", "signature", "value"))
    return SignatureTemplate(form, key, parts, value)


Sign = Callable[[str, str, bytes, Values], tuple[str, dict[str, str]]]
"""Takes method, URL, body and values; returns the URL and the headers that come with it."""


def signer(template: SignatureTemplate, scope: Scope) -> Sign:
    """Return what signs requests of one carrier."""
    form = template.form
    hidden = Scope({k: v for k, v in scope.constants.items() if k not in PARTS}, scope.cases, scope.absent)
    key = str((resolve(template.key, scope) or Leaf("")).constant).encode()
    parts = [resolve(it, hidden) or Leaf("") for it in template.parts]
    value = resolve(template.value, hidden) or Leaf("")

    def sign(method: str, url: str, body: bytes, values: Values) -> tuple[str, dict[str, str]]:
        target = http_url(url)
        beside = values | {
            "method": method,
            "url": url,
            "host": target.authority,
            "target": target.target,
            "body": body.decode("latin-1"),
            "body_sha256": hashlib.sha256(body).hexdigest(),
        }
        # The body's octets as they are, everything else as UTF-8.
        signed = form.separator.encode().join([_octets(it, beside, body) for it in parts])
        digest = hmac.digest(key, signed, form.algorithm)
        beside["signature"] = digest.hex() if form.encoding == "hex" else b64encode(digest).decode()
        written = str(value.value(beside))
        if form.header is not None:
            return url, {form.header: written}
        return with_pairs(url, f"{percent_encoded(form.query)}={percent_encoded(written)}"), {}

    return sign


def _octets(leaf: Leaf, values: Values, body: bytes) -> bytes:
    if leaf.name == "body":
        return body
    value = leaf.value(values)
    return value if isinstance(value, bytes) else str(value).encode()
