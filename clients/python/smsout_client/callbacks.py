"""The signature of callbacks, which is that of Standard Webhooks (https://www.standardwebhooks.com)."""

from collections.abc import Mapping

from standardwebhooks import Webhook, WebhookVerificationError

from smsout_client.errors import CallbackNotVerified
from smsout_client.models import Callback


def read_callback(body: bytes, headers: Mapping[str, str], secret: str) -> Callback:
    """Return what a callback tells. `body` is as it came, before anybody parsed it. Raises `CallbackNotVerified`."""
    found = {name.lower(): value for name, value in headers.items()}
    try:
        document = Webhook(secret).verify(body, found)
        return Callback.of(found["webhook-id"], document)
    except WebhookVerificationError as error:
        raise CallbackNotVerified(str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CallbackNotVerified(f"it is signed, and no callback of a gateway: {error!r}") from error
