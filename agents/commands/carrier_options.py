"""What is typed after `smsout carriers` becomes settings, answers and receipts. Raises `ConfigurationError`."""

from pathlib import Path
from urllib.parse import parse_qsl

import typer

from pipeline.carriers.receipt import ReceiptRequest
from pipeline.errors import ConfigurationError
from pipeline.http.answer import Answer


def pairs_of(written: list[str] | None) -> dict[str, str]:
    """Return parameters by name."""
    found: dict[str, str] = {}
    for pair in written or ():
        name, mark, value = pair.partition("=")
        if not mark:
            raise ConfigurationError(f"--set {name}: NAME=VALUE is wanted")
        found[name] = value
    return found


def secrets_of(written: list[str] | None) -> dict[str, str]:
    """Return secrets by name; whoever typed the command is asked for those without a value."""
    found: dict[str, str] = {}
    for pair in written or ():
        name, mark, value = pair.partition("=")
        if not mark:
            value = typer.prompt(name, hide_input=True, err=True)
        found[name] = _text_of(value)
    return found


def _text_of(value: str) -> str:
    """Return `value`, or what is in a file when it is `@FILE`."""
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{value[1:]} cannot be read: {error}") from None


def answer_of(written: str) -> Answer:
    """Return an answer that is written as `STATUS:BODY`."""
    status, _, body = written.partition(":")
    if not (status.isascii() and status.isdecimal() and 100 <= int(status) <= 599):
        raise ConfigurationError(f"--answer {written[:20]!r}: STATUS or STATUS:BODY is wanted")
    return Answer(int(status), _text_of(body).encode(), None)


def receipt_of(written: str) -> ReceiptRequest:
    """Return a receipt that is written as `?query`, as a body, or as `@FILE`."""
    if written.startswith("?"):
        return ReceiptRequest("GET", tuple(parse_qsl(written[1:], keep_blank_values=True)), "", b"")
    body = _text_of(written)
    kind = "application/json" if body.lstrip()[:1] in ("{", "[") else "application/x-www-form-urlencoded"
    return ReceiptRequest("POST", (), kind, body.encode())
