"""Steps 3 and 4 for all messages that have one text: changed, coded and cut once, and written once."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pipeline.alphabets.national import NationalAlphabet
from pipeline.errors import TooManySegments, Unencodable
from pipeline.steps.admission.request import check_content
from pipeline.steps.authorization import Refusal
from pipeline.steps.routing import Choice
from pipeline.steps.segmentation import only_header, split, split_in, user_data_headers
from pipeline.steps.smart_encoding import Fitted, fit, fit_national
from schemas.directory.carrier import Carrier
from schemas.messages.destination import MAX_CONTENT_LENGTH
from schemas.messages.mt_message import DataCoding, UncheckedSegment
from schemas.messages.status import CodeId
from schemas.text.smart_encoding import SmartEncoding, unchecked_changes
from schemas.unchecked import written_once

AlphabetsOf = Callable[[Carrier], Sequence[NationalAlphabet]]
"""Returns the national alphabets that a carrier takes."""


def takes_none(_: Carrier) -> Sequence[NationalAlphabet]:
    """Return the national alphabets of a carrier that takes none."""
    return ()


def taken_by_all(choices: Sequence[Choice], alphabets_of: AlphabetsOf) -> tuple[NationalAlphabet, ...]:
    """Return the national alphabets of all carriers that may get a message, which is cut once for all of them."""
    taken, *others = [alphabets_of(it.carrier) for it in choices]
    return tuple([it for it in taken if all(it in other for other in others)])


class PreparedText(NamedTuple):
    """A text as its messages have it. `only` are the segments where there is one, which no message's id is in."""

    data_coding: DataCoding
    texts: Sequence[Any]
    only: Any = None
    elements: str = ""
    changes: Any = None
    national_language: str | None = None

    def segments(self, message_id: str) -> Any:
        """Return the segments of one message."""
        if self.only is not None:
            return self.only
        headers = user_data_headers(len(self.texts), message_id, self.elements)
        return tuple(
            [
                UncheckedSegment(seqnum=seqnum, text=text, udh=udh)
                for seqnum, (text, udh) in enumerate(zip(self.texts, headers, strict=True), 1)
            ]
        )


class TextPreparer:
    """Prepares one content, for each set of national alphabets that carriers turn out to take."""

    __slots__ = ("_by_alphabets", "_fitted", "_mode", "_plain")

    def __init__(self, fitted: Fitted, mode: SmartEncoding, prepared: PreparedText) -> None:
        self._fitted = fitted
        self._mode = mode
        self._plain = prepared
        # In GSM-7 with all its letters there is nothing to gain.
        is_lossless = prepared.data_coding is DataCoding.GSM7 and not fitted.transliterated
        self._by_alphabets: dict[tuple[NationalAlphabet, ...], PreparedText] | None = (
            None if mode is SmartEncoding.OFF or is_lossless else {(): prepared}
        )

    def for_carriers(self, choices: Sequence[Choice], alphabets_of: AlphabetsOf) -> PreparedText:
        """Return the text for a message that goes to the first of these, or on to the others."""
        if self._by_alphabets is None:
            return self._plain
        alphabets = taken_by_all(choices, alphabets_of)
        found = self._by_alphabets.get(alphabets)
        if found is None:
            found = self._by_alphabets[alphabets] = _prepared(fit_national(self._fitted, self._mode, alphabets))
        return found


def prepare(content: str, mode: SmartEncoding, max_segments: int) -> TextPreparer | Refusal:
    """Return how a text goes to its messages, or why it cannot be sent.

    The segments are counted without national alphabets, with which there are never more.
    """
    try:
        fitted = fit(content, mode)
        prepared = _prepared(fitted)
    except (Unencodable, TooManySegments):
        prepared = None
    if prepared and len(prepared.texts) <= max_segments and 0 < len(content) <= MAX_CONTENT_LENGTH:
        return TextPreparer(fitted, mode, prepared)
    return Refusal(CodeId.NO_ENCODING, check_content(content, max_segments, mode) or "the text cannot be sent")


def _prepared(fitted: Fitted) -> PreparedText:
    """Raises `Unencodable` and `TooManySegments`."""
    text, alphabet, changes = fitted.text, fitted.alphabet, fitted.changes
    if alphabet is None:
        data_coding, texts = split(text)
        elements, language = "", None
    else:
        data_coding, texts = DataCoding.GSM7, split_in(text, alphabet)
        elements, language = alphabet.elements, alphabet.language
    told = None if not changes else written_once(unchecked_changes(changes))
    if len(texts) == 1:
        udh = only_header(elements) if elements else None
        only = written_once((UncheckedSegment(seqnum=1, text=texts[0], udh=udh),))
        return PreparedText(data_coding, texts, only, elements, told, language)
    return PreparedText(data_coding, [written_once(it) for it in texts], None, elements, told, language)
