"""A chain of consents as a grant of OAuth: what a client may do by it, and giving it up.  Spec: contract §12; Grant Management -03."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from wallet.context import Wallet
from wallet.errors import ConsentNotFound, GrantForbidden
from wallet.models.consent import LIVE_STATES, Consent, ConsentState, chain_of
from wallet.operations.consent_moves import Actor, move, subject_of
from wallet.standards.canonical import Json
from wallet.standards.consent_record import instant
from wallet.standards.namespace import CONSENT_TYPE


@dataclass(frozen=True)
class GrantView:
    """One grant: a chain with its newest consent, while that is in force or paused."""

    grant_id: UUID
    details: list[dict[str, Json]]
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    updated_by: str


def get_grant(wallet: Wallet, client_id: str, grant_id: UUID) -> GrantView:
    """Return a client's own grant.  Raises: ConsentNotFound, GrantForbidden for another client's."""
    with wallet.reading() as tx:
        chain = _chain(tx.session, client_id, grant_id)
        newest = chain[-1]
        if newest.state_at(wallet.clock.now()) not in LIVE_STATES:
            raise ConsentNotFound("This grant is over.")
        return GrantView(grant_id, [_detail(newest)], chain[0].created_at, newest.state_since, newest.valid_until, newest.client_id)


def revoke_grant(wallet: Wallet, client_id: str, grant_id: UUID) -> None:
    """Give a grant up: its consent is revoked, and with it the tokens.  Again changes nothing.  Raises: as `get_grant`."""
    with wallet.transaction() as tx:
        newest = _chain(tx.session, client_id, grant_id, lock=True)[-1]
        if newest.state in LIVE_STATES:
            actor = Actor(kind="recipient", id=f"client:{client_id}")
            subject = subject_of(wallet, newest)
            move(wallet, tx, newest, ConsentState.REVOKED, actor=actor, subject=subject, reason_code="grant_revoked")


def _chain(session: Session, client_id: str, grant_id: UUID, *, lock: bool = False) -> list[Consent]:
    rows = chain_of(session, grant_id, lock=lock)
    if not rows:
        raise ConsentNotFound("There is no such grant.")
    if rows[-1].client_id != client_id:
        raise GrantForbidden("This grant is another client's.")
    return rows


def _detail(consent: Consent) -> dict[str, Json]:
    detail: dict[str, Json] = {
        "type": CONSENT_TYPE,
        "identifier": str(consent.consent_id),
        "consent_version": consent.consent_version,
        "datatypes": [consent.dataset_id],
        "fields": list(consent.granted_fields),
        "purpose": consent.purpose_id,
        "mode": consent.mode,
        "state": consent.state,
        "valid_until": instant(consent.valid_until),
    }
    return detail
