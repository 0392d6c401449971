"""The states of an agreement.  Spec: pay-api.md §12."""

from enum import StrEnum

from pay.events import AgreementEvent
from shared.states import Table


class AgreementState(StrEnum):
    """A state, as callers see it too."""

    CREATED = "created"
    ACTIVE = "active"
    CANCELLED = "cancelled"
    INACTIVE = "inactive"


A, E = AgreementState, AgreementEvent
AGREEMENT_TABLE: Table[AgreementState, AgreementEvent] = Table(
    "agreement",
    initial=frozenset({A.CREATED}),
    moves={
        **{(before, A.ACTIVE): E.ACTIVATED for before in A},  # a payment made with set_up_agreement also revives and renews
        (A.ACTIVE, A.CANCELLED): E.CANCELLED,
        (A.ACTIVE, A.INACTIVE): E.DEACTIVATED,
    },
)
