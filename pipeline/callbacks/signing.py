"""Standard Webhooks headers: the receiver can tell that a notification is ours, whole and fresh.

Specification: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
from base64 import b64decode
from binascii import Error, b2a_base64
from functools import lru_cache

from pipeline.errors import Refused
from schemas.directory.trunk import CallbackSecret


def signed_headers(secrets: tuple[CallbackSecret, ...], webhook_id: str, now: float, body: bytes) -> dict[str, str]:
    """Return `webhook-id`, `webhook-timestamp` and `webhook-signature` for one attempt.

    `now` is in seconds since 1970; `webhook_id` must be the same at every attempt. Every secret that counts signs,
    the current one (the first) first: one that has been rotated out counts until its `valid_until`, so that a
    receiver can change over without a gap.
    Raises `Refused` when a secret is not what it should be.
    """
    seconds = str(int(now))
    content = f"{webhook_id}.{seconds}.".encode() + body
    signature = _signature(secrets[0].secret, content)
    for rotated in secrets[1:]:
        if rotated.valid_until is None or rotated.valid_until.timestamp() > now:
            signature += " " + _signature(rotated.secret, content)
    return {"webhook-id": webhook_id, "webhook-timestamp": seconds, "webhook-signature": signature}


def _signature(secret: str, content: bytes) -> str:
    keyed = _keyed(secret).copy()
    keyed.update(content)
    return "v1," + b2a_base64(keyed.digest(), newline=False).decode()


@lru_cache(maxsize=4096)
def _keyed(secret: str) -> hmac.HMAC:
    # Copying a state that has the key in it costs a third less than starting from the key.
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except Error as error:
        raise Refused("a callback secret is not base64", stage="callback") from error
    return hmac.new(key, digestmod="sha256")
