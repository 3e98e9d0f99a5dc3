"""How a process ends when it fails, by sysexits.h: what a supervisor and an operator can tell apart."""

from typing import Final

EXIT_UNAVAILABLE: Final = 69
EXIT_SOFTWARE: Final = 70
EXIT_CONFIGURATION: Final = 78
