"""A request becomes a question to the database, and what is found becomes a document.

Who is calling is known first: a trunk sees its own messages and no others. Questions are asked in threads, few of one
trunk at once, so that one that searches through everything leaves the others their turn.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import structlog
from aiohttp import hdrs, web
from sqlalchemy import Connection, Engine

from agents.serving.authentication import Authenticator
from agents.serving.errors import MEDIA_TYPE, document, member
from agents.serving.head import is_acceptable, transfer_problem
from agents.serving.message_query import BadParameter, read_query
from agents.serving.message_shown import as_json, events, message
from pipeline.directory.model import Directory
from pipeline.errors import LogUnavailable
from pipeline.message_log.database import READERS, reading
from pipeline.message_log.reading.history import MessageHistory
from pipeline.message_log.reading.look_up import find, history_of
from pipeline.message_log.reading.message import LoggedMessage
from pipeline.message_log.reading.search import Search, search_page
from pipeline.metrics import LOG_REQUESTS
from schemas.directory.trunk import Trunk

PATH: Final = "/outbound_messages"
AT_ONCE_OF_ONE: Final = 2
"""Questions of one trunk that are asked at once; a few more wait, and what comes then is refused."""
WAITING_OF_ONE: Final = 8
WAITING: Final = 200
RETRY_AFTER: Final = {"Retry-After": "1"}
_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="HTTP OUT SMS trunk", charset="UTF-8"'}

T = TypeVar("T")

log = structlog.get_logger(__name__)


class _Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **about: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        self.told = {**member(status, detail), **about}


class LogApi:
    """Answers requests."""

    def __init__(self, authenticator: Authenticator, directory: Directory, engine: Engine) -> None:
        self._authenticator = authenticator
        self._directory = directory
        self._engine = engine
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="questions")
        self._waiting: Counter[str] = Counter()
        self._turns: dict[str, asyncio.Semaphore] = {}

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. An error of ours is logged and becomes a 500."""
        try:
            body, status, headers = await self._answer(request), 200, dict[str, str]()
        except _Refusal as refusal:
            body, status, headers = document([refusal.told]), refusal.status, dict(refusal.headers)
        except LogUnavailable as error:
            status = 400 if error.too_slow else 503
            headers = {} if error.too_slow else dict(RETRY_AFTER)
            body = document([member(status, str(error) if error.too_slow else "the message log does not answer")])
            log.warning("log_question_failed", error=str(error))
        except Exception as failure:  # the client gets an answer and we a log line, whatever it is
            log.error("request_failed", path=request.path[:100], error=repr(failure), exc_info=failure)
            body, status, headers = document([member(500, "something went wrong on our side")]), 500, {}
        LOG_REQUESTS.labels(str(status)).inc()
        response = web.Response(status=status, body=body, headers={"Content-Type": MEDIA_TYPE, **headers})
        if request.can_read_body:
            response.force_close()  # nobody reads it
        return response

    async def _answer(self, request: web.BaseRequest) -> bytes:
        parts = request.path.removesuffix("/").split("/")
        if not 2 <= len(parts) <= 4 or f"/{parts[1]}" != PATH or (len(parts) == 4 and parts[3] != "events"):
            raise _Refusal(404, "there is no such resource")
        if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            raise _Refusal(405, "only GET is allowed here; messages are sent to ingress", {"Allow": "GET, HEAD"})
        headers = request.headers
        trunk = self._authenticator.authenticate(
            headers.get(hdrs.AUTHORIZATION, ""), request.remote, headers.getall(hdrs.X_FORWARDED_FOR, ())
        )
        if trunk is None:
            raise _Refusal(401, "wrong credentials, or an address that is not allowed", _CHALLENGE)
        if (in_transfer := transfer_problem(headers, request.version)) is not None:
            raise _Refusal(*in_transfer)
        if hdrs.ACCEPT in headers and not is_acceptable(headers):
            raise _Refusal(
                406, f"Accept must allow {MEDIA_TYPE} without parameters", source={"header": str(hdrs.ACCEPT)}
            )
        given = _unrepeated(request)
        if len(parts) == 2:
            return await self._list(trunk, given)
        if given:
            raise _wrong(BadParameter(next(iter(given)), "is not a known parameter"))
        return await (self._one(trunk, parts[2]) if len(parts) == 3 else self._events(trunk, parts[2]))

    async def _list(self, trunk: Trunk, given: Mapping[str, str]) -> bytes:
        try:
            query = read_query(given, Search(trunk_ids=(trunk.id,)))
        except BadParameter as error:
            raise _wrong(error) from None
        page = await self._ask(trunk, lambda it: search_page(it, query.search, query.size, query.after))
        keeps_text = self._keeps_text(trunk)
        links = {"self": _link(given)}
        if page.after is not None:
            links["next"] = _link({**given, "page[after]": str(page.after)})
        return as_json({"data": [message(it, keeps_text=keeps_text) for it in page.entries], "links": links})

    async def _one(self, trunk: Trunk, message_id: str) -> bytes:
        found = await self._ask(trunk, lambda it: find(it, message_id, trunk_id=trunk.id))
        return as_json({"data": message(_first(found), keeps_text=self._keeps_text(trunk))})

    async def _events(self, trunk: Trunk, message_id: str) -> bytes:
        def look(connection: Connection) -> MessageHistory:
            return history_of(connection, _first(find(connection, message_id, trunk_id=trunk.id)))

        return as_json({"data": events(await self._ask(trunk, look))})

    def _keeps_text(self, trunk: Trunk) -> bool:
        account = self._directory.account(trunk.account_id)
        return account is not None and account.keeps_text

    async def _ask(self, trunk: Trunk, question: Callable[[Connection], T]) -> T:
        """Ask the database in a thread. Raises `LogUnavailable`."""
        if self._waiting[trunk.id] >= WAITING_OF_ONE:
            raise _Refusal(429, "too many questions of this trunk are in progress", RETRY_AFTER)
        if self._waiting.total() >= WAITING:
            raise _Refusal(503, "too many questions are in progress", RETRY_AFTER)
        self._waiting[trunk.id] += 1
        turn = self._turns.setdefault(trunk.id, asyncio.Semaphore(AT_ONCE_OF_ONE))
        try:
            async with turn:
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._asked, question)
        finally:
            self._waiting[trunk.id] -= 1
            if not self._waiting[trunk.id]:
                del self._waiting[trunk.id], self._turns[trunk.id]

    def _asked(self, question: Callable[[Connection], T]) -> T:
        with reading(self._engine) as connection:
            return question(connection)

    def close(self) -> None:
        """Wait for the questions that are being asked."""
        self._threads.shutdown()


def _first(found: list[LoggedMessage]) -> LoggedMessage:
    if not found:
        raise _Refusal(404, "this trunk has no such message, or it is not in the log yet or any more")
    return found[0]


def _unrepeated(request: web.BaseRequest) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.query.items():
        if name in found:
            raise _wrong(BadParameter(name, "is there more than once"))
        found[name] = value
    return found


def _wrong(error: BadParameter) -> _Refusal:
    shown = error.parameter[:64]
    return _Refusal(400, f"{shown} {error}", source={"parameter": shown})


def _link(query: Mapping[str, str]) -> str:
    return f"{PATH}?{urlencode(query, safe='[]')}" if query else PATH
