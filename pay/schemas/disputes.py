"""Disputes as they go out.  Spec: pay-api.md §11."""

from pay.models.dispute import Dispute
from pay.standards.dispute_states import DisputeState
from pay.standards.payment_object import Addresses, Json, iso_milliseconds


def dispute_body(dispute: Dispute, addresses: Addresses) -> Json:
    """Return a dispute with its link; what is not known is left out, and a lost one shows what was lost as a negative sum."""
    is_lost = dispute.state is DisputeState.LOST
    body: Json = {
        "dispute_id": dispute.id,
        "payment_id": dispute.payment_id,
        "amount": dispute.amount_minor,
        "created_date": iso_milliseconds(dispute.created_at),
        "evidence_due_date": iso_milliseconds(dispute.evidence_due_at) if dispute.evidence_due_at else None,
        "fee": dispute.fee_minor if is_lost else None,
        "net_amount": -(dispute.amount_minor + dispute.fee_minor) if is_lost else None,
        "reason": dispute.reason,
        "settlement_summary": {"settled_date": dispute.settled_on.isoformat()} if dispute.settled_on else {},
        "status": dispute.state.value,
        "_links": {"payment": {"href": addresses.payment(dispute.payment_id), "method": "GET"}},
    }
    return {name: value for name, value in body.items() if value is not None}
