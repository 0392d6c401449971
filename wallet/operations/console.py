"""What the staff of a body see: its datasets, its agreements with their use today, what it owes to people."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from wallet.context import Wallet
from wallet.models.agreement import Agreement
from wallet.models.dataset import Dataset
from wallet.models.erasure import Erasure, overdue_erasures
from wallet.models.exchange import Exchange
from wallet.models.organisation import organisation_names


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
class Desk:
    """Everything of one person's bodies on one page."""

    names: dict[str, str]
    datasets: list[Dataset]
    agreements: list[AgreementUse]
    overdue: list[Erasure]
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
        begun = select(Exchange.agreement_id, func.count()).where(
            Exchange.agreement_id.in_([row.agreement_id for row in rows]), Exchange.attempted_at > now - timedelta(days=1)
        )
        used = {str(agreement_id): count for agreement_id, count in tx.session.execute(begun.group_by(Exchange.agreement_id))}
        names = organisation_names(tx.session, {org for row in rows for org in (row.consumer, row.provider)} | set(org_ids))
        overdue = [task for task in overdue_erasures(tx.session, now) if task.org_id in org_ids]
        uses = [
            AgreementUse(row, names.get(row.consumer, row.consumer), names.get(row.provider, row.provider), used.get(row.agreement_id, 0))
            for row in rows
        ]
        return Desk({org: names.get(org, org) for org in org_ids}, list(datasets), uses, overdue, now)
