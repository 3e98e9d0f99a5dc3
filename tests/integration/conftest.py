"""A broker for each file, and the catalogue's topics on it: what one leaves behind is no work for another's agents."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from pipeline.settings import KafkaSettings
from tests.brokers import running_broker
from tests.installation import install_now
from tests.integration.callback_site import CallbackSite, callback_site


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a real Apache Kafka that the file's tests share."""
    with running_broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.bootstrap_servers


@pytest.fixture(scope="module")
def catalogue(kafka: str) -> KafkaSettings:
    """Settings of the same broker, which has every topic: with 2 partitions, whichever test comes first."""
    settings = KafkaSettings(bootstrap_servers=kafka)
    install_now(settings, 2)
    return settings


@pytest_asyncio.fixture
async def site(kafka: str) -> AsyncIterator[CallbackSite]:
    """What callback agents need on the same broker; files about other agents have a site of their own."""
    async with callback_site(kafka) as shared:
        yield shared
