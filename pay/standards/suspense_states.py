"""Why money stands in suspense, and how it leaves.  Spec: pay-design.md §3, §8, §13.3."""

from enum import StrEnum

from pay.events import SuspenseEvent
from shared.states import Table


class SuspenseReason(StrEnum):
    """Why money matches nothing."""

    DOUBLE_PAYMENT = "double_payment"
    WRONG_AMOUNT = "wrong_amount"
    UNKNOWN_REFERENCE = "unknown_reference"
    LATE = "late"


class SuspenseState(StrEnum):
    """Where the work on an item stands; a second payment begins as a proposal to give it back."""

    OPEN = "open"
    REFUND_PROPOSED = "refund_proposed"
    APPLY_PROPOSED = "apply_proposed"
    REFUNDED = "refunded"
    APPLIED = "applied"


S, E = SuspenseState, SuspenseEvent
SUSPENSE_TABLE: Table[SuspenseState, SuspenseEvent] = Table(
    "suspense item",
    initial=frozenset({S.OPEN, S.REFUND_PROPOSED}),
    moves={
        (S.OPEN, S.REFUND_PROPOSED): E.REFUND_PROPOSED,
        (S.OPEN, S.APPLIED): E.APPLIED,
        (S.REFUND_PROPOSED, S.APPLIED): E.APPLIED,
        # Money of no account: what one person proposes a second one does, or sends back to be looked at again.
        (S.OPEN, S.APPLY_PROPOSED): E.APPLY_PROPOSED,
        (S.APPLY_PROPOSED, S.APPLIED): E.APPLIED,
        (S.APPLY_PROPOSED, S.OPEN): E.PROPOSAL_REJECTED,
        (S.REFUND_PROPOSED, S.OPEN): E.PROPOSAL_REJECTED,
        (S.REFUND_PROPOSED, S.REFUNDED): E.REFUNDED,
    },
)
