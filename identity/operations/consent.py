"""What a client gets from a person, and whether the person has to be asked first (§3.8)."""

from uuid import UUID

from sqlalchemy import Connection, func, select

from identity.context import Identity
from identity.events import Event
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.finders import find_active_facts, roles_of
from identity.models.grant import Release
from identity.models.history import What
from identity.operations import history, representation, wallet_consents
from identity.operations.authorization_requests import AuthorizationRequest
from identity.operations.proofings import find_proofing
from identity.operations.sessions import Session
from identity.standards import claims_request, identity_assurance, yes_no
from identity.standards.oidc_claims import REPRESENTS_CLAIM, ROLES_CLAIM, RUN_CLAIM, entitled, released_names
from shared.transaction import Transaction

RELEASES = table_of(Release)
DOCUMENT_NUMBER = "document_number"
"""Agreed to like a claim: the number of the identity card, inside verified claims (IA-8)."""
OFFLINE = "offline_access"
"""Agreed to like a claim: that the service may ask again when the person is away (AZ-18)."""


def claims_asked(client: KnownClient, request: AuthorizationRequest) -> tuple[str, ...]:
    """Return the claims about the person that a request asks for, by scope or one by one; `sub` alone says nothing about them."""
    single = (name for place in claims_request.PLACES for name in claims_request.names_at(request.claims, place))
    verified = [claims_request.element_at(request.claims, place, identity_assurance.NAME) for place in claims_request.PLACES]
    checked = (name for wish in verified for name in identity_assurance.claim_names(wish))
    names = dict.fromkeys((*released_names(request.scopes), *entitled((*single, *checked), client.scopes)))
    if identity_assurance.DOCUMENT_SCOPE in client.scopes and any(identity_assurance.wants_number(wish) for wish in verified):
        names[DOCUMENT_NUMBER] = None
    return tuple(name for name in names if name != "sub")


def data_to_release(identity: Identity, client: KnownClient, request: AuthorizationRequest, session: Session) -> list[tuple[str, str]]:
    """Return what a client would learn, for the consent page: pairs of a kind, such as `name` or `run`, and the value."""
    with identity.reading() as tx:
        facts = find_active_facts(tx.connection, identity.cipher, session.person_id)
        roles = roles_of(tx.connection, session.person_id, identity.clock.now())
        proofing = find_proofing(identity, tx.connection, session.person_id)
        wish = representation.wish_of(request)
        chosen = representation.find_choice(identity, tx.connection, client, session, wish) if wish else None
    if facts is None:
        return []
    ages = yes_no.age_claims(facts.birth_date, yes_no.day_in_chile(identity.clock.now()))
    asked = set(claims_asked(client, request))
    data = {
        "name": ({"name", "given_name", "family_name"}, facts.full_name),
        "run": ({"RolUnico", RUN_CLAIM}, facts.run.shown),
        "email": ({"email"}, facts.email or ""),
        "phone": ({"phone_number"}, facts.phone or ""),
        "roles": ({ROLES_CLAIM}, ", ".join(roles)),
        "age": (set(ages), ", ".join(yes_no.shown(claim, is_so) for claim, is_so in ages.items() if claim in asked)),
        "represents": ({REPRESENTS_CLAIM}, chosen.option.principal.name if chosen and chosen.option else ""),
        "document": ({DOCUMENT_NUMBER}, proofing.document_number if proofing else ""),
    }
    return [(kind, value) for kind, (claims, value) in data.items() if claims & asked and value]


def name_of(identity: Identity, session: Session) -> str:
    """Return the name of who is signed in, for the chooser."""
    with identity.reading() as tx:
        facts = find_active_facts(tx.connection, identity.cipher, session.person_id)
    return facts.full_name if facts else ""


def has_agreed(connection: Connection, client: KnownClient, session: Session, claims: tuple[str, ...]) -> bool:
    """Answer whether the person agreed to give this client at least these claims."""
    return has_person_agreed(connection, client, session.person_id, claims)


def has_person_agreed(connection: Connection, client: KnownClient, person_id: UUID, claims: tuple[str, ...]) -> bool:
    """Answer it about any person."""
    query = select(RELEASES.c.claims).where(
        RELEASES.c.person_id == person_id, RELEASES.c.client_id == client.id, RELEASES.c.withdrawn_at.is_(None)
    )
    return any(set(claims) <= set(row.claims) for row in connection.execute(query))


def must_ask(connection: Connection, client: KnownClient, request: AuthorizationRequest, session: Session) -> bool:
    """Answer whether the consent page comes: private clients and services without a law ask once for each set of claims.

    Details are about one act, so they are shown each time; that a service may ask while the person is away is shown once (AZ-18).
    """
    if wallet_consents.left_to_show(request):
        return True
    if request.offline and not has_agreed(connection, client, session, (OFFLINE,)):
        return True
    claims = claims_asked(client, request)
    return client.always_asks and bool(claims) and not has_agreed(connection, client, session, claims)


def remember_consent(identity: Identity, tx: Transaction, client: KnownClient, request: AuthorizationRequest, session: Session) -> None:
    """Store what the person agreed to, as a version of its own."""
    claims, now = claims_asked(client, request), identity.clock.now()
    if request.offline:
        claims = (*claims, OFFLINE)
    mine = (RELEASES.c.person_id == session.person_id, RELEASES.c.client_id == client.id)
    version = tx.connection.execute(select(func.coalesce(func.max(RELEASES.c.version), 0) + 1).where(*mine)).scalar_one()
    row = {"id": identity.ids.uuid4(), "person_id": session.person_id, "client_id": client.id}
    tx.connection.execute(RELEASES.insert().values(**row, claims=list(claims), version=version, created_at=now))
    data: dict[str, str | int | bool | list[str]] = {"claims": list(claims), "version": version}
    told: dict[str, str | list[str]] = {"service": client.service_name, "organisation": client.organisation_name, "claims": list(claims)}
    history.note(identity, tx, session.person_id, What.CONSENT_GIVEN, told)
    tx.record(Event.RELEASE_GIVEN, actor=f"person:{session.person_id}", object_id=client.client_id, channel="web", data=data)
