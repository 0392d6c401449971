"""The states of a refund that staff ask for, and every lawful move between them, once."""

from enum import StrEnum

from pay.events import RefundRequestEvent
from shared.states import Table


class RefundRequestState(StrEnum):
    """`approved` until the refund itself is made, then `done` or `failed`."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    DONE = "done"
    FAILED = "failed"


S, E = RefundRequestState, RefundRequestEvent
REFUND_REQUEST_TABLE: Table[RefundRequestState, RefundRequestEvent] = Table(
    "refund request",
    initial=frozenset({S.PROPOSED, S.APPROVED}),
    moves={
        (S.PROPOSED, S.APPROVED): E.APPROVED,
        (S.PROPOSED, S.REJECTED): E.REJECTED,
        (S.APPROVED, S.DONE): E.DONE,
        (S.APPROVED, S.FAILED): E.FAILED,
    },
)
