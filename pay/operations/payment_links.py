"""Payment links: made in the console, opened by anybody, paid like every payment.  Spec: pay-api.md §17."""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from pay.context import Merchant, Pay
from pay.errors import LinkNotFound
from pay.events import LinkAction
from pay.models.account import Account, get_account
from pay.models.payment_link import PaymentLink, find_link, find_link_by_path, link_of, payment_links
from pay.operations.payments import NewPayment, create_payment
from pay.standards.identifiers import ALPHABET, LENGTH, is_public_id
from pay.standards.staff_powers import StaffMember
from shared.problems import NotFound


@dataclass(frozen=True, kw_only=True)
class NewLink:
    """A link to make; without a price the payer types the amount."""

    service_path: str
    product_path: str
    name: str
    description: str
    price_minor: int | None
    amount_hint: str = ""
    reference_label: str = ""
    reference_hint: str = ""
    language: str = "es"


@dataclass(frozen=True)
class LinkMerchant(Merchant):
    """A payment link as a caller of the account's operations; `key_id` is the link."""

    @property
    def actor(self) -> str:
        """The name the audit log knows the link by."""
        return f"payment-link:{self.key_id}"


@dataclass(frozen=True)
class OpenLink:
    """A link that may be used, with its account."""

    link: PaymentLink
    account: Account


def make_link(pay: Pay, staff: StaffMember, account: Account, new: NewLink) -> PaymentLink | None:
    """Make a link; None when its address is taken."""
    row = vars(new) | {
        "id": pay.ids.pick(ALPHABET, LENGTH),
        "account_id": account.id,
        "reference_enabled": bool(new.reference_label),
        "created_by": staff.actor,
        "created_at": pay.clock.now(),
    }
    with pay.transaction() as tx:
        statement = insert(payment_links).values(row).on_conflict_do_nothing(index_elements=["service_path", "product_path"])
        made = tx.connection.execute(statement.returning(*payment_links.c)).one_or_none()
        if made is None:
            return None
        tx.record(LinkAction.MADE, actor=staff.actor, object_id=str(row["id"]), channel="console", data={"account_id": account.id})
        return link_of(made)


def list_links(pay: Pay, account: Account) -> list[PaymentLink]:
    """Return the links of an account, newest first."""
    c = payment_links.c
    with pay.reading() as tx:
        rows = tx.connection.execute(select(payment_links).where(c.account_id == account.id).order_by(c.created_at.desc(), c.id))
        return [link_of(row) for row in rows]


def switch_link(pay: Pay, staff: StaffMember, account: Account, link_id: str, *, on: bool) -> None:
    """Switch a link on or off.  Raises: NotFound."""
    c = payment_links.c
    with pay.transaction() as tx:
        statement = update(payment_links).where(c.id == link_id, c.account_id == account.id).values(is_active=on)
        if not tx.connection.execute(statement).rowcount:
            raise NotFound
        tx.record(LinkAction.SWITCHED, actor=staff.actor, object_id=link_id, channel="console", data={"on": on})


def open_link(pay: Pay, link_id: str) -> OpenLink:
    """Return a link that may be used.  Raises: LinkNotFound."""
    with pay.reading() as tx:
        link = find_link(tx.connection, link_id) if is_public_id(link_id) else None
        if link is None or not link.is_active:
            raise LinkNotFound
        return OpenLink(link, get_account(tx.connection, link.account_id))


def open_path(pay: Pay, service_path: str, product_path: str) -> OpenLink:
    """Return the link of a friendly address.  Raises: LinkNotFound."""
    with pay.reading() as tx:
        link = find_link_by_path(tx.connection, service_path, product_path)
    if link is None:
        raise LinkNotFound
    return open_link(pay, link.id)


def pay_by_link(pay: Pay, found: OpenLink, *, reference: str, amount_minor: int) -> str:
    """Begin a payment and return the token that opens its pages.  Raises: AccountSuspended, AccountNotReady."""
    link = found.link
    order = NewPayment(
        amount_minor=link.price_minor or amount_minor,
        reference=reference,
        description=link.description,
        return_url=None,
        language=link.language,
        metadata={"payment_link": link.id},
    )
    made = create_payment(pay, LinkMerchant(link.id, found.account), order)
    if made.token is None:
        raise LookupError("a new payment without a token")
    return made.token
