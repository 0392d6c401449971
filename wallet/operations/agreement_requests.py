"""How an agreement comes about: asked from a template, signed off, answered in 15 working days, mediated, signed.  Spec: §9, L13, L14."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.clock import ZONE
from shared.problems import Forbidden
from shared.transaction import Transaction
from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import AgreementNotFound, IllegalTransition, InvalidExchange
from wallet.events import Event
from wallet.models.agreement import AGREEMENT_STATES, Agreement, AgreementState, find_agreement
from wallet.models.agreement_template import AgreementTemplate, active_template
from wallet.operations.agreements import Terms, check_datasets, check_ground, follow_change
from wallet.operations.callers import Party
from wallet.operations.moves import legal
from wallet.standards.canonical import Json, sha256_of
from wallet.standards.limits import wider_than
from wallet.standards.working_days import NoHolidayTable, add_working_days

ANSWER_DAYS, EXTENSION_DAYS = 15, 5
CONSUMER, PROVIDER, OPERATOR, EITHER = "consumer", "provider", "operator", "either"


@dataclass(frozen=True)
class Step:
    """One move of the negotiation: to which state, by whom, from which state where it is not from any, and whether it needs a reason."""

    target: AgreementState
    by: str
    start: AgreementState | None = None
    needs_reason: bool = False


S = AgreementState
STEPS: Mapping[str, Step] = {
    "legal_review": Step(S.LEGAL_REVIEW, CONSUMER),
    "submit": Step(S.SUBMITTED, CONSUMER),
    "accept": Step(S.ACCEPTED, PROVIDER),
    "reject": Step(S.REJECTED, PROVIDER, needs_reason=True),
    "mediation": Step(S.MEDIATION, CONSUMER, S.REJECTED),
    "mediate_accept": Step(S.ACCEPTED, OPERATOR, needs_reason=True),
    "mediate_reject": Step(S.REJECTED_FINAL, OPERATOR, needs_reason=True),
    "open_signing": Step(S.SIGNING, CONSUMER, S.ACCEPTED),
    "suspend": Step(S.SUSPENDED, PROVIDER, S.ACTIVE, needs_reason=True),
    "resume": Step(S.ACTIVE, PROVIDER, S.SUSPENDED),
    "terminate": Step(S.TERMINATED, EITHER, needs_reason=True),
}
IN_FORCE = (S.ACTIVE, S.SUSPENDED)


def publish_template(wallet: Wallet, template: AgreementTemplate, *, actor: str) -> int:
    """Put standard terms in force as the next version; the one before is retired.  Return the version."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        before = active_template(tx.session, template.template_id)
        newest = tx.session.scalar(select(func.max(AgreementTemplate.version)).where(AgreementTemplate.template_id == template.template_id))
        if before is not None:
            before.status, before.updated_at, before.lock = "retired", now, before.lock + 1
            tx.session.flush()
        template.version, template.status, template.created_at, template.updated_at = (newest or 0) + 1, "active", now, now
        tx.session.add(template)
        tx.record(Event.TEMPLATE_PUBLISHED, actor=actor, object_id=template.template_id, data={"version": template.version})
        return template.version


