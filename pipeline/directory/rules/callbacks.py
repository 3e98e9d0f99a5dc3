"""What a trunk's wishes for its callbacks must keep to."""

from collections.abc import Iterator, Mapping
from typing import Final

from pipeline.directory.callback_secrets import CallbackSecrets
from pipeline.directory.rules.changes import Problem
from pipeline.directory.sealing import looks_sealed
from pipeline.http.tls import tls_context
from schemas.directory.callback_options import CallbackOptions
from schemas.urls import url_problem

MAX_HEADERS_LENGTH: Final = 8192
"""Characters of all names and values: what common servers take of a whole head."""

# What frames a request or says whose it is (RFC 9110 sections 7.2 and 7.6.1, RFC 9112), and what we write ourselves.
_OURS: Final = frozenset(
    {
        "accept-encoding", "connection", "expect", "host", "http2-settings", "keep-alive", "proxy-authenticate",
        "proxy-authorization", "proxy-connection", "te", "traceparent",
        "tracestate", "trailer", "transfer-encoding", "upgrade", "user-agent", "via",
    }
)  # fmt: skip
_OUR_BEGINNINGS: Final = ("content-", "webhook-")


def callback_problems(key: str, options: CallbackOptions, callback_url: str | None) -> Iterator[Problem]:
    """Iterate over what is wrong with what a trunk with this Callback URL says of its callbacks."""
    if options.events is not None and len(set(options.events)) < len(options.events):
        yield f"{key}/events", "an event is there twice"
    yield from _headers_problems(f"{key}/headers", options.headers or {})
    yield from _credentials_problems(key, options)
    yield from _tls_problems(key, options)
    yield from _failover_problems(key, options, callback_url)


def _names(options: CallbackOptions) -> list[str]:
    return [secret.name for secret in options.secrets or ()]


def _credentials_problems(key: str, options: CallbackOptions) -> Iterator[Problem]:
    names = _names(options)
    for at, secret in enumerate(options.secrets or ()):
        where = f"{key}/secrets/{secret.name}"
        if secret.name not in CallbackSecrets._fields:
            yield where, "is no secret of callbacks"
        elif names.index(secret.name) != at:
            yield where, "is there twice"
        elif not looks_sealed(secret):
            yield where, "is not sealed"
    if options.username is not None and "password" not in names:
        yield f"{key}/secrets/password", "is needed with a username"
    if options.username is None and "password" in names:
        yield f"{key}/username", "is needed with a password"
    if "token" in names and (options.username is not None or "password" in names):
        yield f"{key}/secrets/token", "cannot go with a username and a password: choose one of the two"
    if options.username is not None or "token" in names or "password" in names:
        for name in options.headers or {}:
            if name.lower() == "authorization":
                yield f"{key}/headers/{name}", "is written by the credentials: leave out one of the two"


def _tls_problems(key: str, options: CallbackOptions) -> Iterator[Problem]:
    has_key = "client_key" in _names(options)
    if options.client_certificate is not None and not has_key:
        yield f"{key}/secrets/client_key", "is needed with a client certificate"
    if options.client_certificate is None and has_key:
        yield f"{key}/client_certificate", "is needed with a key"
    for name, pem in (("ca", options.ca), ("client_certificate", options.client_certificate)):
        if pem is not None:
            try:
                # Whether the certificate and its key are a pair is asked where the key is still in clear.
                tls_context(pem, None, None)
            except ValueError:
                yield f"{key}/{name}", "is no certificate in PEM"


def _failover_problems(key: str, options: CallbackOptions, callback_url: str | None) -> Iterator[Problem]:
    url = options.failover_url
    if url is None:
        if options.failover_after is not None:
            yield f"{key}/failover_after", "there is no failover URL that it could be about"
    elif (problem := url_problem(url)) is not None:
        yield f"{key}/failover_url", problem
    elif callback_url is None:
        yield f"{key}/failover_url", "there is no callback URL that it could stand in for"
    elif url == callback_url:
        yield f"{key}/failover_url", "must be another one than the callback URL"


def _headers_problems(key: str, headers: Mapping[str, str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for name in headers:
        lower = name.lower()
        if lower in _OURS or lower.startswith(_OUR_BEGINNINGS):
            yield f"{key}/{name}", "is a header that only we may set"
        elif lower in seen:
            yield f"{key}/{name}", "is there twice: upper and lower case are alike"
        seen.add(lower)
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEADERS_LENGTH:
        yield key, f"must not be longer than {MAX_HEADERS_LENGTH} characters together"
