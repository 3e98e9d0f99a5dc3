"""Which process listens where: on the documented ports, or on free ones."""

import os
from enum import StrEnum

from agents.local.ports import free_port, is_free
from pipeline.errors import ConfigurationError


class PortsKind(StrEnum):
    """Fixed, documented ports, or free ones."""

    AUTO = "auto"
    DEFAULT = "default"


class Ports:
    """Gives out ports: the documented ones, checked, or free ones; no two the same."""

    def __init__(self, kind: PortsKind) -> None:
        self._kind = kind
        self._given: set[int] = set()

    def get(self, default: int, what: str) -> int:
        """Return a port for `what`. Raises `ConfigurationError` when the documented one is taken."""
        if self._kind is PortsKind.AUTO:
            port = free_port(besides=self._given)
        elif is_free(default):
            port = default
        else:
            raise ConfigurationError(f"the port {default} ({what}) is taken; `--ports auto` takes free ones instead")
        self._given.add(port)
        return port

    def for_variable(self, variable: str, default: int, what: str) -> int:
        """Return the port that the environment asks for, else one of ours."""
        if text := os.environ.get(variable):
            if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
                raise ConfigurationError(f"{variable} must be a port number, not {text!r}")
            self._given.add(int(text))
            return int(text)
        return self.get(default, what)
