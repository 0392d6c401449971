"""What the staff of a body see: its datasets, its agreements with their use today, what it owes to people."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import AgreementNotFound
from wallet.models.agreement import Agreement, AgreementState, find_agreement
from wallet.models.dataset import Dataset
from wallet.models.erasure import Erasure, overdue_erasures
from wallet.models.exchange import Exchange
from wallet.models.organisation import Client, organisation_names
from wallet.operations.agreement_requests import CONSUMER, PROVIDER, steps_of
from wallet.operations.rule_runs import Reported, waiting_reports


@dataclass(frozen=True)
class AgreementUse:
    """One agreement with how much of its day is used."""

    agreement: Agreement
    consumer: str
    provider: str
    used_today: int

    @property
    def per_day(self) -> int | None:
        """The most a day, where there is a limit."""
        return self.agreement.volume.get("per_day")


@dataclass(frozen=True)
class Negotiation:
    """One agreement as one of its two bodies sees it: what it may do next, whether it has signed, what is to be looked through."""

    use: AgreementUse
    org_id: str
    side: str
    steps: tuple[str, ...]
    has_signed: bool
    reported: list[Reported]

    @property
    def is_waiting_for_signature(self) -> bool:
        """True while this body's signature is missing."""
        return self.use.agreement.state == AgreementState.SIGNING and not self.has_signed


@dataclass(frozen=True)
class Desk:
    """Everything of one person's bodies on one page."""

    names: dict[str, str]
    datasets: list[Dataset]
    agreements: list[AgreementUse]
    overdue: list[Erasure]
    reported: list[Reported]
    at: datetime


def desk_of(wallet: Wallet, org_ids: list[str]) -> Desk:
    """Return what belongs to these bodies."""
    now = wallet.clock.now()
    with wallet.reading() as tx:
        datasets = tx.session.scalars(
            select(Dataset).where(Dataset.org_id.in_(org_ids)).order_by(Dataset.dataset_id, Dataset.version.desc())
        )
        mine = or_(Agreement.consumer.in_(org_ids), Agreement.provider.in_(org_ids))
        rows = list(tx.session.scalars(select(Agreement).where(mine).order_by(Agreement.agreement_id, Agreement.version.desc())))
        names = organisation_names(tx.session, set(org_ids))
        overdue = [task for task in overdue_erasures(tx.session, now) if task.org_id in org_ids]
        named, uses = {org: names.get(org, org) for org in org_ids}, _uses(tx.session, rows, now)
        return Desk(named, list(datasets), uses, overdue, waiting_reports(tx.session, org_ids), now)


def negotiation_of(wallet: Wallet, org_ids: list[str], agreement_id: str, version: int) -> Negotiation:
    """Return an agreement of these bodies and what they may do with it.  Raises: AgreementNotFound."""
    now = wallet.clock.now()
    with wallet.reading() as tx:
        row = find_agreement(tx.session, agreement_id, version)
        org_id = next((org for org in (row.consumer, row.provider) if org in org_ids), None) if row else None
        if row is None or org_id is None:
            raise AgreementNotFound(gettext_noop("Your body has no agreement with this id and version."))
        (use,) = _uses(tx.session, [row], now)
        reported = [one for one in waiting_reports(tx.session, org_ids) if (one.agreement_id, one.version) == (agreement_id, version)]
    sides = {side for side, org in ((CONSUMER, row.consumer), (PROVIDER, row.provider)) if org in org_ids}
    side = CONSUMER if CONSUMER in sides else PROVIDER
    return Negotiation(use, org_id, side, steps_of(row, sides), org_id in row.signatures, reported)


def _uses(session: Session, rows: list[Agreement], now: datetime) -> list[AgreementUse]:
    begun = select(Exchange.agreement_id, func.count()).where(
        Exchange.agreement_id.in_([row.agreement_id for row in rows]), Exchange.attempted_at > now - timedelta(days=1)
    )
    used = {str(agreement_id): count for agreement_id, count in session.execute(begun.group_by(Exchange.agreement_id))}
    names = organisation_names(session, {org for row in rows for org in (row.consumer, row.provider)})
    return [
        AgreementUse(row, names.get(row.consumer, row.consumer), names.get(row.provider, row.provider), used.get(row.agreement_id, 0))
        for row in rows
    ]


def provider_systems(wallet: Wallet, org_ids: list[str]) -> list[Client]:
    """Return the systems of these bodies that may answer for a dataset."""
    with wallet.reading() as tx:
        rows = tx.session.scalars(select(Client).where(Client.org_id.in_(org_ids)).order_by(Client.client_id))
        return [row for row in rows if "provider" in row.roles]
