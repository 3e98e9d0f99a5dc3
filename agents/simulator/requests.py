"""Reading what a caller sent, with an answer that says what is wrong with it."""

import json
from typing import Final, NoReturn, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)

MAX_SINCE: Final = 2**63


def refuse(problem: str) -> NoReturn:
    """Answer 400 with `{"error": problem}`."""
    raise web.HTTPBadRequest(text=json.dumps({"error": problem}), content_type="application/json")


async def parsed(request: web.Request, model: type[Model]) -> Model:
    """Return the JSON body as `model`; answers 400 with every problem listed."""
    return parsed_bytes(await request.read(), model)


def parsed_bytes(body: bytes, model: type[Model]) -> Model:
    """Return `body` as `model`; answers 400 with every problem listed."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        refuse(
            "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"
                for problem in error.errors(include_url=False, include_input=False, include_context=False)
            )
        )


def since(request: web.Request) -> int:
    """Return `?since=N`, 0 when it is absent; answers 400 when N is no count."""
    text = request.query.get("since", "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) < MAX_SINCE):
        refuse("since: must be a number, 0 or more")
    return int(text)
