"""A secret that the directory holds and only some processes can read."""

from typing import Annotated

from pydantic import Field

from schemas.record import WireModel

SecretName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class SealedSecret(WireModel):
    """A secret under AES-256-GCM: base64 of nonce and ciphertext, under the key named by `key_id`.

    It is bound to the entry whose it is, and to its name (pipeline/directory/sealing.py).
    """

    name: SecretName
    sealed: Annotated[str, Field(max_length=65_536)]
    key_id: Annotated[str, Field(min_length=1, max_length=64)]
