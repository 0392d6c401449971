"""What runs of the rules came to, kept by day, and agreements that wait for somebody to look them through.  Spec: wallet contract §9."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.clock import ZONE, Clock
from shared.problems import Forbidden, Problem
from shared.transaction import Transaction
from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import AgreementNotFound, TemplateLimitExceeded
from wallet.events import Event
from wallet.models.agreement import Agreement, find_agreement
from wallet.models.rule_run import RuleRun
from wallet.operations.callers import Party
from wallet.standards.limits import Verdict

REQUEST, FETCH = "request", "fetch"


@dataclass(frozen=True)
class Reported:
    """A limit that was broken and reported, not yet looked through: how often, and when last."""

    agreement_id: str
    version: int
    rule_id: str
    count: int
    last_at: datetime


def keep_report(tx: Transaction, clock: Clock, agreement: Agreement, verdict: Verdict, stage: str) -> None:
    """Keep a limit that was broken and only reported: the agreement is to be looked through."""
    if verdict.report and verdict.rule_id is not None:
        _keep(tx, clock, (agreement.agreement_id, agreement.version), verdict.rule_id, stage, error_code=None)


def keep_refusal(tx: Transaction, clock: Clock, problem: Problem, stage: str) -> None:
    """Keep a refusal by a limit of an agreement; any other problem is none of the rules."""
    if isinstance(problem, TemplateLimitExceeded) and "agreement_id" in problem.extra:
        key = (str(problem.extra["agreement_id"]), int(str(problem.extra["version"])))
        _keep(tx, clock, key, str(problem.extra["limit"]), stage, error_code=problem.slug)


def waiting_reports(session: Session, bodies: Collection[str] | None = None) -> list[Reported]:
    """Return what was reported of agreements (all, or those of some bodies) and nobody looked through yet, newest first."""
    statement = (
        select(RuleRun)
        .join(Agreement, (Agreement.agreement_id == RuleRun.agreement_id) & (Agreement.version == RuleRun.version))
        .where(RuleRun.report, RuleRun.reviewed_at.is_(None))
        .order_by(RuleRun.last_at.desc())
    )
    if bodies is not None:
        statement = statement.where(or_(Agreement.consumer.in_(bodies), Agreement.provider.in_(bodies)))
    found: dict[tuple[str, int, str], Reported] = {}
    for row in session.scalars(statement):
        key = (row.agreement_id, row.version, row.rule_id)
        before = found.get(key)
        found[key] = Reported(*key, row.count + (before.count if before else 0), before.last_at if before else row.last_at)
    return list(found.values())


def look_through(wallet: Wallet, party: Party, agreement_id: str, version: int) -> None:
    """Say that the provider looked at what was reported of an agreement.  Raises: AgreementNotFound, Forbidden."""
    with wallet.transaction() as tx:
        row = find_agreement(tx.session, agreement_id, version)
        if row is None or party.org_id not in {row.consumer, row.provider}:
            raise AgreementNotFound(gettext_noop("Your body has no agreement with this id and version."))
        if party.org_id != row.provider:
            raise Forbidden(gettext_noop("This step is the other body's."))
        mine = update(RuleRun).where(RuleRun.agreement_id == agreement_id, RuleRun.version == version, RuleRun.report)
        tx.session.execute(mine.where(RuleRun.reviewed_at.is_(None)).values(reviewed_at=wallet.clock.now()))
        tx.record(Event.AGREEMENT_LOOKED_THROUGH, actor=party.actor, object_id=agreement_id, data={"version": version})


def _keep(tx: Transaction, clock: Clock, key: tuple[str, int], rule_id: str, stage: str, *, error_code: str | None) -> None:
    """Count a run; a report after a look makes the agreement wait for the next one."""
    now = clock.now()
    row = {"agreement_id": key[0], "version": key[1], "day": now.astimezone(ZONE).date(), "stage": stage, "rule_id": rule_id}
    row |= {"accept": error_code is None, "report": error_code is None, "error_code": error_code, "count": 1, "last_at": now}
    again = {"count": RuleRun.count + 1, "last_at": now, "reviewed_at": None}
    names = ["agreement_id", "version", "day", "stage", "rule_id", "accept"]
    tx.session.execute(insert(RuleRun).values(row).on_conflict_do_update(index_elements=names, set_=again))
