"""Every setting of the system, as docs/reference/settings.md has it."""

import importlib
import inspect
import pkgutil
from typing import Final

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from agents.local.broker.kafka_jars import JarSettings
from agents.simulator.settings import SimulatorSettings
from pipeline import settings

GROUPS: Final[tuple[type[BaseSettings], ...]] = (
    *(
        it
        for module in pkgutil.iter_modules(settings.__path__, f"{settings.__name__}.")
        for it in vars(importlib.import_module(module.name)).values()
        if inspect.isclass(it) and issubclass(it, BaseSettings) and it is not BaseSettings
    ),
    JarSettings,
    SimulatorSettings,
)


def every_setting() -> dict[str, str]:
    """Return the environment variables that the code reads, with their defaults as a table shows them."""
    return {
        variable(group, name): written(field.default) for group in GROUPS for name, field in group.model_fields.items()
    }


def variable(group: type[BaseSettings], name: str) -> str:
    """Return the environment variable of a field."""
    return f"{group.model_config['env_prefix']}{name.upper()}"


def written(default: object) -> str:
    """Return a default as a table shows it."""
    if default is PydanticUndefined:
        return "required"
    if default is None or default == ():
        return ""
    if isinstance(default, tuple):
        return f"`{', '.join(map(str, default))}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"
