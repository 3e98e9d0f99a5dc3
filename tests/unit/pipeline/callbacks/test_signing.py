"""Standard Webhooks headers, checked with that project's own library."""

import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from pipeline.callbacks.signing import signed_headers
from pipeline.errors import Refused
from schemas.directory.trunk import CallbackSecret

NOW = datetime.now(UTC)
WEBHOOK_ID = "8f4f4d6c-3f2e-4a0a-9d61-5c1b6f3a2b10.processing"
BODY = '{"data":{"id":"8f4f4d6c","text":"é"}}'.encode()


def secret(fill: bytes, valid_until: datetime | None = None) -> CallbackSecret:
    return CallbackSecret(secret="whsec_" + b64encode(fill * 32).decode(), valid_until=valid_until)


CURRENT = secret(b"c")
ROTATED = secret(b"r", NOW + timedelta(hours=1))
EXPIRED = secret(b"e", NOW - timedelta(seconds=1))


def accepted_by(verifier: CallbackSecret, headers: dict[str, str], body: bytes = BODY) -> bool:
    try:
        Webhook(verifier.secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


@pytest.mark.parametrize(
    ("secrets", "verifier", "expected"),
    [
        ((CURRENT,), CURRENT, True),
        ((CURRENT,), ROTATED, False),
        ((CURRENT, ROTATED), CURRENT, True),
        ((CURRENT, ROTATED), ROTATED, True),
        ((CURRENT, EXPIRED), CURRENT, True),
        ((CURRENT, EXPIRED), EXPIRED, False),
    ],
)
def test_every_secret_in_force_signs(
    secrets: tuple[CallbackSecret, ...], verifier: CallbackSecret, expected: bool
) -> None:
    """During a rotation both secrets verify; a secret past its time, or another's, does not."""
    headers = signed_headers(secrets, WEBHOOK_ID, time.time(), BODY)  # not NOW: the verifier refuses what is old
    assert accepted_by(verifier, headers) is expected


def test_the_headers_are_those_of_the_specification() -> None:
    """Id as given, time in whole seconds, one `v1,` signature for each secret, separated by a space."""
    headers = signed_headers((CURRENT, ROTATED), WEBHOOK_ID, 1_700_000_000.9, BODY)
    assert sorted(headers) == ["webhook-id", "webhook-signature", "webhook-timestamp"]
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (WEBHOOK_ID, "1700000000")
    assert [part[:3] for part in headers["webhook-signature"].split(" ")] == ["v1,", "v1,"]


def test_id_time_and_body_are_all_covered() -> None:
    """Changing any of the three makes the signature wrong."""
    now = time.time()
    headers = signed_headers((CURRENT,), WEBHOOK_ID, now, BODY)
    later = str(int(now) + 1)
    assert not accepted_by(CURRENT, headers, BODY + b" ")
    assert not accepted_by(CURRENT, headers | {"webhook-id": "another"})
    assert not accepted_by(CURRENT, headers | {"webhook-timestamp": later})


def test_a_secret_that_is_not_base64_is_refused_without_being_named() -> None:
    """The error may be logged, so it must not hold the secret."""
    broken = CallbackSecret(secret="whsec_" + "A" * 33)
    with pytest.raises(Refused) as caught:
        signed_headers((broken,), WEBHOOK_ID, NOW.timestamp(), BODY)
    assert "AAA" not in str(caught.value)
