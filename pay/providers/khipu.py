"""Khipu: payment by bank transfer, on Khipu's page.

Spec: pay-design.md §7.2 (API v3).  A payment counts as paid only when it is `done` and `normal` and is ours in every part; a
notification proves nothing: what it names is fetched.
"""

from collections.abc import Mapping

from pay.providers.base import REFUSES_WHO_ASKS, Action, Begun, GatewayUnavailable, Order, Outcome, Pages, StillWaiting, Verdict, probe
from pay.providers.calling import GatewayRefused, Json, call
from shared.http import Outbound

PATH = "/v3/payments"
_TAKEN_BACK = "reversed"
_ENDS = {
    "rejected-by-payer": "rejected by the payer",
    "marked-as-abuse": "marked as abuse",
    _TAKEN_BACK: "taken back by the bank",
    "fully-refunded": "given back at Khipu",
}
_ACCEPTED = frozenset({"normal", "partially-refunded"})
_WAITING_REFUND = frozenset({"pending", "authorized"})


class KhipuGateway:
    """Khipu by REST; credentials are `api_key` and `receiver_id`."""

    name = "khipu"
    label = "Khipu"
    credential_names = ("api_key", "receiver_id")
    takes_card_numbers_here = False
    settles_refunds_at_once = False
    repeats_safely = False

    def __init__(self, http: Outbound, base_url: str) -> None:
        self._http = http
        self._base = base_url + PATH

    def knows(self, credentials: Mapping[str, str]) -> bool:
        """Ask for a payment that is none: who is known is told so.  Raises: GatewayUnavailable."""
        try:
            self._call("GET", "/" + "0" * 12, probe(credentials), None)
        except GatewayRefused as refusal:
            return refusal.status not in REFUSES_WHO_ASKS
        return True

    def begin(self, order: Order, pages: Pages) -> Begun:
        """Open a payment.  There is no idempotency: what got no answer is given up, for nobody can know its address."""
        body: Json = {
            "subject": pages.subject[:255],
            "amount": order.amount_minor,
            "currency": order.currency,
            "transaction_id": order.reference,
            "return_url": pages.return_url,
            "cancel_url": pages.cancel_url,
            "notify_url": pages.notify_url,
            "notify_api_version": "3.0",
            "expires_date": pages.expires_at.isoformat().replace("+00:00", "Z"),
        }
        try:
            answer = self._call("POST", "", order, body)
        except GatewayRefused as refusal:
            raise GatewayUnavailable(f"create was refused: {refusal.status}") from None
        token, url = answer.get("payment_id"), answer.get("payment_url")
        if not isinstance(token, str) or not isinstance(url, str):
            raise GatewayUnavailable("the answer has no payment")
        return Begun(token, url)

    def finish(self, order: Order) -> Outcome | None:
        """Look: there is nothing to commit."""
        return self.find(order)

    def find(self, order: Order) -> Outcome | None:
        """Return what became of a payment, or of a refund by what was given back."""
        try:
            found = self._call("GET", f"/{order.token or order.provider_id}", order, None)
        except GatewayRefused:
            return None
        is_refund = order.action in {Action.REFUND, Action.VOID}
        return self._refund_outcome(order, found) if is_refund else self._payment_outcome(order, found)

    def _payment_outcome(self, order: Order, found: Json) -> Outcome | None:
        status, detail = found.get("status"), found.get("status_detail")
        if detail in _ENDS:
            return Outcome(Verdict.DECLINED, order.token, _ENDS[str(detail)])
        if status != "done" or detail not in _ACCEPTED:
            return None
        facts = {"paid_minor": str(found.get("amount")), "late": "yes" if found.get("out_of_date_conciliation") else ""}
        if not self._is_ours(order, found):
            return Outcome(Verdict.ERROR, order.token, "paid, but not what was asked for", facts=facts)
        return Outcome(Verdict.APPROVED, order.token, facts={name: value for name, value in facts.items() if value})

    def was_taken_back(self, order: Order) -> bool:
        """Ask whether the bank took a transfer back that was paid: `done` is not final for ever."""
        try:
            found = self._call("GET", f"/{order.provider_id}", order, None)
        except GatewayRefused:
            return False
        return found.get("status_detail") == _TAKEN_BACK

    def capture(self, order: Order) -> Outcome:
        """Nothing is left to do: a transfer is taken when it is made."""
        return Outcome(Verdict.APPROVED, order.provider_id)

    def void(self, order: Order) -> Outcome:
        """Give a transfer back before the service has taken it."""
        return self.refund(order)

    def refund(self, order: Order) -> Outcome:
        """Ask for money back.  Raises: StillWaiting until the receiver has confirmed it at the bank, days later."""
        try:
            self._call("POST", f"/{order.provider_id}/refunds", order, {"amount": order.amount_minor})
        except GatewayRefused as refusal:
            return Outcome(Verdict.DECLINED, order.provider_id, refusal.why)
        outcome = self.find(order)
        if outcome is None:
            raise GatewayUnavailable("the refund is not listed yet")
        return outcome

    def _refund_outcome(self, order: Order, found: Json) -> Outcome | None:
        """Read this refund among the payment's: the one of its amount that is none of our other refunds.

        Khipu carries no name of ours, and one refund of a payment is asked for at a time.
        """
        entries = found.get("refunds")
        listed = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
        named = [(str(one.get("refund_id") or f"{order.provider_id}/{place}"), one) for place, one in enumerate(listed)]
        mine = [(name, one) for name, one in named if one.get("amount") == order.amount_minor and name not in order.others]
        if not mine:
            return None
        name, entry = mine[0]
        status = str(entry.get("status"))
        if status in _WAITING_REFUND:
            raise StillWaiting("the refund waits at the bank")
        return Outcome(Verdict.APPROVED if status == "paid" else Verdict.DECLINED, name, status)

    def _is_ours(self, order: Order, found: Json) -> bool:
        receiver = order.credentials.get("receiver_id")
        same = (found.get("transaction_id"), found.get("currency")) == (order.reference, order.currency)
        return same and found.get("amount") == order.amount_minor and (not receiver or str(found.get("receiver_id")) == receiver)

    def _call(self, method: str, path: str, order: Order, body: Json | None) -> Json:
        return call(self._http, method, self._base + path, headers={"x-api-key": order.credentials.get("api_key", "")}, json=body)
