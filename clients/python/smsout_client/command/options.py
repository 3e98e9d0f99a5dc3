"""What is typed after more than one of the commands."""

from typing import Annotated

import typer

From = Annotated[str, typer.Option("--from", help="The sender: one of the trunk's numbers, digits alone.")]
Content = Annotated[str, typer.Argument(metavar="TEXT", help="The text; - reads it from standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="What the gateway says, one JSON object a line.")]


def text_of(content: str) -> str:
    """Return the text that is meant; the line's end that editors leave behind is none of it."""
    if content != "-":
        return content
    return typer.get_text_stream("stdin", encoding="utf-8").read().removesuffix("\n")
