"""The request about disks, on the wire and back."""

from collections import Counter
from io import BytesIO
from typing import Any

import pytest
from aiokafka.errors import ClusterAuthorizationFailedError, KafkaError

from pipeline.kafka.admin import log_folders
from pipeline.kafka.admin.log_folders import DescribeLogFolders, LogFolder, folders_of


def answer(error_code: int = 0, folder_error: int = 0) -> "log_folders._Response":
    """Return what a broker says, after it has been on the wire."""
    topics: list[Any] = [("sms.a", [(0, 100, 0, False, {}), (1, 11, 0, False, {})], {}), ("sms.b", [], {})]
    sent = log_folders._Response(0, error_code, [(folder_error, "/data", topics, 1000, 400, {})], {})
    return log_folders._Response.decode(BytesIO(sent.encode()))  # type: ignore[no-any-return]


def test_sizes_are_added_up_by_topic() -> None:
    """Over the partitions of a folder."""
    assert folders_of(answer()) == [LogFolder("/data", 1000, 400, Counter({"sms.a": 111, "sms.b": 0}))]


@pytest.mark.parametrize(("codes", "error"), [((31, 0), ClusterAuthorizationFailedError), ((0, 56), KafkaError)])
def test_a_refusal_is_an_error(codes: tuple[int, int], error: type[Exception]) -> None:
    """Of the whole, or of one folder (56: its disk has failed)."""
    with pytest.raises(error):
        folders_of(answer(*codes))


def test_the_request_names_partitions_by_topic() -> None:
    """In the form of version 4, which brokers from 3.3 on understand."""
    request = DescribeLogFolders([("sms.a", [0, 1])]).prepare({35: (1, 4)})
    assert (request.API_VERSION, request.FLEXIBLE_VERSION) == (4, True)
    assert bytes(request.encode()) == b"\x02\x06sms.a\x03\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00"
