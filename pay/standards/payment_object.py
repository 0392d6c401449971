"""The payment object of the public API.

Spec: pay-api.md §6, §7, §9 (refund_summary), §1 (dates, null handling).
"""

from dataclasses import dataclass, field
from datetime import date, datetime

from pay.standards.fee_rules import FeeTerms
from pay.standards.identifiers import AccountId, AgreementId, PaymentId
from pay.standards.ledger import SURCHARGE, Share
from pay.standards.payment_states import CAPTURABLE, OPEN_STATES, PUBLIC, PaymentState, PublicState
from pay.standards.refund_states import refundable

Json = dict[str, object]
Metadata = dict[str, str | int | float | bool]


@dataclass(frozen=True)
class Address:
    """A billing address; absent parts are empty."""

    line1: str = ""
    line2: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""


@dataclass(frozen=True)
class Payer:
    """What is known of the person who pays; kept encrypted."""

    email: str = field(default="", repr=False)
    cardholder_name: str = field(default="", repr=False)
    billing_address: Address | None = field(default=None, repr=False)

    @property
    def is_known(self) -> bool:
        """True when there is something to keep."""
        return bool(self.email or self.cardholder_name or self.billing_address)


@dataclass(frozen=True)
class CardFacts:
    """What may be kept of a card; a provider's page tells less, and the rest is empty.  Spec: pay-design.md §5."""

    brand: str
    first_digits: str
    last_digits: str
    expiry_date: str
    """`MM/YY`."""
    card_type: str | None


@dataclass(frozen=True)
class Payment:
    """A payment at one moment; `version` counts its changes."""

    id: PaymentId
    account_id: AccountId
    state: PaymentState
    version: int
    amount_minor: int
    currency: str
    reference: str
    description: str
    return_url: str | None
    language: str
    gateway: str
    authorisation_mode: str
    delayed_capture: bool
    moto: bool
    metadata: Metadata
    payer: Payer
    card: CardFacts | None
    provider_id: str | None
    refunded_minor: int
    capture_submitted_at: datetime | None
    captured_at: datetime | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    surcharge_minor: int = 0
    fee_minor: int | None = None
    settled_on: date | None = None
    allocations: tuple[Share, ...] = ()
    """Who is owed what, where it is not the account's own body alone."""
    attempt_reference: str | None = None
    attempts_made: int = 0
    attempts_max: int = 1
    agreement_id: AgreementId | None = None
    agreement_payment_type: str | None = None
    can_retry: bool | None = None
    fee_terms: FeeTerms | None = None
    """Why the amount is what it is, where a fee rule says so."""
    methods: tuple[str, ...] = ()
    """The ways by which it may be paid, where the service says so: `card` (or the page of a provider), `transfer`, `cash`."""
    notice_number: str | None = None

    def may_be_paid_by(self, method: str) -> bool:
        """Answer whether the service lets it be paid this way."""
        return not self.methods or method in self.methods

    @property
    def total_minor(self) -> int:
        """What the payer is asked for: the amount and the surcharge."""
        return self.amount_minor + self.surcharge_minor

    def shares(self, beneficiary: str) -> tuple[Share, ...]:
        """Return who is owed what; `beneficiary` is the account's own body, which is owed all where nothing else is said."""
        owed = self.allocations or (Share(beneficiary, self.amount_minor),)
        return (*owed, Share(SURCHARGE, self.surcharge_minor)) if self.surcharge_minor else owed

    @property
    def public_state(self) -> PublicState:
        """The state as callers see it."""
        return PUBLIC[self.state]

    @property
    def is_open(self) -> bool:
        """True while the payer may come to the pages."""
        return self.state in OPEN_STATES and self.authorisation_mode == "web"

    @property
    def gives_token(self) -> bool:
        """True while a reader of the payment gets a new single-use token: for the pages, or for `/v1/auth`.  Spec: §6."""
        return self.is_open or (self.authorisation_mode == "moto_api" and self.state is PaymentState.CREATED)

    @property
    def available_minor(self) -> int:
        """What may still be refunded, were the payment captured."""
        return self.total_minor - self.refunded_minor


@dataclass(frozen=True)
class Addresses:
    """Where the API and the payer pages of this installation are reached."""

    api: str
    pages: str

    def payment(self, payment_id: str) -> str:
        """Return the address of a payment."""
        return f"{self.api}/v1/payments/{payment_id}"


