"""What a product costs, who pays less, and why: rules by version, exemptions asked and decided.  Spec: requirements PA-10, PA-11.

A payment keeps the terms it was made under: a later version of the rule changes nothing for it.
"""

from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, insert, select, update

from pay.context import Pay
from pay.errors import AttributeOutOfRange, ExemptionNotPossible
from pay.events import ExemptionEvent, FeeAction
from pay.models.account import Account
from pay.models.fee import ExemptionRequest, exemption_requests, fee_rules, find_rule, list_rules, request_of, rule_row
from pay.models.payment import payer_scope, payments, terms_row
from pay.operations.amounts import today
from pay.operations.calls import require
from pay.operations.notice_moves import PAYABLE
from pay.standards.fee_rules import EXEMPTION_TABLE, Channel, ExemptionState, FeeRule, FeeTerms
from pay.standards.identifiers import ALPHABET, LENGTH
from pay.standards.payment_object import Payment
from pay.standards.staff_powers import StaffMember
from shared.problems import NotFound
from shared.transaction import Transaction

S = ExemptionState


@dataclass(frozen=True)
class FeeAsked:
    """What a caller says instead of an amount: the product, how the person comes, and perhaps an exemption with its reason."""

    product: str
    channel: Channel
    exemption: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Priced:
    """An amount with the terms it follows from; `asked_minor` is what an exemption that is to be decided would make of it."""

    amount_minor: int
    terms: FeeTerms
    asked_minor: int | None = None


def add_rule(pay: Pay, account: Account, rule: FeeRule, *, actor: str) -> FeeRule:
    """Write a new version of what a product costs; earlier ones stay as they are."""
    c = fee_rules.c
    with pay.transaction() as tx:
        tx.connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"fee:{account.id}:{rule.product}", 0))))
        newest = select(func.coalesce(func.max(c.version), 0)).where(c.account_id == account.id, c.product == rule.product)
        made = replace(rule, version=tx.connection.execute(newest).scalar_one() + 1)
        row = {"id": pay.ids.pick(ALPHABET, LENGTH), "account_id": account.id, "created_by": actor, "created_at": pay.clock.now()}
        tx.connection.execute(insert(fee_rules).values(row | rule_row(made)))
        facts: dict[str, str | int | list[str]] = {"product": made.product, "version": made.version}
        tx.record(FeeAction.RULE_ADDED, actor=actor, object_id=str(row["id"]), data=facts | {"dearer": list(made.dearer_channels)})
    return made


def rules_of(pay: Pay, account: Account) -> list[FeeRule]:
    """Return every version of every product, by product, newest first."""
    with pay.reading() as tx:
        return list_rules(tx.connection, account.id)


def price(pay: Pay, account: Account, asked: FeeAsked) -> Priced:
    """Return what is to be paid today.  Raises: AttributeOutOfRange for a product or an exemption that is not there."""
    with pay.reading() as tx:
        rule = find_rule(tx.connection, account.id, asked.product, today(pay))
    if rule is None:
        raise AttributeOutOfRange("P0102", "Invalid attribute value: product. Has no fee today", field="product")
    full = rule.amounts[asked.channel]
    terms = FeeTerms(rule.product, rule.version, rule.name, asked.channel.value, full)
    if not asked.exemption:
        return Priced(full, terms)
    exemption = rule.exemption(asked.exemption)
    if exemption is None:
        raise AttributeOutOfRange("P0102", "Invalid attribute value: exemption. The product has none with this code", field="exemption")
    reduced = min(exemption.amount_minor, full)
    named = replace(terms, exemption=exemption.code, exemption_text=exemption.text)
    if exemption.needs_decision:
        return Priced(full, replace(named, state=S.ASKED.value), reduced)
    return Priced(reduced, replace(named, state=S.GRANTED.value), reduced)


def record_exemption(pay: Pay, tx: Transaction, payment: Payment, asked: FeeAsked, priced: Priced, *, actor: str) -> None:
    """Keep that an exemption was asked, and why; one that the caller may give by itself is granted by it."""
    if priced.asked_minor is None:
        return
    now, is_granted = pay.clock.now(), priced.terms.is_exempt
    row = {
        "id": pay.ids.pick(ALPHABET, LENGTH),
        "account_id": payment.account_id,
        "payment_id": payment.id,
        "code": asked.exemption,
        "amount_minor": priced.asked_minor,
        "reason_sealed": pay.cipher.encrypt(asked.reason, scope=payer_scope(payment.account_id)),
        "state": priced.terms.state,
        "asked_by": actor,
        "decided_by": actor if is_granted else None,
        "decided_at": now if is_granted else None,
        "created_at": now,
    }
    tx.connection.execute(insert(exemption_requests).values(row))
    facts: dict[str, str | int] = {"payment_id": payment.id, "code": asked.exemption, "amount_minor": priced.asked_minor}
    tx.record(ExemptionEvent.ASKED, actor=actor, object_id=str(row["id"]), data=facts)
    if is_granted:
        tx.record(ExemptionEvent.GRANTED, actor=actor, object_id=str(row["id"]), data=facts)


def list_requests(pay: Pay, account: Account) -> list[tuple[ExemptionRequest, str]]:
    """Return the exemptions that wait for a decision with why they are asked, oldest first."""
    c = exemption_requests.c
    statement = select(exemption_requests).where(c.account_id == account.id, c.state == S.ASKED.value).order_by(c.created_at).limit(200)
    with pay.reading() as tx:
        found = [request_of(row) for row in tx.connection.execute(statement)]
    return [(each, pay.cipher.decrypt(each.reason_sealed, scope=payer_scope(account.id))) for each in found]


def decide(pay: Pay, staff: StaffMember, account: Account, request_id: str, *, grant: bool, reason: str) -> None:
    """Grant or refuse an exemption, with the reason; what is granted counts while nobody is paying.

    Raises: NotFound, WrongState, ExemptionNotPossible for a payment that is paid, being paid, or over.
    """
    c = exemption_requests.c
    with pay.transaction() as tx:
        found = _payment_of(tx.connection, account, request_id)
        payment = require(pay, tx, found.payment_id)
        request = request_of(tx.connection.execute(select(exemption_requests).where(c.id == request_id).with_for_update()).one())
        target = S.GRANTED if grant else S.REFUSED
        action = EXEMPTION_TABLE.check(request.state, target)
        if grant and (payment.state not in PAYABLE or payment.fee_terms is None):
            raise ExemptionNotPossible
        sealed = pay.cipher.encrypt(reason, scope=payer_scope(account.id))
        values = {"state": target.value, "decision_sealed": sealed, "decided_by": staff.actor, "decided_at": pay.clock.now()}
        tx.connection.execute(update(exemption_requests).where(c.id == request_id).values(values))
        changed: dict[str, object] = {"version": payment.version + 1}
        if payment.fee_terms is not None:
            changed["fee_terms"] = terms_row(replace(payment.fee_terms, state=target.value))
        if grant:
            changed["amount_minor"] = request.amount_minor
        tx.connection.execute(update(payments).where(payments.c.id == payment.id).values(changed))
        facts: dict[str, str | int] = {"payment_id": payment.id, "code": request.code, "amount_minor": request.amount_minor}
        tx.record(action, actor=staff.actor, object_id=request_id, channel="console", data=facts)


def _payment_of(connection: Connection, account: Account, request_id: str) -> ExemptionRequest:
    c = exemption_requests.c
    row = connection.execute(select(exemption_requests).where(c.id == request_id, c.account_id == account.id)).one_or_none()
    if row is None:
        raise NotFound
    return request_of(row)
