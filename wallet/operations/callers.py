"""Who calls: a client of an organisation in the registry, in a role."""

from dataclasses import dataclass

from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from sqlalchemy.orm import Session

from wallet.context import Wallet
from wallet.errors import ClientNotRegistered
from wallet.models.organisation import Client, Organisation, find_client
from wallet.operations.known import Known


@dataclass(frozen=True)
class Party:
    """A body that negotiates or declares, and who speaks for it: one of its systems, or one of its staff."""

    org_id: str
    actor: str


@dataclass(frozen=True)
class Body:
    """A system and the organisation it belongs to."""

    client: Client
    organisation: Organisation

    @property
    def actor(self) -> str:
        """The body as the audit log names it."""
        return f"client:{self.client.client_id}"


def find_body(session: Session, client_id: str, role: str | None = None) -> Body:
    """Return the body behind a client, which has the role if one is named.  Raises: ClientNotRegistered."""
    return _body(find_client(session, client_id), role)


def party_of(wallet: Wallet, client_id: str, role: str | None = None) -> Party:
    """Return the party that a system speaks for.  Raises: ClientNotRegistered."""
    with wallet.reading() as tx:
        body = find_body(tx.session, client_id, role)
    return Party(body.organisation.org_id, body.actor)


def known_body(known: Known, client_id: str, role: str) -> Body:
    """Return the body behind a client as it was a moment ago.  Raises: ClientNotRegistered."""
    return _body(known.client(client_id), role)


def _body(found: tuple[Client, Organisation] | None, role: str | None) -> Body:
    if found is None or (role is not None and role not in found[0].roles):
        raise ClientNotRegistered(f"This client is not registered here as {role or 'a system'} of an active organisation.")
    return Body(*found)


def keys_of(client: Client) -> dict[str, ECKey]:
    """Return a client's registered keys by `kid`; a key of another kind than ours signs nothing here and is left out."""
    keys: dict[str, ECKey] = {}
    listed = client.jwks.get("keys")
    for jwk in listed if isinstance(listed, list) else []:
        try:
            keys[str(jwk["kid"])] = ECKey.import_key({str(name): str(value) for name, value in jwk.items()})
        except (JoseError, ValueError, KeyError, TypeError):
            continue
    return keys
