"""The catalogue's topics on the broker that the whole session shares."""

import pytest

from pipeline.settings import KafkaSettings
from tests.installation import install_now


@pytest.fixture(scope="session")
def catalogue(kafka: str) -> KafkaSettings:
    """Settings of the shared broker, which has every topic: with 2 partitions, whichever test comes first."""
    settings = KafkaSettings(bootstrap_servers=kafka)
    install_now(settings, 2)
    return settings
