"""Who may use the routes of pay: holders of an API key, and the payer of one payment."""

from flask import g, request

from pay.context import Merchant, current
from pay.operations.accounts import authenticate
from pay.operations.limits import check_rate
from pay.operations.pages import Visit, visit_in_session
from shared.access import Access

COSTLY = {"payments.create": "create_payment", "payments.capture": "capture_payment"}
"""What is counted apart from other calls of its method.  Spec: pay-api.md §21."""


class PaymentKey(Access):
    """A service's system with an API key of its account.  Spec: pay-api.md §2."""

    name = "payment API key"
    bearer = "An API key of the account."

    def check(self) -> None:
        """Leave the Merchant in `g.merchant`.  Raises: KeyRefused, TooManyCalls."""
        pay = current()
        g.merchant = authenticate(pay, request.headers.get("Authorization", ""))
        check_rate(pay, g.merchant.account, request.method, COSTLY.get(request.endpoint or "", ""))


class OneTimeToken(Access):
    """Whoever holds the one-time token of a payment over the telephone; the operation looks at it, and uses it up.  Spec: §13."""

    name = "one-time token in the body"

    def check(self) -> None:
        """Let the token be looked at."""


class ReturningPayer(Access):
    """Whoever holds the secret address that the provider sends one attempt's payer back to; it stands on the provider's site, so
    a form that comes from there cannot carry our mark.
    """

    name = "address of one attempt, from a provider"

    def check(self) -> None:
        """Let the attempt be looked at."""


class ProviderNews(Access):
    """A provider; what it says is checked by its signature, or fetched from it."""

    name = "provider's notification"

    def check(self) -> None:
        """Let the notification be looked at."""


class PaymentLink(Access):
    """Whoever holds the unused token of a payment; the token itself is checked, and used up, by the operation.

    The form that posts it stands on the service's own site, so it cannot carry our mark against forged forms.
    """

    name = "single-use payment link"

    def check(self) -> None:
        """Let the token be looked at."""


class PayerOfPayment(Access):
    """The browser that opened the payment's link within the last 90 minutes.  Spec: pay-api.md §16."""

    name = "payer of this payment"
    pages = True

    def check(self) -> None:
        """Leave the Visit in `g.visit`.  Raises: PayerSessionEnded."""
        payment_id = str((request.view_args or {}).get("payment_id", ""))
        g.visit = visit_in_session(current(), payment_id, request.cookies.get(cookie_name(payment_id)))


def cookie_name(payment_id: str) -> str:
    """Return the name of the cookie of one payment, so that two payments in one browser do not meet."""
    return f"payer_{payment_id}"


def payer_visit(payment_id: str) -> Visit:
    """Return the payment of the address, which the rule has found already.  Raises: LookupError for any other."""
    found: Visit = g.visit
    if found.payment.id != payment_id:
        raise LookupError("that is not what the rule has let through")
    return found


def merchant() -> Merchant:
    """Return who calls the public API."""
    found: Merchant = g.merchant
    return found
