"""Commands that are imported when somebody gives them: who reads the list waits for none of them."""

from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup


class Deferred(TyperCommand):
    """What a list shows of a command, and where the rest is.

    `where` is `module:attribute`: a `Typer`, or the function of one command. `summary` is the first paragraph of its
    own help, which a test compares.
    """

    def __init__(self, name: str, where: str, summary: str, *, panel: str | None = None) -> None:
        super().__init__(name, help=summary, rich_help_panel=panel)
        self.where = where

    def load(self) -> TyperCommand | TyperGroup:
        """Import it. The name is the one in the list, whatever it has where it lies."""
        module, _, attribute = self.where.partition(":")
        found: Any = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            command = typer.main.get_group(found)
            command.name = self.name
            return command
        alone = typer.Typer(add_completion=False)
        alone.command(self.name)(found)
        return cast("TyperCommand", typer.main.get_command(alone))


class DeferringGroup(TyperGroup):
    """A group that shows what is deferred, and loads the one that is given."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that the arguments name, as any group does."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Deferred) else command, rest
