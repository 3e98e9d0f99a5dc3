"""One destination of a submission, and what it has of its own: id, text, values, reference."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from schemas.address import DestinationAddress
from schemas.identifiers import Uuid
from schemas.messages.labels import ClientReference
from schemas.record import WireModel
from schemas.text.template import MAX_VALUES
from schemas.unchecked import unchecked

MAX_CONTENT_LENGTH: Final = 16_384  # characters


class Destination(WireModel):
    """One destination of a submission, with the id of its message when the sender of the record chose one.

    With a text of its own, values or a reference it is a message of its own, also where its number is listed again.
    """

    model_config = ConfigDict(extra="forbid")

    address: Annotated[
        DestinationAddress,
        Field(
            description="The number in international format: 7 to 15 digits, no plus; or, where a route takes them, a "
            "short code of 3 to 6 digits."
        ),
    ]
    id: Annotated[
        Uuid | None,
        Field(description="Id of the message to this destination, for later look-ups; derived when left out."),
    ] = None
    content: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MAX_CONTENT_LENGTH,
            description="Its own text, where the submission has none: then every destination has one.",
        ),
    ] = None
    values: Annotated[
        dict[str, str] | None,
        Field(
            max_length=MAX_VALUES,
            description="What stands in the places of the submission's content, `{{name}}`: a value for each name. "
            "Without values the content has no places.",
        ),
    ] = None
    client_reference: Annotated[
        ClientReference | None, Field(description="What you call its message, instead of the submission's reference.")
    ] = None


UncheckedDestination: Final = unchecked(Destination)


def numbered(addresses: Iterable[str]) -> Iterator[str]:
    """Yield numbers as ids are derived from them: one that was there before with how often it is there now."""
    counts: dict[str, int] = {}
    for address in addresses:
        count = counts[address] = counts.get(address, 0) + 1
        yield address if count == 1 else f"{address} {count}"


def own_digest(own: Iterable[tuple[str | None, Mapping[str, str] | None, str | None]]) -> list[object] | None:
    """Return what destinations have of their own (content, values, reference) in one form; None where it is nothing."""
    found: list[object] = [
        [content, None if values is None else sorted(values.items()), reference] for content, values, reference in own
    ]
    return None if all(it == [None, None, None] for it in found) else found
