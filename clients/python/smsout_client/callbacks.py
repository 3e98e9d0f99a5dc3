"""The signature of callbacks, which is that of Standard Webhooks (https://www.standardwebhooks.com)."""

from collections.abc import Mapping
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from smsout_client.errors import CallbackNotVerified
from smsout_client.models import Callback


def read_callback(body: bytes, headers: Mapping[str, str], secret: str) -> Callback:
    """Return what a callback tells. `body` is as it came, before anybody parsed it. Raises `CallbackNotVerified`,
    also for a batch of them: `read_callbacks` reads those.
    """
    document, webhook_id = _verified(body, headers, secret)
    if _is_batch(document):
        raise CallbackNotVerified("it is signed, and a batch: read_callbacks reads it")
    try:
        return Callback.of(webhook_id, document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _no_callback(error) from error


def read_callbacks(body: bytes, headers: Mapping[str, str], secret: str) -> list[Callback]:
    """Return what a POST tells, of one message or, to a trunk with batches, of up to 100; each has its `webhook_id`.

    `body` is as it came, before anybody parsed it. Raises `CallbackNotVerified`.
    """
    document, webhook_id = _verified(body, headers, secret)
    try:
        return Callback.of_batch(document) if _is_batch(document) else [Callback.of(webhook_id, document)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _no_callback(error) from error


def _verified(body: bytes, headers: Mapping[str, str], secret: str) -> tuple[Any, str]:
    found = {name.lower(): value for name, value in headers.items()}
    try:
        return Webhook(secret).verify(body, found), found["webhook-id"]
    except WebhookVerificationError as error:
        raise CallbackNotVerified(str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _no_callback(error) from error


def _is_batch(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("data"), list)


def _no_callback(error: Exception) -> CallbackNotVerified:
    return CallbackNotVerified(f"it is signed, and no callback of a gateway: {error!r}")
