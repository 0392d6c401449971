"""Payments on a provider's own page: the payer is sent there, comes back (or not), and the provider is asked what happened.

Spec: pay-design.md §4.2, §7.1, §7.2.  One attempt at a time; an attempt that was left may still be paid at some providers, and that
money goes to suspense with a proposal to give it back (§13.3).
"""

from dataclasses import replace
from urllib.parse import urlsplit

from pay.context import Pay
from pay.errors import PayerSessionEnded, PaymentLinkUsed
from pay.models.account import get_account
from pay.models.attempt import Attempt, close_attempt, find_attempt, keep_redirect
from pay.models.payment import find_payment
from pay.operations.authorisations import RESUME_JOB, begin_attempt, may_try_again, settle_authorisation
from pay.operations.calls import order_of, require
from pay.operations.moves import PAYER, SYSTEM, move
from pay.operations.suspense import receive
from pay.providers.base import Action, Begun, GatewayUnavailable, Order, Outcome, PageGateway, Pages, Verdict
from pay.providers.webpay import Return
from pay.standards.identifiers import ALPHABET, LENGTH, PaymentId
from pay.standards.payment_object import Payment
from pay.standards.payment_states import SUCCESS, PaymentState
from pay.standards.suspense_states import SuspenseReason

S = PaymentState


def page_gateway(pay: Pay, name: str) -> PageGateway:
    """Return a gateway with pages of its own.  Raises: PaymentLinkUsed for a name that is none."""
    gateway = pay.gateways.get(name)
    if gateway is None or not isinstance(gateway, PageGateway):
        raise PaymentLinkUsed
    return gateway


def leave(pay: Pay, payment_id: PaymentId) -> Begun | None:
    """Open an attempt and return where the payer goes; None where the provider does not answer, or the payment moved on meanwhile."""
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is S.AUTHORISATION_3DS_REQUIRED:  # the payer came back by the browser's own button
            payment = move(pay, tx, payment, S.ENTERING_CARD_DETAILS, actor=PAYER)
        if payment.state is not S.ENTERING_CARD_DETAILS or not payment.may_be_paid_by("card"):
            return None
        gateway = page_gateway(pay, payment.gateway)
        reference = pay.ids.pick(ALPHABET, LENGTH)
        payment = begin_attempt(pay, tx, payment, reference, actor=PAYER, changes={})
        account = get_account(tx.connection, payment.account_id)
    order = order_of(pay, payment, Action.AUTHORISE)
    try:
        begun = gateway.begin(order, _pages(pay, payment, reference, account.service_name))
    except GatewayUnavailable as fault:
        _give_up(pay, payment_id, reference, str(fault))
        return None
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is not S.AUTHORISATION_READY or payment.attempt_reference != reference:
            return None
        keep_redirect(tx.connection, reference, begun)
        move(pay, tx, payment, S.AUTHORISATION_3DS_REQUIRED, actor=PAYER)
    return begun


def _pages(pay: Pay, payment: Payment, reference: str, subject: str) -> Pages:
    base = f"{pay.settings.public_url}/providers/{payment.gateway}"
    back = f"{base}/return/{reference}"
    notify = f"{pay.settings.public_url}/v1/api/notifications/{payment.gateway}"
    text = f"{subject}: {payment.description}"[:200]
    return Pages(back, back + "?cancelled=1", notify, text, payment.expires_at, payment.payer.email)


def _give_up(pay: Pay, payment_id: PaymentId, reference: str, why: str) -> None:
    """Nobody was sent to the provider, so nothing can be taken: the payer may try again."""
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is S.AUTHORISATION_READY and payment.attempt_reference == reference:
            close_attempt(tx.connection, reference, Outcome(Verdict.ERROR, "", why), pay.clock.now())
            move(pay, tx, payment, S.ENTERING_CARD_DETAILS, actor=SYSTEM)


def give_up_page(pay: Pay, payment: Payment) -> None:
    """A crash left an attempt before anybody was sent anywhere."""
    _give_up(pay, payment.id, payment.attempt_reference or "", "the process died before the provider answered")


def find_return(pay: Pay, gateway: str, reference: str) -> Attempt:
    """Return the attempt that a payer comes back from.  Raises: PayerSessionEnded."""
    with pay.reading() as tx:
        found = find_attempt(tx.connection, gateway, reference=reference)
    if found is None:
        raise PayerSessionEnded
    return found


def come_back(pay: Pay, attempt: Attempt, how: Return, token: str) -> None:
    """Deal with a payer who comes back; coming back twice, or from an attempt that was left, changes nothing."""
    if how is Return.COMMIT and token in {"", attempt.token}:
        conclude(pay, attempt)
    elif how is Return.TIMED_OUT:
        _let_go(pay, attempt, S.ENTERING_CARD_DETAILS, "the page's time was over")
    elif how is Return.ABORTED:
        _let_go(pay, attempt, S.USER_CANCELLED, "the payer turned back")
    else:
        _let_go(pay, attempt, S.AUTHORISATION_REJECTED, "the page was broken")


def _let_go(pay: Pay, attempt: Attempt, end: PaymentState, why: str) -> None:
    """Leave an attempt that took nothing: the payer may try again where that is allowed, else the payment ends."""
    with pay.transaction() as tx:
        payment = require(pay, tx, attempt.payment_id)
        if payment.state is not S.AUTHORISATION_3DS_REQUIRED or payment.attempt_reference != attempt.reference:
            return
        close_attempt(tx.connection, attempt.reference, Outcome(Verdict.DECLINED, attempt.token, why), pay.clock.now())
        target = S.ENTERING_CARD_DETAILS if may_try_again(pay, payment) else end
        move(pay, tx, payment, target, actor=PAYER)


