"""What a message would become if it were sent now: what steps 2 to 5 say about it, and nothing comes of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from pipeline.directory.model import Directory
from pipeline.steps.admission import Admitted
from pipeline.steps.authorization import Refusal, authorize, authorize_destination
from pipeline.steps.encoding import outside_gsm7
from pipeline.steps.routing import NO_ROUTE, Choice, first_choices
from pipeline.steps.segmentation import Layout, lay_out


class TextPreview(NamedTuple):
    """A text as it would be cut, and the characters that make it UCS-2 with their places, indexes of code points."""

    layout: Layout
    outside_gsm7: Mapping[str, Sequence[int]]


class Preview(NamedTuple):
    """What would become of a message.

    `takers` are the routes that share such messages, the one that takes most of them first; there is none where
    `refusal` says why the message would not be sent. Prices are those of the first.
    """

    text: TextPreview
    refusal: Refusal | None
    takers: Sequence[Choice]

    @property
    def price_per_segment(self) -> Decimal | None:
        """What a segment costs; None where the route has no price."""
        return self.takers[0].route.price_per_segment if self.takers else None

    @property
    def price(self) -> Decimal | None:
        """What all segments cost together."""
        each = self.price_per_segment
        return None if each is None else each * len(self.text.layout.parts)

    @property
    def currency(self) -> str | None:
        """What both are in; None where the route does not say."""
        return self.takers[0].route.currency if self.takers else None

    @property
    def price_varies(self) -> bool:
        """Whether the routes that share such messages differ in what they cost."""
        return len({(it.route.price_per_segment, it.route.currency) for it in self.takers}) > 1


def preview_text(content: str) -> TextPreview:
    """Return what a text would become, whoever sends it, however long it is. Raises `Unencodable`."""
    return TextPreview(lay_out(content), outside_gsm7(content))


def preview(directory: Directory, admitted: Admitted, now: datetime) -> Preview:
    """Return what would become of an admitted message, the first of several, that is sent `now`."""
    text, source, (_, destination) = preview_text(admitted.content), admitted.source, admitted.messages[0]
    grant = authorize(directory, admitted.trunk_id, source, now)
    if isinstance(grant, Refusal):
        return Preview(text, grant, ())
    unwanted = authorize_destination(destination, grant.account.checks)
    if unwanted is not None:
        return Preview(text, unwanted, ())
    takers = first_choices(directory, grant.account.id, source, destination)
    return Preview(text, None if takers else NO_ROUTE, takers)
