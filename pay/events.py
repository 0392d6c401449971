"""Names of what happens: audit actions and webhook events."""

from enum import StrEnum


class PaymentEvent(StrEnum):
    """What happened to a payment; the audit log carries this value."""

    CREATED = "pay:payment:created"
    NOTIFIED = "pay:payment:notified"
    STARTED = "pay:payment:started"
    TRIED_AGAIN = "pay:payment:tried-again"
    QUEUED = "pay:payment:queued"
    AUTHORISATION_BEGUN = "pay:payment:authorisation-begun"
    AUTHORISATION_SUBMITTED = "pay:payment:authorisation-submitted"
    STRONG_AUTHENTICATION_ASKED = "pay:payment:3ds-asked"
    STRONG_AUTHENTICATION_ANSWERED = "pay:payment:3ds-answered"
    AUTHORISED = "pay:payment:authorised"
    REJECTED = "pay:payment:rejected"
    ABORTED = "pay:payment:aborted"
    AUTHORISATION_CANCELLED = "pay:payment:authorisation-cancelled"
    AUTHORISATION_FAILED = "pay:payment:authorisation-failed"
    AUTHORISATION_TIMED_OUT = "pay:payment:authorisation-timed-out"
    CLEANED_UP = "pay:payment:cleaned-up"
    HELD_FOR_SERVICE = "pay:payment:held-for-service"
    CAPTURE_APPROVED = "pay:payment:capture-approved"
    CAPTURE_BEGUN = "pay:payment:capture-begun"
    CAPTURE_POSTPONED = "pay:payment:capture-postponed"
    CAPTURE_SUBMITTED = "pay:payment:capture-submitted"
    CAPTURED = "pay:payment:captured"
    CAPTURE_FAILED = "pay:payment:capture-failed"
    EXPIRY_BEGUN = "pay:payment:expiry-begun"
    EXPIRY_FAILED = "pay:payment:expiry-failed"
    EXPIRED = "pay:payment:expired"
    USER_CANCEL_BEGUN = "pay:payment:user-cancel-begun"
    USER_CANCEL_FAILED = "pay:payment:user-cancel-failed"
    USER_CANCELLED = "pay:payment:user-cancelled"
    SYSTEM_CANCEL_BEGUN = "pay:payment:system-cancel-begun"
    SYSTEM_CANCEL_FAILED = "pay:payment:system-cancel-failed"
    SYSTEM_CANCELLED = "pay:payment:system-cancelled"


class RefundEvent(StrEnum):
    """What happened to a refund; the audit log carries this value."""

    REQUESTED = "pay:refund:requested"
    SUBMITTED = "pay:refund:submitted"
    CONFIRMED = "pay:refund:confirmed"
    FAILED = "pay:refund:failed"


class NoticeEvent(StrEnum):
    """What happened to a notice; the audit log carries this value."""

    ISSUED = "pay:notice:issued"
    ACTIVATED = "pay:notice:activated"
    RELEASED = "pay:notice:released"
    PAID = "pay:notice:paid"
    PAID_ELSEWHERE = "pay:notice:paid-elsewhere"
    CANCELLED = "pay:notice:cancelled"
    EXPIRED = "pay:notice:expired"
    RENEWED = "pay:notice:renewed"
    HOOK_SET = "pay:notice:hook-set"


class PartnerAction(StrEnum):
    """Audit actions about partners that take money for us."""

    ADDED = "pay:partner:added"
    KEY_ISSUED = "pay:partner:key-issued"
    KEY_REVOKED = "pay:partner:key-revoked"
    RECEIPT_APPLIED = "pay:partner:receipt-applied"
    RECEIPT_HELD = "pay:partner:receipt-held"
    FILE_READ = "pay:partner:file-read"
    CHANGED = "pay:partner:changed"
    SWITCHED = "pay:partner:switched"


class RefundRequestEvent(StrEnum):
    """What happened to a refund that staff asked for."""

    PROPOSED = "pay:refund-request:proposed"
    APPROVED = "pay:refund-request:approved"
    REJECTED = "pay:refund-request:rejected"
    DONE = "pay:refund-request:done"
    FAILED = "pay:refund-request:failed"
    LIMIT_SET = "pay:refund-request:limit-set"


class PayoutEvent(StrEnum):
    """What happened to a pay-out; the audit log carries this value."""

    ORDERED = "pay:payout:ordered"
    APPROVED = "pay:payout:approved"
    REJECTED = "pay:payout:rejected"
    CANCELLED = "pay:payout:cancelled"
    SENT = "pay:payout:sent"
    CODE_GIVEN = "pay:payout:code-given"
    CODE_REFUSED = "pay:payout:code-refused"
    PAID = "pay:payout:paid"
    RETURNED = "pay:payout:returned"
    EXPIRED = "pay:payout:expired"
    LIMIT_SET = "pay:payout:limit-set"


class RemittanceAction(StrEnum):
    """Audit actions about paying who is owed."""

    MADE = "pay:remittance:made"
    FORMAT_SET = "pay:remittance:format-set"


class ExemptionEvent(StrEnum):
    """What happened to an exemption from a fee; the audit log carries this value."""

    ASKED = "pay:exemption:asked"
    GRANTED = "pay:exemption:granted"
    REFUSED = "pay:exemption:refused"


