"""The states of a refund and the figures a payment shows about its refunds.  Spec: pay-api.md §9."""

from enum import StrEnum

from pay.events import RefundEvent
from pay.standards.payment_states import PUBLIC, PaymentState
from shared.states import Table


class RefundState(StrEnum):
    """An internal state of a refund."""

    CREATED = "CREATED"
    SUBMITTED = "REFUND SUBMITTED"
    REFUNDED = "REFUNDED"
    ERROR = "REFUND ERROR"


REFUND_TABLE: Table[RefundState, RefundEvent] = Table(
    "refund",
    initial=frozenset({RefundState.CREATED}),
    moves={
        (RefundState.CREATED, RefundState.SUBMITTED): RefundEvent.SUBMITTED,
        (RefundState.SUBMITTED, RefundState.REFUNDED): RefundEvent.CONFIRMED,
        (RefundState.SUBMITTED, RefundState.ERROR): RefundEvent.FAILED,
    },
)
PUBLIC_STATUS = {
    RefundState.CREATED: "submitted",
    RefundState.SUBMITTED: "submitted",
    RefundState.REFUNDED: "success",
    RefundState.ERROR: "error",
}


class Refundable(StrEnum):
    """What `refund_summary.status` says."""

    PENDING = "pending"
    AVAILABLE = "available"
    FULL = "full"
    UNAVAILABLE = "unavailable"


# Three states that say `unavailable` although the money may still come: a habit of the original that clients may have seen.
_QUIRKS = frozenset(
    {PaymentState.AWAITING_CAPTURE_REQUEST, PaymentState.CAPTURE_QUEUED, PaymentState.AUTHORISATION_USER_NOT_PRESENT_QUEUED}
)


def refundable(state: PaymentState, amount_minor: int, refunded_minor: int, *, mode: str = "web") -> Refundable:
    """Return the refund status of a payment; `refunded_minor` is the sum of its submitted and successful refunds.

    What an external telephone service took (`external`) is given back by that service.
    """
    if mode == "external":
        return Refundable.UNAVAILABLE
    if state is PaymentState.CAPTURED:
        return Refundable.AVAILABLE if refunded_minor < amount_minor else Refundable.FULL
    public = PUBLIC[state]
    if state in _QUIRKS or (public.finished and public.code is not None):
        return Refundable.UNAVAILABLE
    return Refundable.PENDING