def iso_milliseconds(moment: datetime) -> str:
    """Write a moment as `2026-11-21T10:05:45.454Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def state_body(state: PublicState, *, can_retry: bool | None = None) -> Json:
    """Return the `state` member; `can_retry` is told of failed payments under an agreement."""
    body: Json = {"status": state.status, "finished": state.finished}
    if state.code is not None:
        body |= {"code": state.code, "message": state.message}
    if can_retry is not None and state.status == "failed":
        body["can_retry"] = can_retry
    return body


def _card_body(payment: Payment) -> Json | None:
    """Return all eight keys once card details are entered or prefilled, else None."""
    card, payer = payment.card, payment.payer
    if card is None and not payer.cardholder_name and payer.billing_address is None:
        return None
    address = payer.billing_address
    parts = {} if address is None else {name: getattr(address, name) for name in ("line1", "line2", "postcode", "city", "country")}
    return {
        "last_digits_card_number": (card.last_digits or None) if card else None,
        "first_digits_card_number": (card.first_digits or None) if card else None,
        "cardholder_name": payer.cardholder_name or None,
        "expiry_date": (card.expiry_date or None) if card else None,
        "billing_address": {name: value for name, value in parts.items() if value} or None,
        "card_brand": (card.brand or None) if card else None,
        "card_type": card.card_type if card else None,
        "wallet_type": None,
    }


def _settlement_body(payment: Payment) -> Json:
    body: Json = {}
    if payment.capture_submitted_at:
        body["capture_submit_time"] = iso_milliseconds(payment.capture_submitted_at)
    if payment.captured_at:
        body["captured_date"] = payment.captured_at.date().isoformat()
    if payment.settled_on:
        body["settled_date"] = payment.settled_on.isoformat()
    return body


def _allocation(share: Share) -> Json:
    return {"beneficiary": share.beneficiary, "amount": share.amount_minor} | ({"purpose": share.purpose} if share.purpose else {})


def fee_terms_body(terms: FeeTerms) -> Json:
    """Return why an amount is what it is: the rule's version, and the exemption that was asked."""
    body: Json = {"product": terms.product, "version": terms.version, "name": terms.name, "channel": terms.channel}
    body["full_amount"] = terms.full_minor
    if terms.state:
        body["exemption"] = {"code": terms.exemption, "text": terms.exemption_text, "state": terms.state}
    return body


def payment_body(payment: Payment) -> Json:
    """Return the payment without its links; null and empty members are left out."""
    card = _card_body(payment)
    body: Json = {
        "payment_id": payment.id,
        "amount": payment.amount_minor,
        "currency": payment.currency,
        "description": payment.description,
        "reference": payment.reference,
        "language": payment.language,
        "email": payment.payer.email or None,
        "metadata": payment.metadata or None,
        "state": state_body(payment.public_state, can_retry=payment.can_retry),
        "payment_provider": payment.gateway,
        "created_date": iso_milliseconds(payment.created_at),
        "refund_summary": {
            "status": refundable(payment.state, payment.total_minor, payment.refunded_minor, mode=payment.authorisation_mode).value,
            "amount_available": payment.available_minor,
            "amount_submitted": payment.refunded_minor,
        },
        "settlement_summary": _settlement_body(payment),
        "card_details": card,
        "card_brand": card["card_brand"] if card else None,
        "delayed_capture": payment.delayed_capture,
        "moto": payment.moto,
        "corporate_card_surcharge": payment.surcharge_minor or None,
        "total_amount": payment.total_minor if payment.surcharge_minor else None,
        "fee": payment.fee_minor,
        "net_amount": None if payment.fee_minor is None else payment.total_minor - payment.fee_minor,
        "provider_id": payment.provider_id,
        "return_url": payment.return_url,
        "agreement_id": payment.agreement_id,
        "authorisation_mode": payment.authorisation_mode,
        "agreement_payment_type": payment.agreement_payment_type,
        "allocations": [_allocation(share) for share in payment.allocations] or None,
        "payment_methods": list(payment.methods) or None,
        "fee_rule": None if payment.fee_terms is None else fee_terms_body(payment.fee_terms),
    }
    return {name: value for name, value in body.items() if value is not None}


def _link(href: str, method: str) -> Json:
    return {"href": href, "method": method}


def payment_links(payment: Payment, addresses: Addresses, *, token: str | None) -> Json:
    """Return `_links`; `token` opens the payer pages, or authorises by API, once; it is None where there is nothing to open."""
    own = addresses.payment(payment.id)
    links: Json = {"self": _link(own, "GET"), "events": _link(own + "/events", "GET"), "refunds": _link(own + "/refunds", "GET")}
    if token is not None and payment.authorisation_mode == "moto_api":
        form = {"type": "application/json", "params": {"one_time_token": token}}
        links["auth_url_post"] = form | _link(addresses.api + "/v1/auth", "POST")
    elif token is not None:
        secure = addresses.pages + "/secure"
        links["next_url"] = _link(f"{secure}/{token}", "GET")
        form = {"type": "application/x-www-form-urlencoded", "params": {"chargeTokenId": token}}
        links["next_url_post"] = form | _link(secure, "POST")
    if not payment.public_state.finished and payment.authorisation_mode != "agreement":
        links["cancel"] = _link(own + "/cancel", "POST")
    if payment.public_state is CAPTURABLE:
        links["capture"] = _link(own + "/capture", "POST")
    if payment.notice_number is not None:
        links["notice"] = _link(f"{addresses.pages}/notice/{payment.notice_number}", "GET")
    return links


def search_links(payment: Payment, addresses: Addresses) -> Json:
    """Return `_links` as searches show them: `cancel` and `capture` are there as null where they do not apply.  Spec: §1."""
    links = payment_links(payment, addresses, token=None)
    return links | {"cancel": links.get("cancel"), "capture": links.get("capture")}
