"""Until when certificates are valid."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import REGISTRY

from agents import certificates

SOON = datetime(2030, 1, 1, tzinfo=UTC)


def certificate(ends: datetime) -> bytes:
    """Return a certificate in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(ends - timedelta(days=90)).not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.PEM)


def told(path: Path) -> float | None:
    return REGISTRY.get_sample_value("smsout_certificate_not_after_timestamp_seconds", {"file": str(path)})


def test_the_first_one_to_end_counts(tmp_path: Path) -> None:
    """A chain is as good as its weakest."""
    path = tmp_path / "chain.pem"
    path.write_bytes(certificate(SOON + timedelta(days=500)) + certificate(SOON))
    certificates.look([path])
    assert told(path) == SOON.timestamp()


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_what_cannot_be_read_has_ended(tmp_path: Path, content: bytes | None) -> None:
    """So that the alert comes, and not silence."""
    path = tmp_path / "bad.pem"
    if content is not None:
        path.write_bytes(content)
    certificates.look([path])
    assert told(path) == 0.0


async def test_nothing_to_watch_ends_at_once() -> None:
    """It is no task that lives for nothing."""
    await certificates.watch([])
