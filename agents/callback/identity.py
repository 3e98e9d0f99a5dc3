"""What a trunk's POSTs show beside the signature: headers, credentials, a certificate; and whom they trust."""

import ssl
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, NamedTuple

from agents.callback.reschedule import STAGE
from pipeline.directory.callback_secrets import CallbackSealer, CallbackSecrets, secrets_of, tls_of
from pipeline.errors import Refused, SecretUnreadable
from schemas.directory.callback_options import CallbackOptions
from schemas.directory.trunk import Trunk

MAX_TRUNKS: Final = 256  # some 40 KB each with a certificate, and a millisecond to make it


class Identity(NamedTuple):
    """What goes with each POST of a trunk; `tls` None is as usual."""

    headers: Mapping[str, str]
    tls: ssl.SSLContext | None = None


class Identities:
    """Identities of trunks, as the trunks are configured now; those that were used last are kept.

    A context is made once for as long as the trunk stays the same: connections are shared by its identity.
    """

    def __init__(self, sealer: CallbackSealer | None, max_trunks: int = MAX_TRUNKS) -> None:
        self._sealer = sealer
        self._max_trunks = max_trunks
        self._known: OrderedDict[str, tuple[Trunk, Identity]] = OrderedDict()

    def of(self, trunk: Trunk) -> Identity | None:
        """Return what the trunk wants to show, None where that is nothing.

        Raises `Refused` for what cannot be used: it may be put right while notifications wait.
        """
        options = trunk.callbacks
        if options is None:
            return None
        known = self._known.get(trunk.id)
        if known is not None and known[0] is trunk:
            self._known.move_to_end(trunk.id)
            return known[1]
        try:
            secrets = secrets_of(trunk, self._sealer)
            identity = Identity(_headers(options, secrets), tls_of(options, secrets))
        except (SecretUnreadable, ValueError) as error:
            raise Refused(f"the credentials of callbacks cannot be used: {error}", stage=STAGE) from error
        self._known[trunk.id] = trunk, identity
        self._known.move_to_end(trunk.id)
        if len(self._known) > self._max_trunks:
            self._known.popitem(last=False)
        return identity


def _headers(options: CallbackOptions, secrets: CallbackSecrets) -> dict[str, str]:
    headers = dict(options.headers or {})
    if options.username is not None:
        pair = f"{options.username}:{secrets.password or ''}".encode()  # RFC 7617 section 2.1: UTF-8
        headers["authorization"] = f"Basic {b64encode(pair).decode()}"
    elif secrets.token is not None:
        headers["authorization"] = f"Bearer {secrets.token}"
    return headers
