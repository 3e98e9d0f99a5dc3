"""What a URL that will be posted to must look like: a customer's endpoint, or a carrier's."""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Final
from urllib.parse import urlsplit

import idna
from pydantic import AfterValidator, Field

MAX_URL_LENGTH: Final = 2048

_URL_TEXT: Final = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")  # RFC 3986 section 2
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


def punycoded(url: str) -> str:
    """Return `url` with the host as it is asked for in the DNS: a name in other letters in punycode (RFC 5891).

    A URL without one is returned as it is, and so is one whose host no registry would take: `url_problem` says why.
    """
    try:
        authority = urlsplit(url).netloc
        user, at, place = authority.rpartition("@")
        host, colon, port = place.partition(":")
        if host.isascii():
            return url
        name = idna.encode(host, uts46=True).decode()
    except (ValueError, UnicodeError):  # not a URL, or `idna.IDNAError`
        return url
    return url.replace(authority, f"{user}{at}{name}{colon}{port}", 1)


def url_problem(url: str) -> str | None:
    """Say what is wrong with an endpoint's URL, or None. Which addresses may be called is decided at each call."""
    if len(url) > MAX_URL_LENGTH:
        return f"must not be longer than {MAX_URL_LENGTH} characters"
    # Before parsing: urlsplit takes line breaks out in silence.
    readable = _URL_TEXT.match(url)
    if readable is None or readable.end() != len(url):
        at = readable.end() if readable else 0
        if not url[at].isascii() and url.count("/", 0, at) == 2:
            return f"has a host that is no name of the internet: {url[at]!r} (character {at + 1}) cannot stand in it"
        return f"has {url[at]!a} at character {at + 1}, which must be percent-encoded in a URL"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"is not a valid URL: {error}"
    if parts.scheme not in ("http", "https"):
        return "must begin with http:// or https://"
    if "@" in parts.netloc:
        return "must not hold a username or password"
    if "#" in url:
        return "must not hold a fragment (#...)"
    if port == 0:
        return "must not have the port 0"
    return _host_problem(parts.hostname or "")


def _postable(url: str) -> str:
    if (problem := url_problem(url)) is not None:
        raise ValueError(problem)
    return url


CallbackUrl = Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH), AfterValidator(_postable)]
"""Where one message's callbacks go."""


def _host_problem(host: str) -> str | None:
    if not host:
        return "has no host"
    labels = host.removesuffix(".").split(".")
    try:
        if ":" in host:
            if "%" in host:
                return "must not have a zone in its IPv6 address"
            IPv6Address(host)
        elif re.fullmatch(r"[0-9]+|0[xX][0-9A-Fa-f]*", labels[-1]):
            # Some resolvers read 2130706433 or 0177.1 as an address: one spelling only.
            IPv4Address(host)
    except ValueError:
        return f"has a host that is no valid IP address: {host[:64]!a}"
    if ":" not in host and (len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels)):
        return f"has a host that is no valid name: {host[:64]!a}"
    return None
