"""What a client gets from a person, and whether the person has to be asked first (§3.8)."""

from sqlalchemy import Connection, func, select

from identity.context import Identity
from identity.events import Event
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.finders import find_active_facts, roles_of
from identity.models.grant import Release
from identity.operations.authorization_requests import AuthorizationRequest
from identity.operations.sessions import Session
from identity.standards.oidc_claims import ROLES_CLAIM, released_names
from shared.context import Transaction

RELEASES = table_of(Release)


def claims_asked(request: AuthorizationRequest) -> tuple[str, ...]:
    """Return the claims about the person that a request asks for; `sub` alone says nothing about them."""
    return tuple(name for name in released_names(request.scopes) if name != "sub")


def data_to_release(identity: Identity, request: AuthorizationRequest, session: Session) -> list[tuple[str, str]]:
    """Return what a client would learn, for the consent page: pairs of `name`, `run`, `email`, `phone`, `roles` and the value."""
    with identity.reading() as tx:
        facts = find_active_facts(tx.connection, identity.cipher, session.person_id)
        roles = roles_of(tx.connection, session.person_id, identity.clock.now())
    if facts is None:
        return []
    asked = set(claims_asked(request))
    data = {
        "name": ({"name", "given_name"}, facts.full_name),
        "run": ({"RolUnico"}, facts.run.shown),
        "email": ({"email"}, facts.email or ""),
        "phone": ({"phone_number"}, facts.phone or ""),
        "roles": ({ROLES_CLAIM}, ", ".join(roles)),
    }
    return [(kind, value) for kind, (claims, value) in data.items() if claims & asked and value]


def has_agreed(connection: Connection, client: KnownClient, session: Session, claims: tuple[str, ...]) -> bool:
    """Answer whether the person agreed to give this client at least these claims."""
    query = select(RELEASES.c.claims).where(
        RELEASES.c.person_id == session.person_id, RELEASES.c.client_id == client.id, RELEASES.c.withdrawn_at.is_(None)
    )
    return any(set(claims) <= set(row.claims) for row in connection.execute(query))


def must_ask(connection: Connection, client: KnownClient, request: AuthorizationRequest, session: Session) -> bool:
    """Answer whether the consent page comes: private clients and services without a law ask once for each set of claims."""
    claims = claims_asked(request)
    return client.always_asks and bool(claims) and not has_agreed(connection, client, session, claims)


def remember_consent(identity: Identity, tx: Transaction, client: KnownClient, request: AuthorizationRequest, session: Session) -> None:
    """Store what the person agreed to, as a version of its own."""
    claims, now = claims_asked(request), identity.clock.now()
    mine = (RELEASES.c.person_id == session.person_id, RELEASES.c.client_id == client.id)
    version = tx.connection.execute(select(func.coalesce(func.max(RELEASES.c.version), 0) + 1).where(*mine)).scalar_one()
    row = {"id": identity.ids.uuid4(), "person_id": session.person_id, "client_id": client.id}
    tx.connection.execute(RELEASES.insert().values(**row, claims=list(claims), version=version, created_at=now))
    data: dict[str, str | int | bool | list[str]] = {"claims": list(claims), "version": version}
    tx.record(Event.RELEASE_GIVEN, actor=f"person:{session.person_id}", object_id=client.client_id, channel="web", data=data)
