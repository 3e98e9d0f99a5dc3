"""Regular expressions of a profile, run by RE2: in time that grows with the text and with nothing else.

RE2 has no backtracking, hence no back references and no look-around; a pattern with one is refused, as is one that
would need much memory.
"""

from typing import Final

import re2

MAX_LENGTH: Final = 500
_MAX_MEMORY_BYTES: Final = 1 << 20


class Pattern:
    """A compiled pattern. Raises `ValueError` for one that cannot be used; the message says why."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise ValueError(f"a pattern has at most {MAX_LENGTH} characters")
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MAX_MEMORY_BYTES
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as error:
            reason = error.args[0] if error.args else error
            said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
            raise ValueError(f"is no pattern that RE2 can run: {said}") from None
        if self._compiled.groups > 1:
            raise ValueError("has more than one group: the value that is wanted is the only one")

    def found(self, text: str) -> str | None:
        """Return the group of the first match, the whole match without a group, None without a match."""
        try:
            match = self._compiled.search(text)
        except (UnicodeEncodeError, re2.error):
            return None
        if match is None:
            return None
        value: str | None = match.group(self._compiled.groups)
        return value
