"""The states of a dispute.  Spec: pay-api.md §11."""

from enum import StrEnum

from pay.events import DisputeEvent
from shared.states import Table


class DisputeState(StrEnum):
    """A state, as callers see it too."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    LOST = "lost"
    WON = "won"


D, E = DisputeState, DisputeEvent
DISPUTE_TABLE: Table[DisputeState, DisputeEvent] = Table(
    "dispute",
    initial=frozenset({D.NEEDS_RESPONSE}),
    moves={
        (D.NEEDS_RESPONSE, D.UNDER_REVIEW): E.ANSWERED,
        **{(before, D.LOST): E.LOST for before in (D.NEEDS_RESPONSE, D.UNDER_REVIEW)},
        **{(before, D.WON): E.WON for before in (D.NEEDS_RESPONSE, D.UNDER_REVIEW)},
    },
)
REASONS = (
    "credit_not_processed",
    "duplicate",
    "fraudulent",
    "general",
    "product_not_received",
    "product_unacceptable",
    "unrecognised",
    "subscription_cancelled",
    "other",
)
