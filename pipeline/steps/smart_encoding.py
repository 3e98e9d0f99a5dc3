"""Step 3, smart encoding: what a text becomes before it is counted, so that it needs no more segments than it must.

1. A letter and its marks become one character (Unicode's NFC), always: no reader sees a difference.
2. Look-alikes are replaced where all of the text is in GSM-7 then.
3. The tables of a national language are used where the carrier takes them and the text is shorter so.
4. Letters are transliterated where all of the text is in GSM-7 then, and takes fewer segments.

What GSM-7 can carry is never changed, none of it makes a text a segment longer, and what comes out stays as it is when
it goes in again. Steps 2 and 3 are asked for with `replace`, all of them with `transliterate`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import Final, NamedTuple

from pipeline.alphabets.look_alikes import LOOK_ALIKES
from pipeline.alphabets.national import NationalAlphabet
from pipeline.alphabets.transliteration import transliterate, written
from pipeline.steps.composition import compose, compositions
from pipeline.steps.encoding import is_gsm7
from pipeline.steps.segmentation import count_segments, count_segments_in
from schemas.text.smart_encoding import MAX_CHANGES, ChangeStep, SmartEncoding, TextChange

_TRANSLATION: Final = str.maketrans(LOOK_ALIKES)

_Change = tuple[ChangeStep, str, str]


class Fitted(NamedTuple):
    """A text as it is sent, made of `content`: composed, with `stand_ins` for look-alikes, then `transliterated`.

    `alphabet` is a national language's, where one is used.
    """

    content: str
    text: str
    stand_ins: Mapping[str, str] = {}
    transliterated: bool = False
    alphabet: NationalAlphabet | None = None

    @property
    def changes(self) -> tuple[TextChange, ...]:
        """What was changed, found out by whoever wants to tell it."""
        if self.text is self.content:
            return ()
        composed = compose(self.content)
        steps: list[Iterable[_Change]] = [_replacements(composed, self.stand_ins)]
        if composed is not self.content:
            steps.insert(0, ((ChangeStep.COMPOSED, *it) for it in compositions(self.content)))
        if self.transliterated:
            steps.append(_transliterations(composed.translate(_TRANSLATION)))
        counted = Counter(chain(*steps))
        return tuple(
            [
                TextChange(step=step, before=before, after=after, count=count)
                for (step, before, after), count in islice(counted.items(), MAX_CHANGES)
            ]
        )


def fit(content: str, mode: SmartEncoding) -> Fitted:
    """Return what `content` becomes whoever carries it. Raises `Unencodable` where smart encoding is asked for."""
    text = compose(content)
    if mode is SmartEncoding.OFF or is_gsm7(text):
        return Fitted(content, text)
    segments = count_segments(text)
    replaced = text.translate(_TRANSLATION)
    if is_gsm7(replaced) and replaced and count_segments(replaced) <= segments:
        return Fitted(content, replaced, LOOK_ALIKES)
    if mode is SmartEncoding.TRANSLITERATE:
        letters = transliterate(replaced)
        if is_gsm7(letters) and letters and count_segments(letters) < segments:
            return Fitted(content, letters, LOOK_ALIKES, transliterated=True)
    return Fitted(content, text)


def fit_national(fitted: Fitted, mode: SmartEncoding, alphabets: Sequence[NationalAlphabet]) -> Fitted:
    """Return what a text becomes that `fit` has `fitted`, for a carrier that takes these `alphabets`.

    None of them may serve it. It never needs more segments than before.
    """
    if mode is SmartEncoding.OFF or not alphabets or (is_gsm7(fitted.text) and not fitted.transliterated):
        return fitted
    content = fitted.content
    text = compose(content)
    most = count_segments(text) - 1
    if fitted.transliterated:
        most = min(most, count_segments(fitted.text))  # for as much as that, the letters themselves
    found: list[tuple[int, int, Fitted]] = []
    for alphabet in alphabets:
        stand_ins = {it: LOOK_ALIKES[it] for it in set(text) if it in LOOK_ALIKES and it not in alphabet}
        replaced = text.translate({ord(it): stand_in for it, stand_in in stand_ins.items()}) if stand_ins else text
        segments = count_segments_in(replaced, alphabet)
        if segments is not None and segments <= most:
            found.append((segments, len(alphabet.elements), Fitted(content, replaced, stand_ins, alphabet=alphabet)))
    return min(found, key=itemgetter(0, 1))[2] if found else fitted


def _replacements(text: str, stand_ins: Mapping[str, str]) -> Iterator[_Change]:
    return ((ChangeStep.REPLACED, it, stand_ins[it]) for it in text if it in stand_ins)


def _transliterations(text: str) -> Iterator[_Change]:
    for it, after in zip(text, written(text), strict=True):
        if it != after:
            yield ChangeStep.TRANSLITERATED, it, after
