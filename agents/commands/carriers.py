"""`smsout carriers`: check a profile, see the request that it makes and how it reads answers; send a message by it."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from pydantic import ValidationError

from agents.commands.carrier_options import answer_of, pairs_of, receipt_of, secrets_of
from pipeline.carriers.asking import ask
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.carriers.profiles.bound import BoundCarrier
from pipeline.carriers.profiles.profile import CarrierProfile
from pipeline.carriers.profiles.request import Request
from pipeline.carriers.profiles.sample import sample_settings
from pipeline.carriers.profiles.shipped import shipped_names, shipped_profile
from pipeline.carriers.receipt import ReceiptRequest
from pipeline.carriers.receipt_reference import TOKEN, receipt_token, receipts_url
from pipeline.errors import (
    AddressNotAllowed,
    BadReceipt,
    ConfigurationError,
    InDoubt,
    Inexpressible,
    NotSent,
    Refused,
    RuleViolated,
)
from pipeline.http.client import HttpPoster
from pipeline.settings import DeliverySettings, ReceiptKeySettings
from pipeline.steps.segmentation import split, user_data_headers
from schemas.identifiers import uuid7
from schemas.messages.dlr import ExpectedReceipt, MessageState
from schemas.messages.mt_message import MtMessage, Segment

SAMPLE_MESSAGE_ID: Final = "0192f1c4-7d02-7e4f-8a11-5b6c7d8e9f00"
SAMPLE_RECEIPT_URL: Final = "https://gateway.example/carriers/sample/receipts/reference"

app = typer.Typer(help="Carrier profiles: how carriers are spoken to.", no_args_is_help=True)

ProfileName = Annotated[str, typer.Argument(help="A shipped profile's name, or a YAML file.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="A parameter: NAME=VALUE.")]
Secrets = Annotated[
    list[str] | None, typer.Option("--secret", help="A secret: NAME=VALUE, NAME=@FILE, or NAME to be asked for it.")
]
Url = Annotated[str, typer.Option(help="The carrier's address in place of the profile's.")]
Source = Annotated[str, typer.Option("--from", help="The sender.")]
Text = Annotated[str, typer.Option(help="The text.")]


@app.command("list")
def list_command() -> None:
    """Show the profiles that come with the product."""
    for name in shipped_names():
        typer.echo(f"{name:<12} {shipped_profile(name).form.name}")


@app.command("check")
def check_command(
    profile: ProfileName,
    settings: Settings = None,
    secrets: Secrets = None,
    url: Url = "",
    source: Source = "12125551234",
    to: Annotated[str, typer.Option(help="The destination.")] = "15551234567",
    text: Text = "Your code is 4711 – “Grüße” {not} a template",
    answer: Annotated[
        list[str] | None, typer.Option(help="An answer to read: STATUS, STATUS:BODY, or STATUS:@FILE.")
    ] = None,
    receipt: Annotated[
        list[str] | None, typer.Option(help="A receipt to read: a query as `?a=b`, a body, or @FILE.")
    ] = None,
) -> None:
    """Check PROFILE; show the exact requests for a sample message, and how answers and receipts are read."""
    read = _read(profile)
    address, parameters, sealed = sample_settings(read, url, pairs_of(settings))
    bound = _bound(read, address, parameters, sealed | secrets_of(secrets))
    typer.echo(f"{profile}: {read.form.name}: nothing is wrong with it")
    for note in read.form.unverified:
        typer.echo(f"  not verified: {note}")
    message = _message(source, to, text, SAMPLE_MESSAGE_ID)
    for unit in [bound.unit(message, message.segments[0])] if bound.whole_text else message.segments:
        typer.echo(f"\n--- {message.segment_id(unit)}: the request")
        try:
            _show(bound.request(message, unit, SAMPLE_RECEIPT_URL))
        except Inexpressible as error:
            typer.echo(f"refused: {error}")
    question = bound.question(message, message.segments[0])
    if question is not None:
        typer.echo("\n--- the question whether the carrier has it")
        _show(question)
    poll = bound.poll(_expected(message))
    if poll is not None:
        typer.echo("\n--- the question what became of it, where the carrier calls it c-1")
        _show(poll)
    typer.echo("\n--- how answers are read")
    for written in answer or ():
        typer.echo(f"{written[:60]!r}: {_described(bound.read(answer_of(written)))}")
    for rule in () if answer else read.form.answers:
        conditions = f" with {len(rule.body)} condition(s) on the body" if rule.body else ""
        typer.echo(f"HTTP {', '.join(rule.status)}{conditions}: {rule.outcome.value}")
    for written in receipt or ():
        typer.echo(f"\n--- the receipt {written[:60]!r}")
        _show_reports(read, receipt_of(written))


@app.command("receipts-url")
def receipts_url_command(
    name: Annotated[str, typer.Argument(help="The carrier's name, as the directory has it.")],
) -> None:
    """Print where a carrier posts its receipts to that can be given no address with each message. It holds a secret."""
    key = ReceiptKeySettings().receipt_key.get_secret_value().encode()
    address = receipts_url(DeliverySettings().receipt_base_url, name)
    typer.echo(f"{address}?{TOKEN}={receipt_token(name, key)}")


@app.command("try")
def try_command(
    profile: ProfileName,
    to: Annotated[str, typer.Option(help="The destination.")],
    source: Source,
    text: Text = "Test",
    settings: Settings = None,
    secrets: Secrets = None,
    url: Url = "",
    timeout_seconds: Annotated[float, typer.Option(min=0.1, max=120)] = 30.0,
) -> None:
    """Send one message by PROFILE to a number, now, and say what came of it. It may cost money."""
    read = _read(profile)
    bound = _bound(read, url, pairs_of(settings), secrets_of(secrets))
    message = _message(source, to, text, uuid7())
    result = asyncio.run(_send(bound, message, timeout_seconds))
    typer.echo(_described(result))
    raise typer.Exit(0 if result.outcome is Outcome.ACCEPTED else 1)


async def _send(bound: BoundCarrier, message: MtMessage, timeout_seconds: float) -> AttemptResult:
    """Post the message's units until one is not accepted; return what the last one came to."""
    settings = DeliverySettings()
    poster = HttpPoster(
        timeout_seconds=timeout_seconds, connect_timeout_seconds=settings.connect_timeout_seconds,
        max_answer_bytes=settings.max_answer_bytes, max_connections=1,
    )  # fmt: skip
    result = AttemptResult(Outcome.NOT_TAKEN, error="nothing was sent")
    try:
        for unit in [bound.unit(message, message.segments[0])] if bound.whole_text else message.segments:
            request = bound.request(message, unit)
            result = await _post(poster, bound, request, timeout_seconds)
            typer.echo(f"segment {unit.seqnum} of {len(message.segments)}: {_described(result)}")
            if result.outcome is not Outcome.ACCEPTED:
                break
    except Inexpressible as error:
        result = AttemptResult(Outcome.REFUSED, error=str(error))
    finally:
        await poster.close()
    return result


