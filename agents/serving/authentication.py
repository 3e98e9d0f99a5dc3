"""Who is calling: the trunk's IP allow-list first, then HTTP Basic (RFC 7617).

Every failure looks the same from outside, and an unknown username costs the same work as a wrong password.
"""

import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from pipeline.directory.credentials import verify, verify_against_nobody
from pipeline.directory.model import Directory
from pipeline.http.client_address import Address, Networks, client_address
from schemas.directory.account import NumberCheck
from schemas.directory.trunk import Trunk

_MAX_PARSED: Final = 10_000  # allow-lists kept; beyond that they are parsed again

log = structlog.get_logger(__name__)


class AllowLists:
    """The trunks' allow-lists, each parsed once for each version of its trunk."""

    def __init__(self) -> None:
        self._parsed: dict[str, tuple[Trunk, Networks]] = {}

    def allows(self, trunk: Trunk, address: Address | None) -> bool:
        """Tell whether `address` (None: unknown) may use `trunk`. An empty list allows all."""
        if not trunk.allowed_ips:
            return True
        held = self._parsed.get(trunk.id)
        if held is None or held[0] is not trunk:
            if len(self._parsed) >= _MAX_PARSED:
                self._parsed.clear()
            held = self._parsed[trunk.id] = (trunk, _parse(trunk))
        return address is not None and address in held[1]


def _parse(trunk: Trunk) -> Networks:
    good: list[str] = []
    for entry in trunk.allowed_ips:
        try:
            Networks([entry])
        except ValueError:
            # The directory's writer lets no such entry in. If one is there all the same it must not open the trunk.
            log.error("allowed_ip_unreadable", trunk_id=trunk.id, entry=entry)
        else:
            good.append(entry)
    return Networks(good)


class Authenticator:
    """Finds the trunk that a request may use."""

    def __init__(
        self,
        directory: Directory,
        pepper: bytes,
        trusted_proxies: Networks,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._directory = directory
        self._pepper = pepper
        self._trusted_proxies = trusted_proxies
        self._clock = clock
        self._allow_lists = AllowLists()

    def authenticate(self, authorization: str, peer: str | None, forwarded_for: Sequence[str]) -> Trunk | None:
        """Return the trunk whose username, password and allow-list fit, or None.

        `authorization` is the header's value ("" when it is missing), `peer` the connection's address and
        `forwarded_for` the values of all X-Forwarded-For lines in order.
        """
        username, password = basic_credentials(authorization)
        trunk = self._directory.trunk_by_username(username)
        if trunk is None:
            verify_against_nobody(password, self._pepper)
            return None
        address = client_address(peer, forwarded_for, self._trusted_proxies) if trunk.allowed_ips else None
        allowed = self._allow_lists.allows(trunk, address)
        known = False
        for credential in trunk.credentials:
            # In a grace period the old password may go with the same username as the new one.
            if credential.username == username and verify(credential, trunk.id, password, self._pepper):
                known = known or credential.valid_until is None or credential.valid_until > self._clock()
        return trunk if allowed and known else None

    def number_check(self, trunk: Trunk) -> NumberCheck:
        """Return how the numbers of a trunk's account are checked."""
        account = self._directory.account(trunk.account_id)
        return NumberCheck.PLAN if account is None else account.checks


def basic_credentials(authorization: str) -> tuple[str, str]:
    """Return username and password of an Authorization header, two empty texts when it holds none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        username, colon, password = binascii.a2b_base64(encoded.strip(" "), strict_mode=True).decode().partition(":")
    except ValueError:  # of base64, of UTF-8, or of characters that are not ASCII
        return "", ""
    return (username, password) if colon else ("", "")
