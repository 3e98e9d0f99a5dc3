"""What a message would become, as an answer in the contract's words; which carrier would get it is not told here."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from agents.ingress.protocol.responses import Response
from agents.serving.prices import json_number
from pipeline.directory.model import Directory
from pipeline.idempotency.keys import digest_of
from pipeline.steps.admission.request import Admitted
from pipeline.steps.prepared_text import AlphabetsOf, takes_none
from pipeline.steps.preview import Preview, TextPreview, preview
from schemas.identifiers import preview_id
from schemas.messages.mt_message import ENCODINGS
from schemas.text.characters import code_of, name_of
from schemas.text.smart_encoding import changed

KIND: Final = "outbound_message_previews"
MAX_CHARACTERS: Final = 100
"""Different characters that are listed as outside of GSM-7: bounds the answer to a text of nothing else."""


def previewed(directory: Directory, admitted: Admitted, alphabets_of: AlphabetsOf = takes_none) -> Response:
    """Return the answer to a request for a preview of one message; `alphabets_of` is of its carriers."""
    destination = admitted.messages[0][1]
    smart_encoding = admitted.smart_encoding
    digest = digest_of(KIND, admitted.source, admitted.content, [destination], smart_encoding=smart_encoding)
    attributes: dict[str, Any] = {"source": admitted.source, "destination": destination}
    found = preview(directory, admitted, admitted.accepted_at, alphabets_of)
    attributes |= _attributes(found)
    if smart_encoding is not None and found.text.instead is not None:
        attributes["with_smart_encoding"] = _instead(found.text.instead, found)
    data = {"id": preview_id(admitted.trunk_id, digest), "type": KIND, "attributes": attributes}
    return Response(200, json.dumps({"data": data}, separators=(",", ":")).encode())


def _attributes(found: Preview) -> dict[str, Any]:
    text, layout = found.text, found.text.layout
    refusal = found.refusal
    return {
        "encoding": ENCODINGS[layout.data_coding],
        "fragments": len(layout.parts),
        "segments": [{"content": part.text, "length": part.units} for part in layout.parts],
        "characters_left": layout.units_left,
        "outside_gsm7": list(islice(_characters(text.outside_gsm7), MAX_CHARACTERS)),
        "sendable": refusal is None,
        "status": None if refusal is None else refusal.status,
        "code_id": None if refusal is None else int(refusal.code_id),
        "reason": None if refusal is None else refusal.reason,
        "price": json_number(found.price),
        "price_per_segment": json_number(found.price_per_segment),
        "currency": found.currency,
        "price_varies": found.price_varies,
        **changed(text.changes, text.national_language),
    }


def _instead(text: TextPreview, found: Preview) -> dict[str, Any]:
    each, fragments = found.price_per_segment, len(text.layout.parts)
    return {
        "smart_encoding": text.smart_encoding,
        "encoding": ENCODINGS[text.layout.data_coding],
        "fragments": fragments,
        "price": None if each is None else json_number(each * fragments),
        **changed(text.changes, text.national_language),
    }


def _characters(outside: Mapping[str, Sequence[int]]) -> Iterator[dict[str, Any]]:
    for character, indexes in outside.items():
        yield {
            "character": character,
            "code_point": code_of(character),
            "name": name_of(character),
            "indexes": indexes,
        }
