"""Keep how a person's identity was checked, and tell it to clients that ask for verified claims (§2.25)."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.events import Event
from identity.models.base import table_of
from identity.models.finders import person_scope
from identity.models.proofing import PersonProofing
from identity.standards import claims_request, identity_assurance, oidc_claims
from identity.standards.identity_assurance import Proofing
from identity.standards.oidc_claims import Facts
from shared.transaction import Transaction

PROOFINGS = table_of(PersonProofing)


def record_proofing(identity: Identity, tx: Transaction, person_id: UUID, proofing: Proofing, *, actor: str) -> None:
    """Keep the newest check of a person."""
    sealed = identity.cipher.encrypt(json.dumps(asdict(proofing), default=_text), scope=person_scope(person_id))
    row = {"person_id": person_id, "proofing_sealed": sealed, "updated_at": identity.clock.now()}
    statement = insert(PROOFINGS).values(row)
    tx.connection.execute(statement.on_conflict_do_update(index_elements=["person_id"], set_=row))
    tx.record(Event.PERSON_PROOFED, actor=actor, object_id=str(person_id), data={"level": proofing.level, "method": proofing.check_method})


def _text(value: object) -> str:
    assert isinstance(value, date | datetime)  # noqa: S101 - the only members of a Proofing that JSON does not know
    return value.isoformat()


def find_proofing(identity: Identity, connection: Connection, person_id: UUID) -> Proofing | None:
    """Return the newest check of a person."""
    query = select(PROOFINGS.c.proofing_sealed).where(PROOFINGS.c.person_id == person_id)
    sealed = connection.execute(query).scalar_one_or_none()
    if sealed is None:
        return None
    plain = json.loads(identity.cipher.decrypt(sealed, scope=person_scope(person_id)))
    plain |= {name: date.fromisoformat(plain[name]) for name in ("issued_on", "expires_on") if plain[name] is not None}
    return Proofing(**{**plain, "checked_at": datetime.fromisoformat(plain["checked_at"])})


def level_of(identity: Identity, connection: Connection, person_id: UUID) -> int:
    """Return how well a person was checked, 0 to 3 (§2.26)."""
    proofing = find_proofing(identity, connection, person_id)
    return proofing.level if proofing else 0


def verified_claims(
    identity: Identity,
    tx: Transaction,
    asked: claims_request.ClaimsRequest | None,
    place: str,
    *,
    person_id: UUID,
    facts: Facts,
    client_scopes: Iterable[str],
) -> dict[str, object]:
    """Return the member to add in one place; nothing where nothing was asked there, or nothing can be told (IA-3)."""
    wish = claims_request.element_at(asked, place, identity_assurance.NAME)
    if wish is None:
        return {}
    scopes = frozenset(client_scopes)
    names = [name for name in identity_assurance.claim_names(wish) if name in identity_assurance.CLAIMS]
    known = oidc_claims.claims_for("", facts, oidc_claims.entitled(names, scopes), "standard")
    known.pop("sub")
    told = identity_assurance.answer(
        wish,
        find_proofing(identity, tx.connection, person_id),
        known,
        with_number=identity_assurance.DOCUMENT_SCOPE in scopes,
        now=identity.clock.now(),
    )
    return {} if told is None else {identity_assurance.NAME: told}