async def _post(poster: HttpPoster, bound: BoundCarrier, request: Request, timeout_seconds: float) -> AttemptResult:
    try:
        return bound.read(await ask(poster, request, tls=bound.tls, timeout_seconds=timeout_seconds))
    except NotSent as error:
        return AttemptResult(Outcome.NOT_TAKEN, error=str(error))
    except InDoubt as error:
        return AttemptResult(Outcome.IN_DOUBT, error=str(error))
    except AddressNotAllowed as error:
        return AttemptResult(Outcome.REFUSED, error=str(error))


def _message(source: str, destination: str, text: str, message_id: str) -> MtMessage:
    now = datetime.now(UTC)
    try:
        data_coding, parts = split(text)
        headers = user_data_headers(len(parts), message_id) if len(parts) > 1 else [None]
        segments = tuple(
            Segment(seqnum=seqnum, text=part, udh=udh)
            for seqnum, (part, udh) in enumerate(zip(parts, headers, strict=True), 1)
        )
        return MtMessage(
            id=message_id, trunk_id=message_id, account_id=message_id, carrier_id=message_id, source=source,
            destination=destination, data_coding=data_coding, segments=segments, accepted_at=now,
            expires_at=now + timedelta(hours=1),
        )  # fmt: skip
    except (Refused, ValidationError) as error:
        raise ConfigurationError(f"this is no message: {error}") from None


def _expected(message: MtMessage) -> ExpectedReceipt:
    return ExpectedReceipt(
        carrier_id=message.carrier_id, carrier_message_id="c-1", message_id=message.id, seqnum=1,
        accepted_at=message.accepted_at,
    )  # fmt: skip


def _read(profile: str) -> CarrierProfile:
    if profile in shipped_names():
        return shipped_profile(profile)
    try:
        content = Path(profile).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{profile} is neither a shipped profile nor a file: {error}") from None
    try:
        return CarrierProfile.parse(Path(profile).stem, content)
    except RuleViolated as error:
        _refuse(profile, error.problems)


def _bound(
    profile: CarrierProfile, url: str, parameters: Mapping[str, str], secrets: Mapping[str, str]
) -> BoundCarrier:
    try:
        return BoundCarrier(profile, url, parameters, secrets)
    except RuleViolated as error:
        _refuse(profile.id, error.problems)


def _refuse(name: str, problems: Iterable[tuple[str, str]]) -> NoReturn:
    for where, what in problems:
        typer.echo(f"{name}: {where}: {what}", err=True)
    raise typer.Exit(1)


def _show_reports(profile: CarrierProfile, request: ReceiptRequest) -> None:
    try:
        for report in profile.read_receipt(request):
            state = MessageState(report.state).name
            typer.echo(f"{report.carrier_message_id}: {state}, error {report.error_code}, at {report.done_at}")
    except BadReceipt as error:
        typer.echo(f"refused: {error}")


def _described(result: AttemptResult) -> str:
    said = result.outcome.value
    if result.error_class is not None:
        said += f" ({result.error_class.value})"
    if result.carrier_message_id is not None:
        said += f", message id {result.carrier_message_id}"
    return said if result.error is None else f"{said}: {result.error}"


def _show(request: Request) -> None:
    for at, (url, headers) in enumerate(request.targets):
        typer.echo(f"{request.method} {url}" if at == 0 else f"or, where that cannot be reached: {url}")
        if at == 0:
            for name, value in headers.items():
                typer.echo(f"{name}: {value}")
    if request.body is not None:
        typer.echo("")
        typer.echo(request.body.decode(errors="backslashreplace"))
