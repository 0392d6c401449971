"""The public keys that a client of the register proves itself by, when they change."""

from sqlalchemy import select

from identity.context import Identity
from identity.errors import InvalidClientMetadata, RegisterNotFound
from identity.events import Event
from identity.models.client import Client
from identity.operations.client_rules import key_faults


def set_client_keys(identity: Identity, client_id: str, keys: list[dict[str, object]], *, actor: str) -> None:
    """Replace them.  Raises: RegisterNotFound, InvalidClientMetadata."""
    with identity.transaction() as tx:
        client = tx.session.scalars(select(Client).where(Client.client_id == client_id)).one_or_none()
        if client is None:
            raise RegisterNotFound(f"There is no client {client_id}.")
        if faults := key_faults({"keys": keys}, client.auth_alg):
            raise InvalidClientMetadata(" ".join(faults))
        client.jwks = {"keys": keys}
        tx.record(Event.CLIENT_CHANGED, actor=actor, object_id=client_id, data={"keys": [str(key.get("kid", "")) for key in keys]})
