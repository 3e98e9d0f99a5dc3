"""Free ports for processes that are started by somebody else than whoever must know them."""

import random
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Final

from pipeline.errors import ConfigurationError

_LOWEST: Final = 10_000
_ATTEMPTS: Final = 500


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port(besides: Collection[int] = ()) -> int:
    """Return a port that nobody uses and that no outgoing connection will be given.

    A port that the system hands out for port 0 comes from the range of outgoing connections: while a process that
    owned it restarts, any connection of anybody may take it. So one below that range is chosen at random and tried.
    """
    highest = _ephemeral_from()
    if highest - _LOWEST >= 1000:
        for _ in range(_ATTEMPTS):
            port = random.randrange(_LOWEST, highest)  # noqa: S311  # not a secret
            if port not in besides and is_free(port):
                return port
    for _ in range(_ATTEMPTS):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in besides:
            return port
    raise ConfigurationError("there is no free port on 127.0.0.1")


def _ephemeral_from() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0  # not Linux: let the system choose
