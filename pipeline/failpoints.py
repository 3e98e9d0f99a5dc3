"""Places where a test can kill the process, as a power cut would.

`SMSOUT_FAILPOINT=<name>:<n>` kills with SIGKILL the n-th time `<name>` is passed. Without it `failpoint` does
nothing but be called. The names are listed in docs/testing.md.
"""

import os
import signal


def _armed(specification: str) -> tuple[str, int]:
    name, _, count = specification.partition(":")
    return name, int(count or 1)


_name, _remaining = _armed(os.environ.get("SMSOUT_FAILPOINT", ""))


def _kill_when_due(name: str) -> None:
    global _remaining
    if name != _name:
        return
    _remaining -= 1
    if _remaining == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def _pass(name: str) -> None:
    pass


failpoint = _kill_when_due if _name else _pass
"""Call with the place's name."""
