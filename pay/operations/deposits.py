"""Money that a body puts in, so that people can be paid out of it: booked by an operator from the bank's statement.  Spec: PA-9."""

import hashlib

from sqlalchemy import func, select

from pay.context import Pay
from pay.errors import DepositBooked
from pay.events import PayoutFileAction
from pay.models.account import Account
from pay.models.ledger import ledger_entries, ledger_transactions, post
from pay.standards import payout_postings
from pay.standards.ledger import Side, Source, payable_account
from pay.standards.staff_powers import StaffMember
from shared.problems import Forbidden
from shared.web import gettext_noop as noop


def book_deposit(pay: Pay, staff: StaffMember, account: Account, reference: str, amount_minor: int) -> bool:
    """Book a deposit under the bank's own reference; False when it is there already.

    Raises: Forbidden for who is no operator, DepositBooked for the same reference with another amount.
    """
    if not staff.is_operator:
        raise Forbidden(noop("Only an operator books what came in at the bank."))
    body, bank = account.organisation_id, pay.settings.settlement_bank
    deposit_id = hashlib.sha256(f"{bank}:{reference}".encode()).hexdigest()[:40]
    posting = payout_postings.funded(deposit_id, body=body, bank=bank, currency=account.currency, amount_minor=amount_minor)
    with pay.transaction() as tx:
        if post(tx.connection, posting, pay.clock.now()):
            facts: dict[str, str | int] = {"body": body, "amount_minor": amount_minor, "currency": account.currency}
            tx.record(PayoutFileAction.DEPOSIT_BOOKED, actor=staff.actor, object_id=deposit_id[:26], channel="console", data=facts)
            return True
        e, t = ledger_entries.c, ledger_transactions.c
        credited = (
            select(func.sum(e.amount_minor))
            .join(ledger_transactions, t.id == e.transaction_id)
            .where(t.source == Source.FUNDED.value, t.source_id == deposit_id, e.side == Side.CREDIT.value)
            .where(e.account_code == payable_account(body).code)
        )
        if tx.connection.execute(credited).scalar_one() != amount_minor:
            raise DepositBooked
        return False
