"""A text and the segments that it must become, put together from what the pipeline puts them together from."""

from pipeline.steps.segmentation import split, user_data_headers
from schemas.messages.mt_message import DataCoding, Segment


def segmented(text: str, message_id: str) -> tuple[DataCoding, tuple[Segment, ...]]:
    """Return how `text` is coded, and its segments in order."""
    data_coding, parts = split(text)
    headers = user_data_headers(len(parts), message_id) if len(parts) > 1 else [None]
    return data_coding, tuple(
        Segment(seqnum=seqnum, text=part, udh=udh)
        for seqnum, (part, udh) in enumerate(zip(parts, headers, strict=True), 1)
    )
