"""Whom a connection trusts, and who we are to the other side: an SSL context from PEM texts of the directory."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


def tls_context(ca: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """Return a context for HTTP/1.1. `ca` is trusted in place of the usual authorities, and alone.

    Raises `ValueError` for texts that are no certificates or no key that fits.
    """
    try:
        context = ssl.create_default_context(cadata=ca, capath=None if ca else _usual_authorities())
    except (ssl.SSLError, TypeError) as error:  # the latter for a text that is not ASCII
        raise ValueError(
            f"the authority's certificate cannot be read: {getattr(error, 'reason', None) or error}"
        ) from None
    context.set_alpn_protocols(["http/1.1"])
    if certificate and key:
        with _file_of(f"{certificate}\n{key}\n") as path:
            try:
                # A key with a passphrase would be asked for on a terminal: there is none.
                context.load_cert_chain(path, password=b"")
            except (ssl.SSLError, ValueError) as error:
                reason = getattr(error, "reason", None) or error
                raise ValueError(f"the client's certificate and key cannot be used: {reason}") from None
    return context


@cache
def _usual_authorities() -> str | None:
    """Return where the system has its authorities one by one, each read when it is needed; None where it has not.

    All of them together take a megabyte of each context, and most of a tenth of a second.
    """
    paths = ssl.get_default_verify_paths()
    if paths.openssl_cafile_env in os.environ or paths.capath is None:
        return None
    return paths.capath if next(Path(paths.capath).glob("????????.0"), None) is not None else None


@contextmanager
def _file_of(text: str) -> Iterator[str]:
    """The library takes a certificate from a file alone: one in memory where there is such a thing."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("smsout-client-certificate")
        try:
            os.write(descriptor, text.encode())
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile(mode="w") as file:  # made with mode 0600
        file.write(text)
        file.flush()
        yield file.name