def draft_agreement(wallet: Wallet, party: Party, template_id: str, terms: Terms) -> Agreement:
    """Draft an agreement from a template; its limits are those of the template, or narrower.

    Terms that name no limits have the template's, without what is allowed only where it is asked for: bulk, and reports in place
    of refusals.

    Raises: AgreementNotFound, AgreementRequired, InvalidExchange, UnknownDataset, UnknownField, Forbidden where other bodies have an
    agreement with its id.
    """
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        template = active_template(tx.session, template_id)
        if template is None:
            raise AgreementNotFound(gettext_noop("No template in force has this id."))
        limits, retention = dict(terms.limits) or usual_limits(template.limits), dict(terms.retention) or _plain(template.retention)
        terms = replace(terms, consumer=party.org_id, limits=limits, retention=retention)
        if terms.legal_basis not in template.legal_basis:
            raise InvalidExchange(gettext_noop("The template does not allow this legal basis."), allowed=template.legal_basis)
        wider = wider_than(terms.limits, template.limits)
        if wider:
            raise InvalidExchange(gettext_noop("Some limit is wider than the template's."), limit=wider)
        check_ground(tx.session, terms)
        check_datasets(tx.session, terms)
        newest = find_agreement(tx.session, terms.agreement_id)
        if newest is not None and (newest.consumer, newest.provider) != (terms.consumer, terms.provider):
            raise Forbidden(gettext_noop("Other bodies have an agreement with this id."))
        content = {**terms.content(newest.version + 1 if newest else 1), "template": f"{template_id}/{template.version}"}
        columns = {name: value for name, value in content.items() if name not in {"template", "valid_from", "valid_until"}}
        times = {"valid_from": terms.valid_from, "valid_until": terms.valid_until}
        row = Agreement(**columns, **times, state=S.DRAFT, sha256=sha256_of(content), signatures={}, created_at=now, updated_at=now)
        row.template_id, row.template_version = template_id, template.version
        tx.session.add(row)
        tx.session.flush()
        _record(tx, row, Event.AGREEMENT_DRAFTED, actor=party.actor, reason=None)
        return row


def take_step(wallet: Wallet, party: Party, agreement_id: str, version: int, name: str, *, reason: str | None) -> Agreement:
    """Move an agreement for the caller's body.  Raises: AgreementNotFound, Forbidden, InvalidExchange, IllegalTransition."""
    step = STEPS.get(name)
    if step is None or step.by == OPERATOR:
        named = sorted(one for one, known in STEPS.items() if known.by != OPERATOR)
        raise InvalidExchange(gettext_noop("There is no such step."), steps=named)
    with wallet.transaction() as tx:
        row = _mine(tx.session, party, agreement_id, version)
        sides = {CONSUMER: {row.consumer}, PROVIDER: {row.provider}, EITHER: {row.consumer, row.provider}}
        if party.org_id not in sides[step.by]:
            raise Forbidden(gettext_noop("This step is the other body's."))
        _move(wallet, tx, row, step, actor=party.actor, reason=reason)
        return row


def steps_of(row: Agreement, sides: Collection[str]) -> tuple[str, ...]:
    """Return the steps that are open to somebody on these sides of an agreement as it stands."""
    state = AgreementState(row.state)
    names = [
        name
        for name, step in STEPS.items()
        if step.by in {*sides, EITHER} and step.start in {None, state} and AGREEMENT_STATES.allows(state, step.target)
    ]
    can_extend = PROVIDER in sides and state == S.SUBMITTED and not row.is_extended and row.due_at is not None
    return (*names, *(("extend",) if can_extend else ()))


def extend(wallet: Wallet, party: Party, agreement_id: str, version: int) -> Agreement:
    """Give the provider five working days more, once (L14).  Raises: AgreementNotFound, Forbidden, InvalidExchange."""
    with wallet.transaction() as tx:
        row = _mine(tx.session, party, agreement_id, version)
        if party.org_id != row.provider:
            raise Forbidden(gettext_noop("This step is the other body's."))
        if row.state != S.SUBMITTED or row.is_extended or row.due_at is None:
            raise InvalidExchange(gettext_noop("The time is extended once, while the answer is due."))
        row.due_at = due_after(wallet, row.due_at - timedelta(seconds=1), EXTENSION_DAYS)
        row.is_extended, row.updated_at = True, wallet.clock.now()
        _record(tx, row, Event.AGREEMENT_EXTENDED, actor=party.actor, reason=None)
        return row


