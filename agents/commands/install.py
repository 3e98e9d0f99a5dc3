"""`smsout install`: makes what an installation needs once, and leaves alone what is there; containers begin with it."""

import asyncio
import ipaddress
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agents.commands import topics
from agents.local.up.installation import people
from agents.local.up.installation.data_dir import new_pepper, write_private
from agents.local.up.installation.lost_pepper import refuse_lost_pepper
from pipeline.directory.callback_secrets import CallbackSealer
from pipeline.directory.carrier_secrets import CarrierSealer
from pipeline.errors import ConfigurationError
from pipeline.settings import KafkaSettings, weak_pepper

CERTIFICATE_DAYS: Final = 365
GRAFANA_PASSWORD_BYTES: Final = 18
RECEIPT_KEY_BYTES: Final = 32
DATABASE_PASSWORD_BYTES: Final = 32
DATABASE_NAME: Final = "smsout"
"""Of the database and of its user."""

Folder = Annotated[Path | None, typer.Option(file_okay=False, exists=True, help="Make what is kept there, here.")]


def install(
    pepper: Folder = None,
    receipt_key: Folder = None,
    carrier_keys: Folder = None,
    callback_keys: Folder = None,
    people_folder: Folder = None,
    tls: Folder = None,
    database: Folder = None,
    grafana: Folder = None,
    host: Annotated[str, typer.Option(help="Whom the certificate is for.")] = "localhost",
    database_server: Annotated[str, typer.Option(help="Host and port of the database that `--database` is for.")] = (
        "127.0.0.1:5432"
    ),
    make_topics: Annotated[bool, typer.Option("--topics/--no-topics", help="Make topics that are missing.")] = True,
) -> None:
    """Make topics and what there is a folder for: secrets, a certificate, the panel's first people, each only once."""
    kafka = KafkaSettings()
    if make_topics:
        topics.apply()  # first: whether a pepper has been lost, the directory tells
    if pepper is not None:
        _make_pepper(pepper / "pepper", kafka)
    if receipt_key is not None and not (receipt_key / "receipt-key").exists():
        write_private(receipt_key / "receipt-key", secrets.token_urlsafe(RECEIPT_KEY_BYTES) + "\n")
    if carrier_keys is not None:
        CarrierSealer.from_file(carrier_keys / "carrier-keys", make=True)
    if callback_keys is not None:
        CallbackSealer.from_file(callback_keys / "callback-keys", make=True)
    if tls is not None:
        make_certificate(tls, host)
    if database is not None:
        _make_database_password(database, database_server)
    if grafana is not None:
        _make_grafana_password(grafana / "admin-password")
    if people_folder is not None:
        _make_people(people_folder / "panel.json", kafka)


def _make_pepper(path: Path, kafka: KafkaSettings) -> None:
    if path.exists():
        if (problem := weak_pepper(path.read_text(errors="replace").strip())) is not None:
            raise ConfigurationError(f"the pepper in {path} {problem}")
        return
    asyncio.run(refuse_lost_pepper(path, kafka, None))
    write_private(path, new_pepper().get_secret_value() + "\n")
    typer.echo(f"made a pepper in {path}: back it up, no password can be checked without it")


def make_certificate(folder: Path, host: str) -> None:
    """Make a self-signed certificate; whoever puts one of their own in its place keeps it."""
    certificate, key_file = folder / "server.crt", folder / "server.key"
    if certificate.exists() and key_file.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(key_file, private.decode())
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    typer.echo(f"made a certificate for {host} in {certificate}, signed by nobody: put yours in its place")


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _make_database_password(folder: Path, server: str) -> None:
    """Make the password of the message log's database, and the URL that the log's agents go to it by."""
    password = folder / "password"
    if not password.exists():
        write_private(password, secrets.token_urlsafe(DATABASE_PASSWORD_BYTES))
    url = f"postgresql://{DATABASE_NAME}:{password.read_text().strip()}@{server}/{DATABASE_NAME}\n"
    if not (folder / "url").exists() or (folder / "url").read_text() != url:
        write_private(folder / "url", url)


def _make_grafana_password(path: Path) -> None:
    if not path.exists():
        password = secrets.token_urlsafe(GRAFANA_PASSWORD_BYTES)
        write_private(path, password)
        typer.echo(f"Grafana: admin, password {password}, shown only now")


def _make_people(path: Path, kafka: KafkaSettings) -> None:
    was_there = path.exists()
    found = asyncio.run(people.seed_panel_users(path, kafka))
    if found is None or was_there:
        return
    typer.echo(f"the panel: {found['username']}, password {found['password']}, shown only now")
    typer.echo(f"its API key: {found['api_key']}, shown only now")
