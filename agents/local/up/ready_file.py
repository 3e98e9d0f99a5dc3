"""What is running where, as JSON for programs (docs/operations.md has the keys)."""

import json
from pathlib import Path
from typing import Any

from agents.local.up.installation.data_dir import write_private


class ReadyFile:
    """The file of `--ready-file`: there while the system is ready, replaced whole when something in it changes.

    Its mode is 0600 because it holds the demo trunk's password.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path.absolute() if path else None
        self.content: dict[str, Any] | None = None
        self.remove()  # one of an earlier run would announce a system that is not there

    def publish(self, content: dict[str, Any]) -> None:
        """Write the file, unless it says this already. Raises `ConfigurationError`: then the former one stays."""
        if content != self.content:
            if self._path:
                write_private(self._path, json.dumps(content, indent=2) + "\n")
            self.content = content

    def remove(self) -> None:
        """Take the file away."""
        if self._path:
            self._path.unlink(missing_ok=True)
