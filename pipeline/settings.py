"""Every setting, from the environment, grouped by concern. Units are in the names, meanings below them, of which
docs/reference/settings.md is made.

A group is read where it is needed: an agent reads only what it uses, so a secret stays out of processes that have no
use for it.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.topics import CALLBACK_DELAYS_SECONDS, MT_RETRY_DELAYS_SECONDS

Port = Annotated[int, Field(ge=0, le=65535)]


def _comma_separated(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


# Lists are written as people write them, `a, b`, not as JSON.
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
Files = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_comma_separated)]
Delays = Annotated[
    tuple[Annotated[int, Field(ge=1, le=604_800)], ...],
    Field(min_length=1),  # without a tier there is no place to wait in, and nothing that fails could be tried again
    NoDecode,
    BeforeValidator(_comma_separated),
]

MIN_PEPPER_LENGTH: Final = 32
MIN_RECEIPT_KEY_LENGTH: Final = 32


def weak_pepper(pepper: str) -> str | None:
    """Say why a text is no pepper, and what to do; or None. The text is not quoted."""
    if len(pepper) >= MIN_PEPPER_LENGTH:
        return None
    return (
        f"must be at least {MIN_PEPPER_LENGTH} random characters, and it has {len(pepper)}. Give back the one that the "
        "passwords were made with; for a new installation `openssl rand -base64 32` makes one"
    )


class KafkaSettings(BaseSettings):
    """How to reach the broker: every agent but the simulator."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_KAFKA_")

    bootstrap_servers: str = "127.0.0.1:9092"
    """`host:port`, several with commas. Without it `smsout up` starts a broker of its own."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Whether connections are encrypted (SSL), and whether we say who we are (SASL)."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How we say who we are."""
    sasl_username: str | None = None
    """Whom the broker's ACLs name."""
    sasl_password: SecretStr | None = None
    """That user's password."""
    ssl_ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    connect_timeout_seconds: float = 20.0
    """How long a start waits for the broker to answer."""
    produce_timeout_seconds: float = 40.0
    """A batch that is not acknowledged by then ends the agent, which starts over from its committed offsets."""
    session_timeout_seconds: float = 30.0
    """How long one that does not answer keeps its partitions; who takes a dead one's slot has them at once."""


class TopicSettings(BaseSettings):
    """What `smsout topics apply` makes."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_TOPICS_")

    partitions: Annotated[int, Field(ge=1, le=1024)] = 4
    """Of each main topic; bounds the processes per agent that share the work."""
    replication_factor: Annotated[int, Field(ge=1, le=9)] = 1
    """Copies of every record."""
    min_insync_replicas: Annotated[int, Field(ge=1, le=9)] = 1
    """Copies that must exist before a record is acknowledged."""


class RetrySettings(BaseSettings):
    """Delay tiers: processor, delivery, callback and `smsout topics apply` must agree."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_RETRY_")

    callback_delays_seconds: Delays = CALLBACK_DELAYS_SECONDS
    """Before each further attempt at a callback, one tier for each; the failure after the last one is a dead letter."""
    mt_delays_seconds: Delays = MT_RETRY_DELAYS_SECONDS
    """Before each further attempt at a carrier, within the message's time to live."""


class AgentSettings(BaseSettings):
    """What every agent has."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_")

    host: str = "127.0.0.1"
    """Where metrics and health listen."""
    metrics_port: Port = 0
    """Port of /metrics, /healthz and /readyz; 0 asks the system for a free one."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    drain_timeout_seconds: float = 20.0
    """How long SIGTERM lets work in progress finish."""
    watchdog_seconds: float = 120.0
    """Work waiting and nothing committed for this long ends the process."""
    watched_certificates: Files = ()
    """PEM files, of whomever, whose end `smsout_certificate_not_after_timestamp_seconds` tells."""
    dead_letter_brake: Annotated[int, Field(ge=0)] = 100
    """So many records of a partition in a row that cannot be read end the process; 0: never.

    In the public topic it is those of one trunk, and nobody ends: of the others only where they lie is kept.
    """


class StateSettings(BaseSettings):
    """What agents keep on disk: their slots, and of ingress and processor what can be made again from topics."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_")

    state_dir: Path | None = None
    """A folder for the slots of all agents, the Idempotency-Keys of ingress and processor, and the message log where
    `SMSOUT_DATABASE_URL` names no database. Without it there are only temporary files, made anew at every start, and
    one that was killed keeps its partitions for `SMSOUT_KAFKA_SESSION_TIMEOUT_SECONDS`."""

    def file(self, name: str) -> Path | None:
        """Return where a file of this name is kept, None when nothing is."""
        return None if self.state_dir is None else self.state_dir / name


class DatabaseSettings(BaseSettings):
    """Where the message log is: message_log writes it, and the panel reads it."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_", hide_input_in_errors=True)

    database_url: SecretStr | None = None
    """`postgresql://user:password@host/name`, or `sqlite:///path`; without it the file `message-log.sqlite` in the
    state directory."""


