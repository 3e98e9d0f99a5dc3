"""Until when certificates are valid: one that ends unnoticed stops everything at once."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import structlog

from pipeline.metrics import CERTIFICATE_ENDS

LOOK_SECONDS: Final = 300.0

log = structlog.get_logger(__name__)


def ends_at(pem: bytes) -> float:
    """Return when the first of some certificates ends (Unix time). Raises `ValueError` when there is none."""
    from cryptography import x509  # a twentieth of an agent's start, and only of those who are given certificates

    return min(it.not_valid_after_utc.timestamp() for it in x509.load_pem_x509_certificates(pem))


def look(paths: Iterable[Path]) -> None:
    """Bring the metric up to date; a file that cannot be read counts as a certificate that has ended long ago."""
    for path in paths:
        try:
            end = ends_at(path.read_bytes())
        except (OSError, ValueError) as error:
            log.error("certificate_unreadable", file=str(path), error=str(error))
            end = 0.0
        CERTIFICATE_ENDS.labels(str(path)).set(end)


async def watch(paths: Iterable[Path]) -> None:
    """Look again and again, until cancelled: certificates are renewed in place."""
    watched = tuple(paths)
    while watched:
        await asyncio.to_thread(look, watched)
        await asyncio.sleep(LOOK_SECONDS)
