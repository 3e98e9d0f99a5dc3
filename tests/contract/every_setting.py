"""Every setting of the system, as the tables of docs/operations.md have it."""

import inspect

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from agents.local.broker.kafka_jars import JarSettings
from agents.simulator.settings import SimulatorSettings
from pipeline import settings


def every_setting() -> dict[str, str]:
    """Return the environment variables that the code reads, with their defaults as a table shows them."""
    groups = [it for it in vars(settings).values() if inspect.isclass(it) and issubclass(it, BaseSettings)]
    groups = [it for it in groups if it is not BaseSettings] + [JarSettings, SimulatorSettings]
    return {
        f"{group.model_config['env_prefix']}{name.upper()}": _written(field.default)
        for group in groups
        for name, field in group.model_fields.items()
    }


def _written(default: object) -> str:
    if default is PydanticUndefined:
        return "required"
    if default is None or default == ():
        return ""
    if isinstance(default, tuple):
        return f"`{', '.join(map(str, default))}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"
