"""Sign-ins of a person that are on their way: what was proved for them must not outlive what it was proved with (§3.4, §3.9)."""

from uuid import UUID

from sqlalchemy import select, update

from identity.context import Identity
from identity.models.approval import APPROVAL_STATES, LIVE, Approval, ApprovalState
from identity.models.base import table_of
from identity.models.interaction import INTERACTION_STATES, Interaction, InteractionState
from shared.transaction import Transaction

INTERACTIONS, APPROVALS = table_of(Interaction), table_of(Approval)


def end_unfinished(identity: Identity, tx: Transaction, person_id: UUID) -> None:
    """End sign-ins that wait for the second factor, and deny their questions on other devices, answered or not.

    A session that asked for more keeps its interaction: it has to be open still when the answer comes.
    """
    now, actor = identity.clock.now(), f"person:{person_id}"
    waiting = (INTERACTIONS.c.person_id == person_id, INTERACTIONS.c.session_id.is_(None), INTERACTIONS.c.expires_at > now)
    query = select(INTERACTIONS.c.id_hash, INTERACTIONS.c.client_id).where(*waiting, INTERACTIONS.c.state == InteractionState.IDENTIFIED)
    found = tx.connection.execute(query.order_by(INTERACTIONS.c.id_hash).with_for_update()).all()
    for row in found:
        action = INTERACTION_STATES.check(InteractionState.IDENTIFIED, InteractionState.REFUSED)
        refused = update(INTERACTIONS).where(INTERACTIONS.c.id_hash == row.id_hash)
        tx.connection.execute(refused.values(state=InteractionState.REFUSED, finished_at=now))
        tx.record(action, actor=actor, object_id=str(row.client_id), channel="web")
    live = (APPROVALS.c.person_id == person_id, APPROVALS.c.state.in_(LIVE), APPROVALS.c.expires_at > now)
    questions = select(APPROVALS.c.id, APPROVALS.c.state).where(*live).order_by(APPROVALS.c.id).with_for_update()
    for asked in tx.connection.execute(questions).all():
        move_approval(identity, tx, asked.id, asked.state, ApprovalState.DENIED, actor=actor)


def move_approval(identity: Identity, tx: Transaction, approval_id: UUID, state: str, target: ApprovalState, *, actor: str) -> None:
    """Write the next state of a question that is locked and its entry.  Raises: WrongState."""
    action = APPROVAL_STATES.check(ApprovalState(state), target)
    values = {"state": target} | ({} if target is ApprovalState.USED else {"decided_at": identity.clock.now()})
    tx.connection.execute(update(APPROVALS).where(APPROVALS.c.id == approval_id).values(values))
    tx.record(action, actor=actor, object_id=str(approval_id), channel="web")
