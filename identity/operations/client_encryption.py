"""The public key for which a client's ID tokens are encrypted (ID-6).  It is found before the transaction: it may have to be fetched."""

from dataclasses import dataclass, field

from joserfc.jwk import Key

from identity.context import Identity
from identity.errors import TemporarilyUnavailable
from identity.models.client_store import KnownClient
from identity.standards import jose


@dataclass(frozen=True)
class EncryptionKey:
    """A client's key and the algorithm that it registered."""

    alg: str
    kid: str
    key: Key = field(repr=False)

    def encrypt(self, signed: str) -> str:
        """Return a signed token for the client's eyes only."""
        return jose.encrypt(signed, key=self.key, alg=self.alg, kid=self.kid)


def find_encryption(identity: Identity, client: KnownClient) -> EncryptionKey | None:
    """Return the key of a client that wants its ID tokens encrypted; None for the others.  Raises: TemporarilyUnavailable.

    A token is never sent unencrypted instead: the client, or who reads its traffic, relies on it.
    """
    alg = client.id_token_encryption_alg
    if alg is None:
        return None
    keys = client.encryption_keys if client.jwks_uri is None else identity.client_keys.find_encryption(client.jwks_uri)
    for kid, key in keys.items():
        if jose.encrypts_for(key, alg):
            return EncryptionKey(alg, kid, key)
    raise TemporarilyUnavailable("the key for which ID tokens are encrypted cannot be had from the client's jwks_uri")
