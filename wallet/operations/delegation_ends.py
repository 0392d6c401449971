"""The end of a delegation, and what becomes of what was given by it.  Spec: wallet contract §6 D3, D7, D9."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select

from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.events import Event
from wallet.models.assent import given_by
from wallet.models.consent import LIVE_STATES, Consent, ConsentState
from wallet.models.consent_request import ConsentRequest
from wallet.models.delegation import DELEGATION_STATES, Delegation, DelegationState
from wallet.models.person_notice import NoticeKind
from wallet.operations.consent_moves import SYSTEM_CLOCK, Actor, drop_requests, end_all
from wallet.operations.moves import legal
from wallet.standards.acting import BY_INCAPACITY, Kind

CLOCK_BATCH = 200


@dataclass(frozen=True)
class Reason:
    """Why a delegation ended; `code` is told to the people concerned."""

    code: str
    actor: str


MAJORITY = Reason("majority", "system:clock")
TIME = Reason("time", "system:clock")
NOT_IN_REGISTER = Reason("not_in_register", "system:register")
DECEASED = Reason("deceased", "system:register")


def end(wallet: Wallet, tx: Transaction, row: Delegation, reason: Reason) -> None:
    """End a locked delegation: new acts stop at once; what a principal could not have given herself ends with it (D7).

    At 18 the young person has her time to confirm, which each consent carries since it was given (D3).
    """
    action = legal(DELEGATION_STATES, DelegationState(row.state), DelegationState.ENDED)
    row.state, row.state_since, row.end_reason = DelegationState.ENDED, wallet.clock.now(), reason.code
    subject = principal_of(wallet, row)
    tx.record(action, actor=reason.actor, subject=subject, object_id=str(row.delegation_id), data={"reason": reason.code})
    tx.session.flush()
    if Kind(row.kind) in BY_INCAPACITY and reason.code not in {MAJORITY.code, DECEASED.code}:
        actor = Actor(kind="system", id=reason.actor)
        target = ConsentState.INVALIDATED
        end_all(wallet, tx, given_by(row.delegation_id), target=target, actor=actor, reason_code="delegation_ended")
    tx.enqueue("announce_delegation", {"delegation_id": str(row.delegation_id)})
    if reason.code != DECEASED.code:
        tx.enqueue("notify_person", {"kind": NoticeKind.DELEGATION_ENDED, "id": str(row.delegation_id)})


def record_death(wallet: Wallet, tx: Transaction, subject: str, *, actor: str) -> int:
    """Close all consents and requests of somebody who died, and every delegation to or by her; return how many consents (D9)."""
    index = wallet.subject_index(subject)
    by = Actor(kind="authority", id=actor)
    ended = end_all(wallet, tx, Consent.subject_index == index, target=ConsentState.INVALIDATED, actor=by, reason_code="subject_deceased")
    dropped = drop_requests(wallet, tx, ConsentRequest.subject_index == index, actor=actor, reason_code="subject_deceased")
    concerned = or_(Delegation.principal_index == index, Delegation.delegate_index == index)
    statement = select(Delegation).where(Delegation.state == DelegationState.ACTIVE, concerned).with_for_update()
    rows = tx.session.scalars(statement).all()
    for row in rows:
        end(wallet, tx, row, Reason(DECEASED.code, actor))
    if ended or dropped or rows:
        tx.record(Event.PERSON_DIED, actor=actor, subject=subject, data={"consents": ended})
    return ended


def run_clock(wallet: Wallet) -> int:
    """End what its time has ended, and consents that nobody confirmed; nothing depends on it, the clock alone refuses.  Return how many."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        statement = select(Delegation).where(Delegation.state == DelegationState.ACTIVE, Delegation.valid_until <= now)
        rows = tx.session.scalars(statement.limit(CLOCK_BATCH).with_for_update(skip_locked=True)).all()
        for row in rows:
            end(wallet, tx, row, reason_by_time(row))
        _end_unconfirmed(wallet, tx, now)
        return len(rows)


def _end_unconfirmed(wallet: Wallet, tx: Transaction, now: datetime) -> None:
    late = and_(Consent.confirm_by.is_not(None), Consent.confirm_by <= now, Consent.state.in_(LIVE_STATES))
    target = ConsentState.INVALIDATED
    end_all(wallet, tx, late, target=target, actor=SYSTEM_CLOCK, reason_code="delegation_ended")


def reason_by_time(row: Delegation) -> Reason:
    """Return why a delegation whose time is over ended: a parent's, because the child is of age."""
    return MAJORITY if row.kind == Kind.PARENT else TIME


def principal_of(wallet: Wallet, row: Delegation) -> str:
    """Return the principal of a delegation, `scheme:value`."""
    return wallet.cipher.decrypt(row.principal, scope=wallet.subject_scope(row.principal_index))