class MessageLogSettings(BaseSettings):
    """The message log: how long it keeps, and its HTTP door."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_MESSAGE_LOG_")

    host: str = "127.0.0.1"
    """Where it listens."""
    port: Port = 8082
    """Where trunks look their messages up."""
    trusted_proxies: Names = ()
    """Networks whose X-Forwarded-For counts."""
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Messages that were accepted on an earlier day (UTC) are dropped, a day at once."""
    batch_records: Annotated[int, Field(ge=1, le=100_000)] = 50_000
    """Records of one transaction at most: bounds memory."""
    gather_seconds: Annotated[float, Field(ge=0, le=10)] = 1.0
    """How long a batch waits for company while much comes, so that what a message goes through meanwhile is written
    once; a fifth of it while little does."""
    max_connections: Annotated[int, Field(ge=1)] = 1000
    """Open at once."""
    max_connections_per_address: Annotated[int, Field(ge=1)] = 64
    """The same for one address. Trusted proxies have no such bound."""


def _with_file(values: dict[str, object], name: str) -> dict[str, object]:
    """Return the values with a secret that stands in a file. Raises `ValueError`."""
    if name in values or not (path := values.get(f"{name}_file")):
        return values
    try:
        return {**values, name: Path(str(path)).read_text(encoding="utf-8").strip()}
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"SMSOUT_{name.upper()}_FILE cannot be read: {error}") from error


class PepperSettings(BaseSettings):
    """The key of the password verifiers: ingress, message_log and the directory's writer have it, nobody else."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_", hide_input_in_errors=True)

    pepper: SecretStr
    """At least 32 random characters; changing it invalidates every trunk password."""
    pepper_file: Path | None = None
    """A file that holds it, where the variable does not."""

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, values: dict[str, object]) -> dict[str, object]:
        """Take the pepper out of the file."""
        return _with_file(values, "pepper")

    @field_validator("pepper")
    @classmethod
    def _is_strong(cls, pepper: SecretStr) -> SecretStr:
        """Refuse what could be guessed: whoever reads the directory could then find out passwords."""
        if (problem := weak_pepper(pepper.get_secret_value())) is not None:
            raise ValueError(f"SMSOUT_PEPPER {problem}")
        return pepper


def weak_receipt_key(key: str) -> str | None:
    """Say why a text is no receipt key, and what to do; or None. The text is not quoted."""
    if len(key) >= MIN_RECEIPT_KEY_LENGTH:
        return None
    return (
        f"must be at least {MIN_RECEIPT_KEY_LENGTH} random characters, and it has {len(key)}: "
        "`openssl rand -base64 32` makes one"
    )


class ReceiptKeySettings(BaseSettings):
    """The key that signs where carriers post receipts to: ingress and delivery have it, and it is the same for both."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_", hide_input_in_errors=True)

    receipt_key: SecretStr
    """At least 32 random characters; with another one, receipts of what is on its way are refused."""
    receipt_key_file: Path | None = None
    """A file that holds it, where the variable does not."""

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, values: dict[str, object]) -> dict[str, object]:
        """Take the key out of the file."""
        return _with_file(values, "receipt_key")

    @field_validator("receipt_key")
    @classmethod
    def _is_strong(cls, key: SecretStr) -> SecretStr:
        """Refuse what could be guessed: anybody could then make up receipts."""
        if (problem := weak_receipt_key(key.get_secret_value())) is not None:
            raise ValueError(f"SMSOUT_RECEIPT_KEY {problem}")
        return key


class ReceiptSettings(BaseSettings):
    """The roll-up of delivery receipts by the agent receipts."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_RECEIPTS_")

    timeout_seconds: Annotated[int, Field(ge=1, le=2_592_000)] = 259_200
    """How long after its success a message waits for its receipts; then what is missing is unknown."""


class PanelKeySettings(BaseSettings):
    """The key that reveals trunk passwords: panel and `smsout directory apply` have it, ingress must not."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_")

    key_file: Path
    """Made on first use, readable by its owner alone. Without it passwords still work, but nobody can see them."""