class FeeAction(StrEnum):
    """Audit actions about what products cost."""

    RULE_ADDED = "pay:fee-rule:added"


class PayoutFileAction(StrEnum):
    """Audit actions about files that go to a bank and come from it, and money that bodies put in."""

    MADE = "pay:payout-file:made"
    HANDED_OVER = "pay:payout-file:handed-over"
    RESULT_READ = "pay:payout-file:result-read"
    DEPOSIT_BOOKED = "pay:deposit:booked"


class LinkAction(StrEnum):
    """Audit actions about payment links."""

    MADE = "pay:link:made"
    SWITCHED = "pay:link:switched"


class ReceiptAction(StrEnum):
    """Audit actions about receipts."""

    ISSUED = "pay:receipt:issued"
    KEY_MADE = "pay:receipt:key-made"


class AgreementEvent(StrEnum):
    """What happened to an agreement; the audit log carries this value."""

    CREATED = "pay:agreement:created"
    ACTIVATED = "pay:agreement:activated"
    CANCELLED = "pay:agreement:cancelled"
    DEACTIVATED = "pay:agreement:deactivated"


class DisputeEvent(StrEnum):
    """What happened to a dispute; the audit log carries this value."""

    OPENED = "pay:dispute:opened"
    ANSWERED = "pay:dispute:answered"
    LOST = "pay:dispute:lost"
    WON = "pay:dispute:won"


class DisputeAnswerEvent(StrEnum):
    """What happened to an office's answer to a dispute; the audit log carries this value."""

    PROPOSED = "pay:dispute-answer:proposed"
    APPROVED = "pay:dispute-answer:approved"
    REJECTED = "pay:dispute-answer:rejected"
    SENT = "pay:dispute-answer:sent"
    REFUSED = "pay:dispute-answer:refused"


class SuspenseEvent(StrEnum):
    """What happened to money that matches nothing; the audit log carries this value."""

    RECEIVED = "pay:suspense:received"
    REFUND_PROPOSED = "pay:suspense:refund-proposed"
    APPLY_PROPOSED = "pay:suspense:apply-proposed"
    PROPOSAL_REJECTED = "pay:suspense:proposal-rejected"
    REFUNDED = "pay:suspense:refunded"
    APPLIED = "pay:suspense:applied"


class BooksAction(StrEnum):
    """Audit actions about the books."""

    SETTLEMENT_IMPORTED = "pay:settlement:imported"
    PROVED = "pay:books:proved"
    MONTH_CLOSED = "pay:month:closed"
    FILES_KEPT = "pay:month:files-kept"


class PageAction(StrEnum):
    """Audit actions of the payer pages that move nothing."""

    OPENED = "pay:page:opened"
    LINK_GIVEN = "pay:page:link-given"


class WebhookAction(StrEnum):
    """Audit actions about webhook messages."""

    GIVEN_UP = "pay:webhook:given-up"
    REPLAYED = "pay:webhook:replayed"
    CHANGED = "pay:webhook:changed"
    KEY_ROTATED = "pay:webhook:key-rotated"


class OnboardingAction(StrEnum):
    """Audit actions of opening accounts."""

    ACCOUNT_OPENED = "pay:account:opened"
    KEY_ISSUED = "pay:key:issued"
    KEY_REVOKED = "pay:key:revoked"
    WEBHOOK_ADDED = "pay:webhook:added"
    CREDENTIALS_SET = "pay:account:credentials-set"
    FEATURES_SET = "pay:account:features-set"
    TERMS_SET = "pay:account:terms-set"
    ACCOUNT_STOPPED = "pay:account:stopped"
    ACCOUNT_RESUMED = "pay:account:resumed"
    WEBHOOK_SWITCHED = "pay:webhook:switched"


ACTIONS: tuple[type[StrEnum], ...] = (
    PaymentEvent,
    RefundEvent,
    NoticeEvent,
    ReceiptAction,
    AgreementEvent,
    DisputeEvent,
    DisputeAnswerEvent,
    SuspenseEvent,
    BooksAction,
    PartnerAction,
    RefundRequestEvent,
    PayoutEvent,
    PayoutFileAction,
    RemittanceAction,
    ExemptionEvent,
    FeeAction,
    LinkAction,
    PageAction,
    WebhookAction,
    OnboardingAction,
)


class WebhookEvent(StrEnum):
    """What a webhook may subscribe to.  Spec: pay-api.md §15."""

    STARTED = "card_payment_started"
    SUCCEEDED = "card_payment_succeeded"
    CAPTURED = "card_payment_captured"
    REFUNDED = "card_payment_refunded"
    FAILED = "card_payment_failed"
    EXPIRED = "card_payment_expired"
    # Ours: a service hears of these only when it asks for them.  Spec: §25.
    NOTICE_PAID = "payment_notice_paid"
    SETTLED = "card_payment_settled"
    REFUND_FAILED = "card_payment_refund_failed"
    PAYOUT_SENT = "payout_sent"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_RETURNED = "payout_returned"
    PAYOUT_ENDED = "payout_ended"
