"""Which of a trunk's endpoints a notification goes to, and what each of them is called as a peer.

A trunk's own endpoint goes by the trunk's id, its failover by that and a word behind it: each is well or away for
itself. URLs that messages bring are as many as somebody likes: a trunk's are a few peers by where they lead, so that
they cost no more memory than it may have, and those that are away keep only others of the same trunk waiting.
"""

from typing import Final, NamedTuple
from zlib import crc32

from pipeline.http.url import origin_of
from schemas.directory.trunk import Trunk
from schemas.messages.callback import CallbackVia
from schemas.messages.status import MessageStatus, StatusStage

DEFAULT_FAILOVER_AFTER: Final = 3
MESSAGE_PEERS: Final = 16
"""Of one trunk: peers of the URLs that its messages bring."""
_FAILOVER: Final = "/failover"
_MESSAGE: Final = "/message/"


class Endpoint(NamedTuple):
    """Where to post; `via` says which of the trunk's addresses that is, None its own Callback URL."""

    url: str
    via: CallbackVia | None = None


def endpoint_of(trunk: Trunk, status: MessageStatus, peer: str | None = None) -> Endpoint | None:
    """Return where the trunk, as it is configured now, is told of `status`, on its way to `peer`; None for nowhere.

    A trunk that has been deleted is told how its last messages ended.
    """
    if status.stage is StatusStage.DELIVERY and not trunk.receipts_enabled:
        return None
    if status.callback_url is not None:
        return Endpoint(status.callback_url, CallbackVia.MESSAGE)
    if peer is not None and peer != trunk.id and (url := url_of(trunk, peer)) is not None:
        return Endpoint(url, CallbackVia.FAILOVER)
    return None if trunk.callback_url is None else Endpoint(trunk.callback_url)


def peers_of(trunk: Trunk | None, status: MessageStatus, attempt: int) -> tuple[str, tuple[str, ...]]:
    """Return the peer that an attempt is for, and all that may take it where these are several.

    The failover's turn comes after as many attempts as the trunk says, or when its own endpoint is away for long.
    """
    trunk_id = status.trunk_id
    if status.callback_url is not None:
        return f"{trunk_id}{_MESSAGE}{crc32(origin_of(status.callback_url).encode()) % MESSAGE_PEERS}", ()
    if trunk is None or not has_failover(trunk):
        return trunk_id, ()
    failover = f"{trunk_id}{_FAILOVER}"
    after = (trunk.callbacks and trunk.callbacks.failover_after) or DEFAULT_FAILOVER_AFTER
    return failover if attempt > after else trunk_id, (trunk_id, failover)


def url_of(trunk: Trunk, peer: str) -> str | None:
    """Return where one of the trunk's peers is now; None where it is in no one place."""
    if peer == trunk.id:
        return trunk.callback_url
    is_failover = peer.endswith(_FAILOVER)
    return trunk.callbacks.failover_url if is_failover and trunk.callbacks is not None else None


def shows_identity(trunk: Trunk, endpoint: Endpoint) -> bool:
    """Tell whether the trunk's headers, credentials and certificate are for this endpoint.

    Who may send messages could read them otherwise: a message's URL is shown them where it leads to the same origin as
    one of the trunk's own.
    """
    if endpoint.via is not CallbackVia.MESSAGE:
        return True
    own = (trunk.callback_url, None if trunk.callbacks is None else trunk.callbacks.failover_url)
    return origin_of(endpoint.url) in [origin_of(it) for it in own if it is not None]


def has_failover(trunk: Trunk) -> bool:
    """Tell whether another endpoint takes what the trunk's own does not take."""
    return trunk.callbacks is not None and trunk.callbacks.failover_url is not None


def trunk_id_of(peer: str) -> str:
    """Return whose endpoint a peer is."""
    return peer.partition("/")[0]
