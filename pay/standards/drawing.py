"""The states of payments, refunds and pay-outs as a document, drawn from the tables that the code obeys."""

from pay.standards.payment_states import LOCKS, PAYMENT_TABLE, PUBLIC, PaymentState, PublicState
from pay.standards.payout_states import PAYOUT_TABLE
from pay.standards.refund_states import PUBLIC_STATUS, REFUND_TABLE, RefundState


def _shown(state: PublicState) -> str:
    return state.status if state.code is None else f"{state.status} {state.code}"


def states_document() -> str:
    """Return docs/pay/states.md."""
    rows = [f"| `{state}` | {_shown(PUBLIC[state])} | {'yes' if state in LOCKS else ''} |" for state in PaymentState]
    refunds = [f"| `{state}` | {PUBLIC_STATUS[state]} |" for state in RefundState]
    return "\n".join(
        [
            "# States of payments, refunds and pay-outs",
            "",
            "Drawn from the tables in `pay/standards/` by `flask --app pay.app pay states`.",
            "",
            "A lock is held while the gateway is being asked; what a crash leaves in one is continued by the job `resolve_payments`.",
            "",
            "| state | what callers see | lock |",
            "|---|---|---|",
            *rows,
            "",
            "```mermaid",
            PAYMENT_TABLE.diagram(),
            "```",
            "",
            "## Refunds",
            "",
            "| state | what callers see |",
            "|---|---|",
            *refunds,
            "",
            "```mermaid",
            REFUND_TABLE.diagram(),
            "```",
            "",
            "## Pay-outs",
            "",
            "What each is, and what callers see: [payouts.md](payouts.md).",
            "",
            "```mermaid",
            PAYOUT_TABLE.diagram(),
            "```",
            "",
        ]
    )
