"""Refusals of pay.  On `/v1/` they are rendered as the foreign contract wants them: `{"field"?, "header"?, "code", "description"}`.

Spec: pay-api.md §3.  Clients match on `code`; one class may carry several codes, for a code belongs to an endpoint.
In this order: what is sent, who sends it, payments, refunds and disputes, pages of payers, notices and partners, fees and pay-outs,
the books.
"""

from typing import ClassVar

from shared.problems import Problem, Wait
from shared.web import gettext_noop as noop


class ApiProblem(Problem):
    """A refusal with the code and description of the published contract."""

    slug: ClassVar[str] = "pay-refused"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The payment service refused this"

    def __init__(self, code: str | None, description: str, *, field: str | None = None, header: str | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.field = field
        self.header = header

    def body(self) -> dict[str, str]:
        """Return the error body; absent members are left out."""
        members = {"field": self.field, "header": self.header, "code": self.code, "description": self.description}
        return {name: value for name, value in members.items() if value is not None}


class FixedProblem(ApiProblem):
    """A refusal that always says the same."""

    says: ClassVar[tuple[str | None, str]]

    def __init__(self) -> None:
        super().__init__(*self.says)


class UnreadableBody(ApiProblem):
    """The body is not a JSON object."""

    slug, status, title = "pay-unreadable-body", 400, "The body is not JSON"


class MissingAttribute(ApiProblem):
    """A mandatory member is absent, null or blank."""

    slug, status, title = "pay-missing-attribute", 400, "A mandatory attribute is missing"


class InvalidAttribute(ApiProblem):
    """A member has the wrong type or form."""

    slug, status, title = "pay-invalid-attribute", 400, "An attribute is of the wrong type"


class AttributeOutOfRange(ApiProblem):
    """A member is well typed and has a value that is not allowed."""

    slug, status, title = "pay-attribute-out-of-range", 422, "An attribute has a value that is not allowed"


class UnexpectedAttribute(ApiProblem):
    """A member is not allowed in this mode."""

    slug, status, title = "pay-unexpected-attribute", 400, "An attribute is not allowed here"


class InvalidSearch(ApiProblem):
    """Some search parameters are not right."""

    slug, status, title = "pay-invalid-search", 422, "Some search parameters are not right"


class IdempotencyKeyReused(ApiProblem):
    """The key was used with another body, or its first request is still running."""

    slug, status, title = "pay-idempotency-key-reused", 409, "The Idempotency-Key was used before"

    def __init__(self) -> None:
        text = "The `Idempotency-Key` you sent in the request header has already been used to create a payment."
        super().__init__("P0191", text, header="Idempotency-Key")


class KeyRefused(FixedProblem):
    """No API key, a mistyped one, an unknown or a revoked one."""

    slug, status, title = "pay-key-refused", 401, "The API key was refused"
    says = (None, "Credentials are required to access this resource")


class AccountSuspended(ApiProblem):
    """The operator has stopped this account."""

    slug, status, title = "pay-account-suspended", 403, "The account is suspended"

    def __init__(self, operator: str, contact: str) -> None:
        text = f"{operator} has disabled payment and refund creation on this account. Contact {contact}"
        super().__init__("P0941", text)


class AccountNotReady(ApiProblem):
    """The account has no usable credentials at its payment provider."""

    slug, status, title = "pay-account-not-ready", 403, "The account is not ready"

    def __init__(self, contact: str) -> None:
        super().__init__("P0940", f"Account is not fully configured. Contact {contact}")


class FeatureNotEnabled(ApiProblem):
    """The account may not do this."""

    slug, status, title = "pay-feature-not-enabled", 422, "The account may not do this"


class NotEnabledHere(ApiProblem):
    """The account may not use this resource."""

    slug, status, title = "pay-resource-not-enabled", 403, "The account may not use this"

    def __init__(self, contact: str) -> None:
        super().__init__("P0930", f"Access to this resource is not enabled for this account. Contact {contact}")


class TooManyCalls(ApiProblem):
    """The account called more often than it may in one second."""

    slug, status, title = "pay-too-many-calls", 429, "Too many requests"

    def __init__(self, most: int) -> None:
        super().__init__("P0900", "Too many requests")
        self.headers.update(Wait(most, window_seconds=1, seconds=1).headers())


class NotificationRefused(FixedProblem):
    """A notification that its provider did not send."""

    slug, status, title = "pay-notification-refused", 403, "The notification was refused"
    says = (None, "The notification is not from the provider")


class UnsafeAddress(Problem):
    """An address that we are to call is not https."""

    slug, status, title = "unsafe-address", 422, "The address is not safe to call"


class ResourceNotFound(ApiProblem):
    """Nothing with this id, or it belongs to another account."""

    slug, status, title = "pay-not-found", 404, "Nothing was found with this id"

    def __init__(self, code: str, description: str = "Not found") -> None:
        super().__init__(code, description)


class CancellationFailed(FixedProblem):
    """The payment is finished or is being taken."""

    slug, status, title = "pay-cancellation-failed", 400, "The payment cannot be cancelled any more"
    says = ("P0501", "Cancellation of payment failed")


class OperationInProgress(ApiProblem):
    """Another operation on this payment is running."""

    slug, status, title = "pay-operation-in-progress", 409, "Another operation is in progress"

    def __init__(self, code: str = "P0502", description: str = "Cancellation of payment failed") -> None:
        super().__init__(code, description)


class CaptureNotPossible(FixedProblem):
    """The payment does not wait for a capture."""

    slug, status, title = "pay-capture-not-possible", 409, "The payment cannot be captured"
    says = ("P1003", "Payment cannot be captured")


class OneTimeTokenRefused(ApiProblem):
    """The one-time token of a telephone authorisation is unknown (P1211) or was used (P1212)."""

    slug, status, title = "pay-one-time-token-refused", 400, "The one-time token was refused"


class AuthorisationDeclined(ApiProblem):
    """The card was not accepted."""

    slug, status, title = "pay-authorisation-declined", 402, "The payment method was rejected"

    def __init__(self, description: str = "Payment method rejected") -> None:
        super().__init__("P0010", description)


class AuthorisationFailed(FixedProblem):
    """The provider gave an error, or no answer in time."""

    slug, status, title = "pay-authorisation-failed", 500, "The payment provider returned an error"
    says = ("P0050", "Payment provider returned an error")


class AgreementNotCancellable(FixedProblem):
    """The agreement is not active."""

    slug, status, title = "pay-agreement-not-cancellable", 400, "The agreement cannot be cancelled"
    says = ("P2501", "Cancellation of agreement failed")


class RefundNotAvailable(ApiProblem):
    """The payment cannot be refunded, or not by so much."""

    slug, status, title = "pay-refund-not-available", 400, "The payment is not available for refund"

    def __init__(self, status: str) -> None:
        super().__init__("P0603", f"The payment is not available for refund. Payment refund status: {status}")


class RefundMismatch(FixedProblem):
    """The caller's idea of what is left differs from ours: somebody refunded in between."""

    slug, status, title = "pay-refund-mismatch", 412, "The amount left is another one"
    says = ("P0604", "Refund amount available mismatch.")


class PaymentDisputed(FixedProblem):
    """The card holder disputes the payment at the bank: the money is held there."""

    slug, status, title = "pay-payment-disputed", 400, "The payment is disputed"
    says = ("P0603", "The payment is disputed and cannot be refunded")


class AnswerTooLate(Problem):
    """The dispute is over, or its last day for an answer has passed."""

    slug, status, title = "dispute-answer-too-late", 409, noop("This dispute cannot be answered any more")


class AnswerUnderWay(Problem):
    """Somebody has answered, or proposed an answer that waits for a second person."""

    slug, status, title = "dispute-answer-under-way", 409, noop("Somebody has answered this dispute already")


class DisputeNotPossible(Problem):
    """The payment is not paid, was given back at its bank, or its provider tells of disputes itself."""

    slug, status, title = "dispute-not-possible", 409, noop("No dispute can be written down for this payment")


class PaymentLinkUsed(Problem):
    """The link to the payer pages was used before, is too old, or was never given."""

    slug, status, title = "payment-link-used", 404, noop("This payment link has been used or has expired")


class PayerSessionEnded(Problem):
    """The browser holds no open session for the payment."""

    slug, status, title = "payer-session-ended", 403, noop("Your payment session has ended")


class CardPageNotAllowed(Problem):
    """Card numbers are typed here in the sandbox only."""

    slug, status, title = "card-page-not-allowed", 403, noop("This payment is not made on our pages")


class LinkNotFound(Problem):
    """No payment link has this address, or it is switched off."""

    slug, status, title = "payment-link-not-found", 404, noop("There is nothing to pay at this address")


class ReceiptNotFound(Problem):
    """No receipt has this code."""

    slug, status, title = "receipt-not-found", 404, noop("There is no receipt with this code")


class NoticeNotFound(Problem):
    """No notice has this number, or it belongs to another account."""

    slug, status, title = "notice-not-found", 404, noop("There is no notice with this number")


class NoticeBusy(Problem):
    """A till or a bank is at this notice just now."""

    slug, status, title = "notice-busy", 409, noop("This notice is being paid just now")


class NoticeNotPayable(Problem):
    """The notice is settled, or has ended, or is too large for this partner."""

    slug, status, title = "notice-not-payable", 409, "This notice cannot be paid"


class AmountUnknown(Problem):
    """The service that is owed the money does not say how much it is now."""

    slug, status, title = "amount-unknown", 503, noop("The amount is not known just now")


class PartnerKeyRefused(Problem):
    """No partner key, a mistyped one, or one that was ended."""

    slug, status, title = "partner-key-refused", 401, "The partner key was refused"


class ReceiptReused(Problem):
    """A partner used a receipt number for other facts before."""

    slug, status, title = "receipt-reused", 409, "The receipt number was used before"


class FileUnreadable(Problem):
    """A daily file that is none."""

    slug, status, title = "file-unreadable", 400, "The file cannot be read"


class ExemptionNotPossible(Problem):
    """The payment is paid, is being paid, or is over: an exemption changes nothing any more."""

    slug, status, title = "exemption-not-possible", 409, noop("This payment cannot be changed any more")


class PayoutNotCovered(Problem):
    """The office has less money here than it wants to pay out."""

    slug, status, title = "payout-not-covered", 409, noop("There is not enough money for this pay-out")


class PayoutCodeRefused(Problem):
    """No cash waits for this code and this person, or too many wrong numbers were tried."""

    slug, status, title = "payout-code-refused", 404, "No cash waits for this code and this person"


class ReportUnreadable(Problem):
    """A bank's report that is none."""

    slug, status, title = "report-unreadable", 422, noop("The bank's file cannot be read")


class DepositBooked(Problem):
    """The same bank reference was booked with another amount."""

    slug, status, title = "deposit-booked", 409, noop("This deposit was booked before with another amount")


class SuspenseItemClosed(Problem):
    """The item is not on the work list: somebody dealt with it, or it never was there."""

    slug, status, title = "suspense-item-closed", 409, noop("This item was dealt with already")


class NothingToRemit(Problem):
    """Nothing is owed until the end of the day, or the day is not over."""

    slug, status, title = "nothing-to-remit", 409, noop("There is nothing to pay to the office for this day")


class MonthNotToClose(Problem):
    """The month is not over, is closed, or the one before is still open."""

    slug, status, title = "month-not-to-close", 409, noop("This month cannot be closed now")