class CarrierKeySettings(BaseSettings):
    """The key of carriers' secrets: the directory's writer seals with it, delivery and receipts open."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_CARRIER_")

    key_file: Path | None = None
    """Made on first use by panel or `smsout directory apply`. Without it carriers cannot have secrets."""


class IngressSettings(BaseSettings):
    """The HTTP door."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_INGRESS_")

    host: str = "127.0.0.1"
    """Where it listens."""
    port: Port = 8080
    """Where customers send messages to, and carriers their receipts."""
    reuse_port: bool = False
    """Let several ingress processes share one port (SO_REUSEPORT)."""
    trusted_proxies: Names = ()
    """Networks whose X-Forwarded-For counts."""
    max_connections: Annotated[int, Field(ge=1)] = 2000
    """Open at once. Fewer where the process may not have so many files; some are always left for everything else."""
    max_connections_per_address: Annotated[int, Field(ge=1)] = 256
    """The same for one client address (IPv6: for a /64). Trusted proxies have no such bound."""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 262_144
    """Larger bodies get 413."""
    read_timeout_seconds: float = 10.0
    """For a whole request; then 408."""
    acknowledge_timeout_seconds: float = 10.0
    """For the broker; then 503 with the message id in doubt."""
    max_outstanding: Annotated[int, Field(ge=1)] = 5000
    """Messages accepted from clients and not yet acknowledged by the broker, over all connections; beyond it 503."""
    max_outstanding_per_trunk: Annotated[int, Field(ge=1)] = 4000
    """The same for one trunk, so that a flooding one leaves room for the others; beyond it 429."""
    retry_after_seconds: Annotated[int, Field(ge=1)] = 1
    """What 429 and 503 tell the client."""


class MessageSettings(BaseSettings):
    """What a message may be; ingress and processor must agree."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_MESSAGE_")

    max_segments: Annotated[int, Field(ge=1, le=255)] = 10
    """A longer text is refused."""
    time_to_live_seconds: Annotated[int, Field(ge=1)] = 86_400
    """A message that no carrier has taken by then ends as failed."""


class DeliverySettings(BaseSettings):
    """Posting to carriers."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_DELIVERY_")

    connections: Annotated[int, Field(ge=1)] = 900
    """POSTs open at once, over all carriers, a third of them for those that are quick. Each has a file: keep it
    below the process's limit."""
    run_ahead: Annotated[int, Field(ge=1)] = 200_000
    """Records taken beyond the oldest unfinished one, per partition: bounds what one that hangs has behind it."""
    timeout_seconds: float = 30.0
    """For a whole POST, where the carrier's own setting is not shorter."""
    connect_timeout_seconds: float = 5.0
    """For the connection alone."""
    max_answer_bytes: int = 16_384
    """Of an answer's body that are kept; 64 KiB more are read for what comes with it."""
    receipt_base_url: Annotated[str, Field(pattern=r"^https?://[^/?#]+(/[^?#]*)?$")] = "http://127.0.0.1:8080"
    """Where carriers reach ingress; each POST whose receipt is wanted names an address below it."""


class CallbackSettings(BaseSettings):
    """Posting to customers' endpoints."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_CALLBACK_")

    workers: Annotated[int, Field(ge=1, le=4096)] = 64
    """Callbacks being posted at once; as many again to slow endpoints, and as many that hang."""
    run_ahead: Annotated[int, Field(ge=1)] = 200_000
    """Records taken beyond the oldest unfinished one, per partition: bounds what one that hangs has behind it."""
    timeout_seconds: float = 15.0
    """For a whole POST."""
    connect_timeout_seconds: float = 5.0
    """For the connection alone."""
    max_answer_bytes: int = 16_384
    """Of an answer's body that are kept; 64 KiB more are read for what comes with it."""
    allowed_addresses: Names = ()
    """Networks that may be called although they are not global, as `network` or `network:port` (IPv6 in brackets
    with a port): for development and for endpoints inside one's own network."""


class GrafanaSettings(BaseSettings):
    """Where operators look at the metrics."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_")

    grafana_url: Annotated[str, Field(pattern=r"^https?://[^\s\"'<>]+$")] | None = None
    """The panel links to it."""


class PanelSettings(BaseSettings):
    """The web panel and the management API."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_PANEL_")

    host: str = "127.0.0.1"
    """Where it listens."""
    port: Port = 8081
    """Where browsers and the management API's clients reach it."""
    public_url: str | None = None
    """Where browsers reach it: `https://sms.example`. May be left out on loopback, where plain http is allowed."""
    ingress_urls: Names = ()
    """Where customers send messages to; the credentials window shows them."""
    trusted_proxies: Names = ()
    """Networks whose X-Forwarded-For counts."""
    max_body_bytes: Annotated[int, Field(ge=65_536)] = 8_388_608
    """A CSV with 200,000 numbers takes 4 MB."""
    idle_timeout_seconds: float = 1800.0
    """A session that is not used for this long ends."""
    session_timeout_seconds: float = 43_200.0
    """So does every session after this."""
    write_timeout_seconds: float = 4.0
    """How long a request waits for the broker to acknowledge a message, an audit event or a change."""
    take_over: bool = False
    """Take the place of a panel on this machine that is still alive."""
