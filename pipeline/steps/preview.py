"""What a message would become if it were sent now: what steps 2 to 5 say about it, and nothing comes of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from pipeline.alphabets.national import NationalAlphabet
from pipeline.directory.model import Directory
from pipeline.limits.meter import limits_of, unpriced
from pipeline.steps.admission.request import Admitted
from pipeline.steps.authorization import Refusal, authorize, authorize_destination
from pipeline.steps.encoding import outside_gsm7
from pipeline.steps.prepared_text import AlphabetsOf, taken_by_all, takes_none
from pipeline.steps.routing import NO_ROUTE, Choice, choose_routes, first_choices
from pipeline.steps.segmentation import Layout, lay_out, lay_out_in
from pipeline.steps.smart_encoding import Fitted, fit, fit_national
from schemas.messages.mt_message import DataCoding
from schemas.text.smart_encoding import SmartEncoding, TextChange


class TextPreview(NamedTuple):
    """A text as it would be changed and cut, and the characters that make it UCS-2 with their places.

    Places are indexes of code points in the text as it would be sent. `instead` is what smart encoding would make of it
    that goes further than what is asked for, where that would be something else.
    """

    layout: Layout
    outside_gsm7: Mapping[str, Sequence[int]]
    smart_encoding: SmartEncoding = SmartEncoding.OFF
    changes: Sequence[TextChange] = ()
    national_language: str | None = None
    instead: "TextPreview | None" = None


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


def preview_text(
    content: str, mode: SmartEncoding = SmartEncoding.OFF, alphabets: Sequence[NationalAlphabet] = ()
) -> TextPreview:
    """Return what a text would become, whoever sends it, however long it is. Raises `Unencodable`.

    `alphabets` are the national ones that its carriers take.
    """
    fitted = fit_national(fit(content, mode), mode, alphabets)
    found = _laid_out(fitted, mode)
    if found.layout.data_coding is DataCoding.UCS2:
        for further in _STRICTER[mode]:
            instead = fit_national(fit(content, further), further, alphabets)
            if (instead.text, instead.alphabet) != (fitted.text, fitted.alphabet):
                return found._replace(instead=_laid_out(instead, further))
    return found


def preview(directory: Directory, admitted: Admitted, now: datetime, alphabets_of: AlphabetsOf = takes_none) -> Preview:
    """Return what would become of an admitted message, the first of several, that is sent `now`."""
    source, (message_id, destination) = admitted.source, admitted.messages[0]
    trunk = directory.trunk(admitted.trunk_id)
    mode = admitted.smart_encoding or (trunk and trunk.smart_encoding) or SmartEncoding.OFF
    grant = authorize(directory, admitted.trunk_id, source, now, admitted.campaign_id)
    if isinstance(grant, Refusal):
        return Preview(preview_text(admitted.content, mode), grant, ())
    unwanted = authorize_destination(directory, grant, destination)
    if unwanted is not None:
        return Preview(preview_text(admitted.content, mode), unwanted, ())
    takers = first_choices(directory, grant.account.id, source, destination)
    if not takers:
        return Preview(preview_text(admitted.content, mode), NO_ROUTE, ())
    if (beyond := unpriced(limits_of(grant.trunk, grant.account), takers[0].route)) is not None:
        return Preview(preview_text(admitted.content, mode), Refusal(*beyond), ())
    choices = choose_routes(directory, grant.account.id, source, destination, message_id)
    return Preview(preview_text(admitted.content, mode, taken_by_all(choices, alphabets_of)), None, takers)


_STRICTER: Final = {
    SmartEncoding.OFF: (SmartEncoding.REPLACE, SmartEncoding.TRANSLITERATE),
    SmartEncoding.REPLACE: (SmartEncoding.TRANSLITERATE,),
    SmartEncoding.TRANSLITERATE: (),
}


def _laid_out(fitted: Fitted, mode: SmartEncoding) -> TextPreview:
    text, alphabet, changes = fitted.text, fitted.alphabet, fitted.changes
    if alphabet is None:
        return TextPreview(lay_out(text), outside_gsm7(text), mode, changes)
    return TextPreview(lay_out_in(text, alphabet), {}, mode, changes, alphabet.language)
