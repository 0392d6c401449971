"""Assents: the yes of each of those who must decide together.  Spec: wallet contract §6 D2, D6."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKeyConstraint, Index, delete, or_, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from wallet.models.base import Base
from wallet.models.consent import Consent
from wallet.models.consent_request import OPEN_STATES, ConsentRequestItem
from wallet.models.delegation import Delegation


class Assent(Base):
    """One delegate's yes to one item; a person has one, by whichever power she said it last.

    `shown_sha256` is over the offer in `language`: what was read.  `evidence` and `name` are sealed under the principal's key.
    """

    __tablename__ = "assents"
    __table_args__ = (
        ForeignKeyConstraint(["request", "item_id"], ["consent_request_items.request", "consent_request_items.item_id"]),
        Index("ix_assents_delegation_id", "delegation_id"),
        Index("ix_assents_delegate_index", "delegate_index"),
    )

    request: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[str] = mapped_column(primary_key=True)
    delegate_index: Mapped[bytes] = mapped_column(primary_key=True)
    delegation_id: Mapped[UUID]
    actor: Mapped[str]
    name: Mapped[bytes]
    optional_fields: Mapped[list[str]]
    language: Mapped[str]
    shown_sha256: Mapped[str]
    evidence: Mapped[bytes]
    said_at: Mapped[datetime]


def assents_to(session: Session, item: ConsentRequestItem, *, lock: UUID | None = None) -> list[tuple[Assent, Delegation]]:
    """Return each yes to an item with the power it was said by, the earliest first.

    `lock` is the power of who decides now: it and theirs are held, all in one order, so that two who decide at once wait and do not meet.
    """
    mine = (Assent.request == item.request, Assent.item_id == item.item_id)
    if lock is not None:
        said = select(Assent.delegation_id).where(*mine)
        held = select(Delegation).where(Delegation.delegation_id.in_(said) | (Delegation.delegation_id == lock))
        session.scalars(held.order_by(Delegation.created_at, Delegation.delegation_id).with_for_update()).all()
    joined = select(Assent, Delegation).join(Delegation, Delegation.delegation_id == Assent.delegation_id).where(*mine)
    return [(one, power) for one, power in session.execute(joined.order_by(Assent.said_at, Assent.delegation_id))]


def given_by(delegation_id: UUID) -> ColumnElement[bool]:
    """What holds for consents that a delegate gave, alone or together with others."""
    said = select(Assent.item_id).where(Assent.request == Consent.request, Assent.item_id == Consent.item_id)
    return or_(Consent.delegation_id == delegation_id, said.where(Assent.delegation_id == delegation_id).exists())


def forget_open_assents(session: Session, delegate_index: bytes) -> None:
    """Take back what somebody said yes to and others have not yet: the account is not trusted any more."""
    still_open = select(ConsentRequestItem.request, ConsentRequestItem.item_id).where(ConsentRequestItem.state.in_(OPEN_STATES))
    mine = (Assent.delegate_index == delegate_index, tuple_(Assent.request, Assent.item_id).in_(still_open))
    session.execute(delete(Assent).where(*mine))
