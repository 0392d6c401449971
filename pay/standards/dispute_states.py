"""The states of a dispute, and of an office's answer to it.  Spec: pay-api.md §11."""

from enum import StrEnum

from pay.events import DisputeAnswerEvent, DisputeEvent
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


class AnswerKind(StrEnum):
    """What an office may answer: the card holder is right, or is not."""

    ACCEPT = "accept"
    EVIDENCE = "evidence"


AFTERWARDS = {AnswerKind.ACCEPT: D.LOST, AnswerKind.EVIDENCE: D.UNDER_REVIEW}
"""How a dispute stands when its answer has arrived."""


class AnswerState(StrEnum):
    """Where an answer stands; `approved` until the provider has it (`sent`, by us or by hand) or will not take it (`refused`)."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    SENT = "sent"
    REFUSED = "refused"


A, AE = AnswerState, DisputeAnswerEvent
ANSWER_TABLE: Table[AnswerState, DisputeAnswerEvent] = Table(
    "answer to a dispute",
    initial=frozenset({A.PROPOSED, A.APPROVED}),
    moves={
        (A.PROPOSED, A.APPROVED): AE.APPROVED,
        (A.PROPOSED, A.REJECTED): AE.REJECTED,
        (A.APPROVED, A.SENT): AE.SENT,
        (A.APPROVED, A.REFUSED): AE.REFUSED,
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