def mediate(wallet: Wallet, agreement_id: str, version: int, *, accept: bool, reason: str, actor: str) -> str:
    """Decide a mediation for the digital government body; return the state.  Raises: AgreementNotFound, IllegalTransition."""
    with wallet.transaction() as tx:
        row = find_agreement(tx.session, agreement_id, version)
        if row is None:
            raise AgreementNotFound(gettext_noop("No agreement has this id and version."))
        _move(wallet, tx, row, STEPS["mediate_accept" if accept else "mediate_reject"], actor=actor, reason=reason)
        return row.state


def run_clock(wallet: Wallet) -> int:
    """Send to mediation what was not answered in time, name due dates that could not be named before, and end what is over.

    Return how many moved.
    """
    now, moved = wallet.clock.now(), 0
    with wallet.transaction() as tx:
        rows = tx.session.scalars(select(Agreement).where(Agreement.state == S.SUBMITTED).with_for_update(skip_locked=True)).all()
        for row in rows:
            row.due_at = row.due_at or due_after(wallet, row.updated_at, ANSWER_DAYS)
            if row.due_at is not None and now >= row.due_at:
                _move(wallet, tx, row, Step(S.MEDIATION, OPERATOR), actor="system:clock", reason="no answer in time")
                moved += 1
        over = select(Agreement).where(Agreement.state.in_(IN_FORCE), Agreement.valid_until <= now)
        for row in tx.session.scalars(over.with_for_update(skip_locked=True)).all():
            _move(wallet, tx, row, Step(S.EXPIRED, OPERATOR), actor="system:clock", reason=None)
            moved += 1
    return moved


def due_after(wallet: Wallet, moment: datetime, days: int) -> datetime | None:
    """Return the end of the last working day in Santiago; None while the holidays are not known, and then nothing falls due."""
    try:
        last = add_working_days(moment.astimezone(ZONE).date(), days, wallet.holidays)
    except NoHolidayTable:
        return None
    return datetime.combine(last + timedelta(days=1), time(), tzinfo=ZONE).astimezone(wallet.clock.now().tzinfo)


def _move(wallet: Wallet, tx: Transaction, row: Agreement, step: Step, *, actor: str, reason: str | None) -> None:
    if step.needs_reason and not reason:
        raise InvalidExchange(gettext_noop("This step gives its reason."), errors={"reason": ["Say why."]})
    if step.start is not None and row.state != step.start:
        raise IllegalTransition(gettext_noop("This step is not open as the agreement stands now."), state=row.state)
    action = legal(AGREEMENT_STATES, AgreementState(row.state), step.target)
    now, before = wallet.clock.now(), row.state
    row.state, row.updated_at, row.lock = step.target, now, row.lock + 1
    row.reason = reason[:1000] if reason else row.reason
    row.due_at = due_after(wallet, now, ANSWER_DAYS) if step.target == S.SUBMITTED else None
    _record(tx, row, action, actor=actor, reason=reason)
    if before in IN_FORCE:
        follow_change(wallet, tx, row)


def _mine(session: Session, party: Party, agreement_id: str, version: int) -> Agreement:
    row = find_agreement(session, agreement_id, version)
    if row is None or party.org_id not in {row.consumer, row.provider}:
        raise AgreementNotFound(gettext_noop("Your body has no agreement with this id and version."))
    return row


def _record(tx: Transaction, row: Agreement, action: Event, *, actor: str, reason: str | None) -> None:
    data: dict[str, str | int | bool | list[str]] = {"version": row.version, "state": row.state}
    tx.record(action, actor=actor, object_id=row.agreement_id, data={**data, **({"reason": reason} if reason else {})})


def usual_limits(stored: Mapping[str, object]) -> dict[str, Json]:
    """Return the limits of a template as an agreement has them that asks for nothing special."""
    return {name: value for name, value in _plain(stored).items() if name not in {"bulk", "report"}}


def _plain(stored: Mapping[str, object]) -> dict[str, Json]:
    return {name: value if isinstance(value, str | int | bool | list) else str(value) for name, value in stored.items()}
