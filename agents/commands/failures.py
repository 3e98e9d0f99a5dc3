"""What is said of an error that ended a command, and the exit code that goes with it."""

from typing import NamedTuple

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from agents.exit_codes import EXIT_CONFIGURATION, EXIT_SOFTWARE, EXIT_UNAVAILABLE
from pipeline.errors import BrokerUnreachable, ConfigurationError, SmsoutError


class Failure(NamedTuple):
    """One line for a person, and one number for a program."""

    message: str
    code: int


def failure_of(error: Exception) -> Failure | None:
    """Return what an error of ours, or of the settings, comes to; None for one that nobody has thought of."""
    if isinstance(error, ValidationError):
        return Failure(_wrong_settings(error), EXIT_CONFIGURATION)
    if isinstance(error, ConfigurationError):
        return Failure(str(error), EXIT_CONFIGURATION)
    if isinstance(error, BrokerUnreachable):
        return Failure(str(error), EXIT_UNAVAILABLE)
    if isinstance(error, SmsoutError):
        return Failure(str(error), EXIT_SOFTWARE)
    return None


def _wrong_settings(error: ValidationError) -> str:
    """Name each setting as it is written in the environment; its value may be a secret and is not shown."""
    prefixes = {
        group.__name__: str(group.model_config.get("env_prefix", "")) for group in BaseSettings.__subclasses__()
    }
    prefix = prefixes.get(error.title, f"{error.title}.")
    problems = [
        (".".join(map(str, it["loc"])), it["msg"].removeprefix("Value error, "))
        for it in error.errors(include_input=False)
    ]
    return "; ".join(f"{prefix}{name.upper() if error.title in prefixes else name}: {what}" for name, what in problems)
