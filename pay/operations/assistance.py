"""An agent helps a person to pay: the payment is the person's, the card stays with the person.  Spec: PA-2, CH-1, CH-2."""

from dataclasses import dataclass

from pay.context import Pay
from pay.errors import NoticeNotFound
from pay.events import PageAction
from pay.models.account import Account
from pay.operations.desk import acting_for
from pay.operations.notice_visits import open_online
from pay.operations.notices import get_slip
from pay.operations.payments import NewPayment, create_payment
from pay.standards.notice_number import read_number
from pay.standards.staff_powers import StaffMember


@dataclass(frozen=True)
class NewForPerson:
    """What a person wants to pay who has no notice."""

    amount_minor: int
    reference: str
    description: str


def _link(pay: Pay, token: str) -> str:
    return f"{pay.addresses.pages}/secure/{token}"


def link_for_notice(pay: Pay, staff: StaffMember, account: Account, typed: str) -> str:
    """Return a single-use link to pay a notice of the account.  Raises: NoticeNotFound, NoticeBusy, AmountUnknown."""
    number = read_number(typed)
    slip = get_slip(pay, number)
    if slip.account.id != account.id:
        raise NoticeNotFound
    token = open_online(pay, number)
    with pay.transaction() as tx:
        tx.record(
            PageAction.LINK_GIVEN, actor=staff.actor, object_id=slip.payment.id, channel="console", data={"notice": slip.notice.number}
        )
    return _link(pay, token)


def link_for_new(pay: Pay, staff: StaffMember, account: Account, new: NewForPerson) -> str:
    """Begin a payment for a person and return a single-use link to it.  Raises: AccountSuspended, AccountNotReady."""
    order = NewPayment(amount_minor=new.amount_minor, reference=new.reference, description=new.description, return_url=None)
    made = create_payment(pay, acting_for(staff, account), order)
    if made.token is None:
        raise LookupError("a new payment without a token")
    with pay.transaction() as tx:
        tx.record(PageAction.LINK_GIVEN, actor=staff.actor, object_id=made.payment.id, channel="console")
    return _link(pay, made.token)
