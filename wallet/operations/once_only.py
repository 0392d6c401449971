"""Once only, measured: served from the source, or asked of people again.  Spec: wallet contract §8.3 X1; WA-7, WA-8, WA-10."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import UnknownField
from wallet.events import Event
from wallet.models.agreement import Agreement
from wallet.models.exchange import Exchange, ExchangeState
from wallet.models.once_only import AskedAgain
from wallet.models.organisation import organisation_names
from wallet.operations.callers import find_body
from wallet.operations.directory import find_holdings

MONTH = "YYYY-MM"


@dataclass
class Measured:
    """One body in one month: as consumer `served` and `asked_again`, as provider `visits_saved`."""

    month: str
    org_id: str
    name: str
    served: int = 0
    asked_again: int = 0
    visits_saved: int = 0

    @property
    def share(self) -> float | None:
        """How much of what it needed it took from the source; None where it needed nothing."""
        needed = self.served + self.asked_again
        return self.served / needed if needed else None


def report_asked_again(
    wallet: Wallet, client_id: str | None, *, org_id: str | None, concept: str, procedure_code: str | None, actor: str
) -> None:
    """Write down that a form asked a person for a fact that the directory lists.

    Told by the body itself (`client_id`) or by the person about a body (`org_id`).  Raises: ClientNotRegistered, UnknownField.
    """
    if not find_holdings(wallet, concept=concept):
        raise UnknownField(gettext_noop("No body holds this fact: asking for it is no repetition."))
    with wallet.transaction() as tx:
        body = find_body(tx.session, client_id).organisation.org_id if client_id else org_id
        row = AskedAgain(
            report_id=wallet.ids.uuid7(), org_id=body or "", concept=concept, procedure_code=procedure_code, by_body=bool(client_id)
        )
        row.reported_at = wallet.clock.now()
        tx.session.add(row)
        tx.record(Event.ASKED_AGAIN, actor=actor, object_id=body or "", data={"concept": concept})


def measure(wallet: Wallet) -> list[Measured]:
    """Return every body by month, newest first."""
    found: dict[tuple[str, str], Measured] = {}
    month = func.to_char(Exchange.created_at, MONTH)
    other = aliased(Agreement)
    newest = select(func.max(other.version)).where(other.agreement_id == Agreement.agreement_id).scalar_subquery()
    served = (
        select(month, Agreement.consumer, Agreement.provider, func.count())
        .join(Agreement, (Agreement.agreement_id == Exchange.agreement_id))
        .where(Exchange.state.in_((ExchangeState.RELEASED, ExchangeState.NO_RECORD)), Agreement.version == newest)
        .group_by(month, Agreement.consumer, Agreement.provider)
    )
    told = func.to_char(AskedAgain.reported_at, MONTH)
    again = select(told, AskedAgain.org_id, func.count()).group_by(told, AskedAgain.org_id)
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    with wallet.reading() as tx:
        for when, consumer, provider, count in tx.session.execute(served):
            counts[when, consumer]["served"] += count
            counts[when, provider]["visits_saved"] += count
        for when, org_id, count in tx.session.execute(again):
            counts[when, org_id]["asked_again"] += count
        names = organisation_names(tx.session, {org_id for _, org_id in counts})
    for (when, org_id), values in counts.items():
        found[when, org_id] = Measured(when, org_id, names.get(org_id, org_id), **values)
    return sorted(found.values(), key=lambda one: (one.month, one.name), reverse=True)
