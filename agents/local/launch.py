"""A process to start: its command line, and what belongs to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a process.

    `environment` is added to ours; a None takes a variable away. `noise` are substrings of output lines that say
    nothing. `dies_with_us` is the signal that it gets when the process that started it is gone.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str | None] = field(default_factory=dict)
    noise: tuple[str, ...] = ()
    dies_with_us: int = 9
