"""Who sits at the console, and which accounts they may touch."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from pay.context import Merchant, Pay
from pay.models.account import Account, gateway_accounts, get_account
from pay.models.ledger import ledger_accounts
from pay.models.payment import find_payment
from pay.standards.identifiers import AccountId, PaymentId, is_public_id
from pay.standards.payment_object import Payment
from pay.standards.staff_powers import Power, StaffMember
from shared.problems import Forbidden, NotFound
from shared.web import gettext_noop as noop


@dataclass(frozen=True)
class DeskMerchant(Merchant):
    """A member of staff who acts for an account; `key_id` is the person."""

    @property
    def actor(self) -> str:
        """The name the audit log knows the person by."""
        return f"staff:{self.key_id}"


def acting_for(staff: StaffMember, account: Account) -> Merchant:
    """Return a person of staff as a caller of the account's operations."""
    return DeskMerchant(staff.sub, account)


def require_account(pay: Pay, staff: StaffMember, account_id: str, power: Power = Power.LOOK) -> Account:
    """Return an account that this person has a power over.  Raises: NotFound where they may not even look, Forbidden."""
    with pay.reading() as tx:
        found = None
        if is_public_id(account_id):
            known = tx.connection.execute(select(gateway_accounts.c.id).where(gateway_accounts.c.id == account_id)).scalar_one_or_none()
            found = get_account(tx.connection, AccountId(known)) if known else None
    powers = staff.powers_in(found.organisation_id) if found else frozenset()
    if found is None or Power.LOOK not in powers:
        raise NotFound
    if power not in powers:
        raise Forbidden(noop("Your role does not allow this. Ask the owner of the service."))
    return found


def require_payment_at_desk(pay: Pay, staff: StaffMember, payment_id: str, power: Power = Power.LOOK) -> tuple[Payment, Account]:
    """Return a payment of an account that this person has a power over.  Raises: NotFound, Forbidden."""
    payment = None
    if is_public_id(payment_id):
        with pay.reading() as tx:
            payment = find_payment(tx.connection, pay.cipher, PaymentId(payment_id))
    if payment is None:
        raise NotFound
    return payment, require_account(pay, staff, payment.account_id, power)


def list_accounts(pay: Pay, staff: StaffMember) -> Sequence[Account]:
    """Return the accounts this person may look at, by name."""
    statement = select(gateway_accounts.c.id).order_by(func.lower(gateway_accounts.c.service_name), gateway_accounts.c.id)
    if not staff.is_operator:
        statement = statement.where(gateway_accounts.c.organisation_id.in_(sorted(staff.organisations())))
    with pay.reading() as tx:
        ids = tx.connection.execute(statement.limit(500)).scalars().all()
        return [get_account(tx.connection, AccountId(account_id)) for account_id in ids]


def owed_minor(pay: Pay, account: Account) -> int:
    """Return what the account's body is owed in its currency."""
    code = f"beneficiary_payable:{account.organisation_id}"
    statement = select(ledger_accounts.c.posted_minor).where(ledger_accounts.c.code == code, ledger_accounts.c.currency == account.currency)
    with pay.reading() as tx:
        return -int(tx.connection.execute(statement).scalar_one_or_none() or 0)
