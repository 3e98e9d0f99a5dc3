"""Which broker engine runs: apache where Java and Maven are there, else embedded."""

from enum import StrEnum

from agents.local.broker.apache import ApacheKafka
from agents.local.broker.embedded import EmbeddedBroker
from agents.local.broker.engine import Engine
from pipeline.errors import ConfigurationError


class BrokerKind(StrEnum):
    """What a person may ask for."""

    AUTO = "auto"
    APACHE = "apache"
    EMBEDDED = "embedded"


def choose(kind: BrokerKind) -> Engine:
    """Return an engine that can run here. Raises `ConfigurationError` that says what is missing."""
    engines: list[Engine] = [ApacheKafka(), EmbeddedBroker()]  # the better one first
    missing: list[str] = []
    for engine in engines:
        if kind not in (BrokerKind.AUTO, engine.name):
            continue
        lack = engine.missing()
        if lack is None:
            return engine
        missing.append(lack)
    raise ConfigurationError("no broker can run here: " + "; ".join(missing) if len(missing) > 1 else missing[0])
