"""Reports of providers: what they answered, written into the log and held against what was let.  Spec: wallet contract §10.5, L4, L5."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.clock import rfc3339
from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.errors import InvalidSignature
from wallet.events import Outcome
from wallet.models.agreement import Agreement
from wallet.models.dataset import find_dataset
from wallet.models.exchange import Exchange, ExchangeState
from wallet.models.organisation import Client
from wallet.models.report import HiddenEntry, ReportedAccess
from wallet.operations.callers import Body, find_body, keys_of
from wallet.standards import signing

TYP = "access-report+jwt"
LATE_AFTER = timedelta(hours=48)
UNREPORTED_AFTER = timedelta(hours=48)
STATES = {
    "released": ExchangeState.RELEASED,
    "no_record": ExchangeState.NO_RECORD,
    "denied": ExchangeState.DENIED,
    "failed": ExchangeState.FAILED,
}


@dataclass(frozen=True, kw_only=True)
class Reported:
    """One answer as it was reported; times aware, `run` in its normal form."""

    txn: UUID
    occurred_at: datetime
    outcome: str
    dataset_id: str
    client_id: str
    fields: tuple[str, ...]
    run: str = field(repr=False)
    reason: str | None = None


@dataclass(frozen=True)
class Taken:
    """What a report came to; `unknown` are those whose `txn` the wallet never let."""

    written: int
    repeated: int
    late: int
    unknown: tuple[UUID, ...]


@dataclass(frozen=True)
class Reconciliation:
    """One day of one body, both ways."""

    unknown: tuple[UUID, ...]
    missing: tuple[UUID, ...]


def verify_report(wallet: Wallet, client_id: str, token: str) -> dict[str, object]:
    """Return the payload of a report that the caller's own key signed for us.  Raises: ClientNotRegistered, InvalidSignature."""
    with wallet.reading() as tx:
        body = find_body(tx.session, client_id, "provider")
        keys = keys_of(body.client)
    try:
        payload = signing.verify(token, keys=keys, typ=TYP, characters_max=512 * 1024)
    except signing.BadSignature:
        raise InvalidSignature("The report is not signed with a key of this client.") from None
    if payload.get("iss") != client_id or payload.get("aud") != wallet.settings.public_url:
        raise InvalidSignature("The report is of another client, or for another log.")
    return payload


def take_report(wallet: Wallet, client_id: str, reported: Sequence[Reported]) -> Taken:
    """Write each answer into the log once, with when it happened and whether it is late.  A repeat changes nothing."""
    written = repeated = late = 0
    unknown: list[UUID] = []
    with wallet.transaction() as tx:
        body = find_body(tx.session, client_id, "provider")
        for one in reported:
            row = _row(wallet, tx.session, body, one)
            if not tx.connection.execute(insert(ReportedAccess).values(row).on_conflict_do_nothing()).rowcount:
                repeated += 1
                continue
            written, late = written + 1, late + bool(row["is_late"])
            if row["match"] != "known":
                unknown.append(one.txn)
            _write(tx, body, one, is_late=bool(row["is_late"]))
            _close(tx.session, one)
    return Taken(written, repeated, late, tuple(unknown))


def reconcile_for(wallet: Wallet, client_id: str, day: date) -> Reconciliation:
    """Return what does not fit of the caller's own body.  Raises: ClientNotRegistered."""
    with wallet.reading() as tx:
        org_id = find_body(tx.session, client_id, "provider").organisation.org_id
    return reconcile(wallet, org_id, day)


def reconcile(wallet: Wallet, org_id: str, day: date) -> Reconciliation:
    """Hold a provider's reports of a day against what was let: reported without a `txn` of ours, and let without a report.

    Only the token way is expected to be reported: what went through the gate the gate has written itself.
    """
    begin = datetime.combine(day, datetime.min.time(), tzinfo=wallet.clock.now().tzinfo)
    end = begin + timedelta(days=1)
    with wallet.reading() as tx:
        strange = select(ReportedAccess.txn).where(
            ReportedAccess.org_id == org_id,
            ReportedAccess.match != "known",
            ReportedAccess.occurred_at >= begin,
            ReportedAccess.occurred_at < end,
        )
        silent = (
            select(Exchange.txn)
            .join(Agreement, Agreement.agreement_id == Exchange.agreement_id)
            .where(Agreement.provider == org_id, Exchange.state == ExchangeState.MINTED)
            .where(Exchange.attempted_at >= begin, Exchange.attempted_at < end)
            .where(Exchange.attempted_at <= wallet.clock.now() - UNREPORTED_AFTER)
        )
        unknown, missing = tx.session.scalars(strange.distinct()).all(), tx.session.scalars(silent.distinct()).all()
    return Reconciliation(tuple(sorted(unknown)), tuple(sorted(missing)))


def _row(wallet: Wallet, session: Session, body: Body, one: Reported) -> dict[str, object]:
    let = session.scalars(select(Exchange).where(Exchange.txn == one.txn)).one_or_none()
    dataset = find_dataset(session, one.dataset_id)
    is_mine = dataset is not None and dataset.org_id == body.organisation.org_id
    match = "known" if let is not None and let.client_id == one.client_id and is_mine else "other" if let is not None else "unknown"
    now = wallet.clock.now()
    return {
        "txn": one.txn,
        "org_id": body.organisation.org_id,
        "outcome": one.outcome,
        "client_id": one.client_id,
        "dataset_id": one.dataset_id,
        "occurred_at": one.occurred_at,
        "received_at": now,
        "is_late": now - one.occurred_at > LATE_AFTER,
        "match": match,
    }


def _write(tx: Transaction, body: Body, one: Reported, *, is_late: bool) -> None:
    """Add the provider's own word beside the gate's.  The entry's time is when it came; when it happened stands in the side row."""
    client = tx.session.get(Client, one.client_id)
    core: dict[str, object] = {
        "outcome": Outcome(one.outcome),
        "accessor": {"org_id": client.org_id if client else one.client_id, "client_id": one.client_id},
        "source": {"org_id": body.organisation.org_id, "dataset_id": one.dataset_id},
        "fields": sorted(one.fields),
        "txn": str(one.txn),
        "reporter": "provider",
    }
    if one.reason:
        core["reason"] = one.reason
    if is_late:
        core["late"] = True
    hidden = tx.session.get(HiddenEntry, one.txn)
    if hidden is not None:
        core["visibility"] = {"ground": hidden.ground, "release_at": rfc3339(hidden.release_at)}
    tx.record_core(core, subject=f"cl-run:{one.run}", extra={"happened_at": one.occurred_at.isoformat()})


def _close(session: Session, one: Reported) -> None:
    row = session.scalars(
        select(Exchange).where(Exchange.txn == one.txn, Exchange.state == ExchangeState.MINTED).with_for_update()
    ).one_or_none()
    if row is not None and row.client_id == one.client_id:
        row.state = STATES[one.outcome]
