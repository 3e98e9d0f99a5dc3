"""Which endpoints callbacks may reach although their addresses are not public."""

import os
import socket
from urllib.parse import urlsplit

from pipeline.errors import ConfigurationError

SETTING = "SMSOUT_CALLBACK_ALLOWED_ADDRESSES"


def allowed_addresses(*urls: str | None) -> str:
    """Return the operator's allow-list and the addresses of `urls`, each with its port and no other.

    Raises `ConfigurationError` for a host that nobody knows.
    """
    entries = [os.environ.get(SETTING, "")]
    for url in filter(None, urls):
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = {str(it[4][0]) for it in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)}
        except OSError as error:
            raise ConfigurationError(
                f"there is no host {parts.hostname!r}, where callbacks should go: {error}"
            ) from error
        entries += sorted(f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address in found)
    return ", ".join(filter(None, entries))