def conclude(pay: Pay, attempt: Attempt) -> None:
    """Ask the provider how an attempt ended, and settle the payment.

    The lock AUTHORISATION_3DS_READY stands while it is asked, so a commit is sent once however often the payer comes back.
    """
    with pay.transaction() as tx:
        payment = require(pay, tx, attempt.payment_id)
        is_current = payment.attempt_reference == attempt.reference
        is_ours = is_current and payment.state is S.AUTHORISATION_3DS_REQUIRED
        if is_ours:
            payment = move(pay, tx, payment, S.AUTHORISATION_3DS_READY, actor=SYSTEM)
    if not is_ours:
        if not (is_current and payment.state in {S.AUTHORISATION_3DS_READY, S.AUTHORISATION_READY}):
            _look_after(pay, attempt, payment)
        return
    gateway = page_gateway(pay, payment.gateway)
    order = order_for(pay, payment, attempt)
    try:
        outcome = gateway.finish(order)
    except GatewayUnavailable:
        with pay.transaction() as tx:
            tx.enqueue(RESUME_JOB, {"payment_id": payment.id})
        return
    settle(pay, attempt, payment, outcome)


def settle(pay: Pay, attempt: Attempt, payment: Payment, outcome: Outcome | None) -> None:
    """Write down what a provider answered to an attempt; None sends the payer's browser round once more."""
    if outcome is None:
        with pay.transaction() as tx:
            payment = require(pay, tx, payment.id)
            if payment.state is S.AUTHORISATION_3DS_READY and payment.attempt_reference == attempt.reference:
                move(pay, tx, payment, S.AUTHORISATION_3DS_REQUIRED, actor=SYSTEM)
        return
    if outcome.verdict is Verdict.ERROR and outcome.facts.get("paid_minor"):
        _suspend(pay, attempt, payment, int(outcome.facts["paid_minor"]), SuspenseReason.WRONG_AMOUNT)
    settle_authorisation(pay, payment.id, attempt.reference, outcome)


def order_for(pay: Pay, payment: Payment, attempt: Attempt) -> Order:
    """Return the order of an attempt with the provider's token."""
    return replace(order_of(pay, payment, Action.AUTHORISE), reference=attempt.reference, token=attempt.token)


def _look_after(pay: Pay, attempt: Attempt, payment: Payment) -> None:
    """An attempt that was left, or whose payment has ended: money that came all the same goes to suspense, once.

    Webpay takes nothing that we do not commit, so there is nothing to look for.
    """
    gateway = page_gateway(pay, attempt.gateway)
    if attempt.verdict == Verdict.APPROVED.value or gateway.name == "webpay":
        return
    try:
        outcome = gateway.find(order_for(pay, payment, attempt))
    except GatewayUnavailable:
        return  # the provider tells again, and the settlement file will
    if outcome is not None and outcome.verdict is Verdict.APPROVED:
        reason = SuspenseReason.DOUBLE_PAYMENT if payment.public_state is SUCCESS else SuspenseReason.LATE
        _suspend(pay, attempt, payment, attempt.amount_minor, reason)


def _suspend(pay: Pay, attempt: Attempt, payment: Payment, amount_minor: int, reason: SuspenseReason) -> None:
    with pay.transaction() as tx:
        receive(
            pay,
            tx,
            channel=attempt.gateway,
            provider_id=attempt.token or attempt.reference,
            account_id=payment.account_id,
            payment_id=payment.id,
            currency=payment.currency,
            amount_minor=amount_minor,
            reason=reason,
        )


def take_notification(pay: Pay, gateway: str, token: str) -> None:
    """A provider says that something happened to an attempt: that proves nothing, so it is asked."""
    with pay.reading() as tx:
        attempt = find_attempt(tx.connection, gateway, token=token)
    if attempt is not None:
        conclude(pay, attempt)


def ask_before_expiry(pay: Pay, payment_id: PaymentId) -> None:
    """Before a payment expires its provider is asked: a terminal answer wins.  Spec: pay-api.md §20."""
    with pay.reading() as tx:
        payment = find_payment(tx.connection, pay.cipher, payment_id)
        if payment is None or payment.state is not S.AUTHORISATION_3DS_REQUIRED or payment.gateway == "webpay":
            return
        attempt = find_attempt(tx.connection, payment.gateway, reference=payment.attempt_reference or "")
    if attempt is not None:
        conclude(pay, attempt)


def resume_page(pay: Pay, payment: Payment, *, is_too_late: bool) -> bool:
    """Continue an attempt that a crash or a silent provider left in its lock; True when nothing is left to do.

    A commit is not sent again: the status says whether it arrived, and one that never did is reversed by the provider.
    Raises: GatewayUnavailable.
    """
    with pay.reading() as tx:
        attempt = find_attempt(tx.connection, payment.gateway, reference=payment.attempt_reference or "")
    if attempt is None:
        return True
    outcome = page_gateway(pay, payment.gateway).find(order_for(pay, payment, attempt))
    if outcome is None and payment.gateway == "webpay":
        if not is_too_late:
            return False
        outcome = Outcome(Verdict.DECLINED, attempt.token, "the commit never arrived: reversed by the provider")
    settle(pay, attempt, payment, outcome)
    return True


def origin_of(begun: Begun) -> str:
    """Return the origin that the payer's browser may send the form to."""
    parts = urlsplit(begun.url)
    return f"{parts.scheme}://{parts.netloc}"
