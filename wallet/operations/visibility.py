"""Accesses that a person sees later: only for bodies on a list, each with its law, and never for good.  Spec: wallet contract §10.4."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.errors import InvalidExchange, VisibilityNotAllowed
from wallet.events import Event
from wallet.models.organisation import organisation_names
from wallet.models.report import DelayedBody, HiddenEntry

HIDDEN_DAYS_MAX = 366


@dataclass(frozen=True)
class Visibility:
    """A wish to be seen later: by which ground, and when."""

    ground: str
    release_at: datetime


def check_visibility(session: Session, org_id: str, wish: Visibility, now: datetime) -> None:
    """Refuse a body that no law lets hide, and a time beyond a year.  Raises: VisibilityNotAllowed, InvalidExchange."""
    if session.get(DelayedBody, org_id) is None:
        raise VisibilityNotAllowed("Your body is not on the list of those that the law lets hide an access for a time.")
    if not now < wish.release_at <= now + timedelta(days=HIDDEN_DAYS_MAX):
        raise InvalidExchange("`visibility.release_at` is in the future, and at most twelve months away.")


def hide(tx: Transaction, txn: UUID, org_id: str, wish: Visibility, now: datetime) -> None:
    """Keep an exchange from its person until its time."""
    row = {"txn": txn, "org_id": org_id, "ground": wish.ground, "hidden_at": now, "release_at": wish.release_at}
    tx.connection.execute(insert(HiddenEntry).values(row).on_conflict_do_nothing())


def hidden_among(session: Session, txns: set[str], now: datetime) -> set[str]:
    """Return those of these exchanges that their person does not see yet, judged against the clock."""
    statement = select(HiddenEntry.txn).where(HiddenEntry.txn.in_([UUID(txn) for txn in txns]), HiddenEntry.release_at > now)
    return {str(txn) for txn in session.scalars(statement)}


def allow_delay(wallet: Wallet, org_id: str, law_reference: str, *, actor: str) -> None:
    """Put a body on the list, with the law that lets it."""
    with wallet.transaction() as tx:
        row = {"org_id": org_id, "law_reference": law_reference, "since": wallet.clock.now()}
        tx.connection.execute(
            insert(DelayedBody).values(row).on_conflict_do_update(index_elements=["org_id"], set_={"law_reference": law_reference})
        )
        tx.record(Event.DELAY_ALLOWED, actor=actor, object_id=org_id, data={"law": law_reference})


def prolong(wallet: Wallet, txn: UUID, until: datetime, *, order_number: str, actor: str) -> bool:
    """Hide an access longer, by the order of a judge or prosecutor; False where nothing is hidden any more."""
    with wallet.transaction() as tx:
        now = wallet.clock.now()
        statement = update(HiddenEntry).where(HiddenEntry.txn == txn, HiddenEntry.release_at > now, HiddenEntry.release_at < until)
        found = tx.connection.execute(statement.values(release_at=until, order_number=order_number)).rowcount
        if found:
            tx.record(Event.DELAY_PROLONGED, actor=actor, object_id=str(txn), data={"order": order_number})
        return bool(found)


def release_due(wallet: Wallet) -> int:
    """Mark what its person may see from now on; nothing depends on it, the clock alone shows it.  Return how many."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        statement = update(HiddenEntry).where(HiddenEntry.release_at <= now, HiddenEntry.released_at.is_(None))
        return int(tx.connection.execute(statement.values(released_at=now)).rowcount)


def hidden_counts(wallet: Wallet, bodies: frozenset[str] | None = None) -> list[tuple[str, str, int]]:
    """Return month, body (all or these) and how many accesses it hid in it, newest month first; public."""
    month = func.to_char(HiddenEntry.hidden_at, "YYYY-MM")
    with wallet.reading() as tx:
        rows = tx.session.execute(
            select(month, HiddenEntry.org_id, func.count()).group_by(month, HiddenEntry.org_id).order_by(month.desc())
        )
        found = [(str(one), org_id, count) for one, org_id, count in rows if bodies is None or org_id in bodies]
        names = organisation_names(tx.session, {org_id for _, org_id, _ in found})
    return [(one, names.get(org_id, org_id), count) for one, org_id, count in found]
