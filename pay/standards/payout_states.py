"""The states of a pay-out and every lawful move between them, once.  Spec: requirements PA-8, PA-9."""

from enum import StrEnum

from pay.events import PayoutEvent
from shared.states import Table


class PayoutState(StrEnum):
    """`sent`: in a file for the bank; `collectable`: the person may fetch it at a counter with a code."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    SENT = "sent"
    COLLECTABLE = "collectable"
    PAID = "paid"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class PayoutMethod(StrEnum):
    """How the money reaches the person."""

    TRANSFER = "transfer"
    CASH = "cash"


S, E = PayoutState, PayoutEvent
PAYOUT_TABLE: Table[PayoutState, PayoutEvent] = Table(
    "pay-out",
    initial=frozenset({S.PROPOSED}),
    moves={
        (S.PROPOSED, S.APPROVED): E.APPROVED,
        (S.PROPOSED, S.REJECTED): E.REJECTED,
        (S.PROPOSED, S.CANCELLED): E.CANCELLED,
        (S.APPROVED, S.SENT): E.SENT,
        (S.APPROVED, S.COLLECTABLE): E.CODE_GIVEN,
        (S.APPROVED, S.CANCELLED): E.CANCELLED,
        (S.SENT, S.PAID): E.PAID,
        (S.SENT, S.RETURNED): E.RETURNED,
        (S.PAID, S.RETURNED): E.RETURNED,  # a transfer that the receiving bank sent back after all
        (S.COLLECTABLE, S.PAID): E.PAID,
        (S.COLLECTABLE, S.CANCELLED): E.CANCELLED,
        (S.COLLECTABLE, S.EXPIRED): E.EXPIRED,
    },
)
ENDED_UNPAID = frozenset({S.REJECTED, S.RETURNED, S.CANCELLED, S.EXPIRED})
"""The states in which the money is the office's again."""
