"""Transbank Webpay Plus, plain and mall: the payer pays on Webpay's page, and our commit takes the money.

Spec: pay-design.md §7.1 (REST v1.2).  What is not committed is reversed by Webpay itself, so a browser that vanishes costs nobody
anything; the commit is sent once, and after that only the status is asked.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pay.providers.base import REFUSES_WHO_ASKS, Action, Begun, GatewayUnavailable, Order, Outcome, Pages, Verdict, probe
from pay.providers.calling import GatewayRefused, Json, call
from pay.standards.mall_orders import child_order, read_child_order
from shared.http import Outbound

PATH = "/rswebpaytransaction/api/webpay/v1.2/transactions"
TOKEN_FIELD = "token_ws"  # noqa: S105 - the name of a form field
_TYPES = {"VD": "debit", "VP": "debit"}
_TAKEN = frozenset({"AUTHORIZED", "CAPTURED", "PARTIALLY_NULLIFIED", "NULLIFIED", "REVERSED"})
_GIVES_BACK = frozenset({Action.REFUND, Action.VOID})


class Return(StrEnum):
    """How a payer came back.  Spec: pay-design.md §7.1."""

    COMMIT = "commit"
    ABORTED = "aborted"
    TIMED_OUT = "timed out"
    BROKEN = "broken"


def read_return(given: Mapping[str, str]) -> tuple[Return, str]:
    """Return which of the four variants came back, and its token where there is one."""
    token, aborted = given.get("token_ws", ""), given.get("TBK_TOKEN", "")
    if token and aborted:
        return Return.BROKEN, token
    if aborted:
        return Return.ABORTED, aborted
    return (Return.COMMIT, token) if token else (Return.TIMED_OUT, "")


class WebpayGateway:
    """Webpay Plus by REST; credentials are `commerce_code`, `secret`, and in a mall `mall:<beneficiary>` for each child."""

    name = "webpay"
    label = "Webpay"
    credential_names = ("commerce_code", "secret")
    takes_card_numbers_here = False
    settles_refunds_at_once = True
    repeats_safely = False

    def __init__(self, http: Outbound, base_url: str) -> None:
        self._http = http
        self._base = base_url + PATH

    def knows(self, credentials: Mapping[str, str]) -> bool:
        """Ask for a payment that is none: who is known is told so.  Raises: GatewayUnavailable."""
        try:
            self._call("GET", "/" + "0" * 64, probe(credentials), None)
        except GatewayRefused as refusal:
            return refusal.status not in REFUSES_WHO_ASKS
        return True

    def begin(self, order: Order, pages: Pages) -> Begun:
        """Open a transaction; its token must be used within five minutes."""
        body: Json = {"buy_order": order.reference, "session_id": order.reference, "return_url": pages.return_url}
        if order.shares:
            body["details"] = [
                {"commerce_code": _child(order, beneficiary), "buy_order": child_order(order.reference, place), "amount": amount}
                for place, (beneficiary, amount) in enumerate(order.shares)
            ]
        else:
            body["amount"] = order.amount_minor
        try:
            answer = self._call("POST", "", order, body)
        except GatewayRefused as refusal:
            raise GatewayUnavailable(f"create was refused: {refusal.status}") from None
        token, url = _text(answer, "token"), _text(answer, "url")
        return Begun(token, url, "POST", {TOKEN_FIELD: token})

    def finish(self, order: Order) -> Outcome | None:
        """Commit: the one call that takes the money."""
        try:
            return self._outcome(order, self._call("PUT", f"/{order.token}", order, None))
        except GatewayRefused as refusal:
            found = self.find(order)  # a commit that was done before is refused: the status says what became of it
            return found or Outcome(Verdict.DECLINED, order.token, f"commit refused: {refusal.why}")

    def find(self, order: Order) -> Outcome | None:
        """Ask the status: of a refund by what is left, of anything else by what was authorised."""
        try:
            status = self._status(order)
        except GatewayRefused:
            return None
        if order.action in _GIVES_BACK:
            is_done = all(_is_given(part, status) for part in _parts(order))
            return Outcome(Verdict.APPROVED, order.provider_id) if is_done else None
        if not _is_final(status):
            return None
        return self._outcome(order, status)

    def capture(self, order: Order) -> Outcome:
        """Nothing is left to do: the commit has taken the money."""
        return Outcome(Verdict.APPROVED, order.provider_id)

    def void(self, order: Order) -> Outcome:
        """Give back all that was taken: on the same day Webpay reverses it."""
        return self._give_back(order)

    def refund(self, order: Order) -> Outcome:
        """Give back a part, or all."""
        return self._give_back(order)

    def _give_back(self, order: Order) -> Outcome:
        """Give back what is not given back yet: in a mall each child by itself, until one refuses."""
        parts, codes = _parts(order), []
        done = self._given(order, parts) if order.shares else []
        for part in (part for part in parts if part not in done):
            code, refusal = self._send_back(order, part.body)
            if refusal:
                given = self._given(order, parts) if order.shares else []  # an earlier call of ours may have come meanwhile
                if len(given) < len(parts):
                    shares = tuple((each.beneficiary, each.amount_minor) for each in given)
                    return Outcome(Verdict.DECLINED, order.provider_id, refusal, given=shares)
            codes.append(code)
        return Outcome(Verdict.APPROVED, "-".join(codes)[:100] or order.provider_id)

    def _given(self, order: Order, parts: list["_Part"]) -> list["_Part"]:
        try:
            status = self._status(order)
        except GatewayRefused as refusal:
            raise GatewayUnavailable(f"the status was refused: {refusal.status}") from None
        return [part for part in parts if _is_given(part, status)]

    def _send_back(self, order: Order, body: Json) -> tuple[str, str]:
        """Give back one amount; return Webpay's code for it, or why it does not."""
        try:
            answer = self._call("POST", f"/{order.token or order.provider_id}/refunds", order, body)
        except GatewayRefused as refusal:
            return "", refusal.why or f"answered {refusal.status}"
        kind = _text(answer, "type")
        if kind != "REVERSED" and answer.get("response_code") != 0:
            return "", f"response_code {answer.get('response_code')}"
        return str(answer.get("authorization_code") or kind), ""

    def _status(self, order: Order) -> Json:
        return self._call("GET", f"/{order.token or order.provider_id}", order, None)

    def _outcome(self, order: Order, answer: Json) -> Outcome:
        details = answer.get("details")
        parts: list[Json] = [part for part in details if isinstance(part, dict)] if isinstance(details, list) else [answer]
        approved = [part for part in parts if part.get("response_code") == 0 and part.get("status") in _TAKEN]
        facts = _facts(answer, parts)
        if answer.get("buy_order") != order.reference or sum(_amount(part, "amount", 0) for part in parts) != order.amount_minor:
            return Outcome(Verdict.ERROR, order.token, "the answer is about another order or amount", facts=facts)
        if len(approved) == len(parts):
            return Outcome(Verdict.APPROVED, order.token, facts=facts)
        kept = sum(self._undo(order, part) for part in approved)  # a mall authorises each child by itself: all or nothing is ours to keep
        if kept:
            return Outcome(Verdict.ERROR, order.token, "a child of the mall was not given back", facts=facts | {"paid_minor": str(kept)})
        return Outcome(Verdict.DECLINED, order.token, f"response_code {parts[0].get('response_code')}", facts=facts)

    def _undo(self, order: Order, part: Json) -> int:
        """Give back what a child has taken; return what it keeps all the same."""
        left = _left(part)
        if not left:
            return 0
        body = {"commerce_code": part.get("commerce_code"), "buy_order": part.get("buy_order"), "amount": left}
        _, refusal = self._send_back(order, body)
        if not refusal:
            return 0
        try:
            return _left(_child_part(self._status(order), body))  # an earlier call of ours may have come meanwhile
        except GatewayRefused:
            raise GatewayUnavailable("a child of a mall could not be given back") from None

    def _call(self, method: str, path: str, order: Order, body: Json | None) -> Json:
        headers = {"Tbk-Api-Key-Id": order.credentials.get("commerce_code", ""), "Tbk-Api-Key-Secret": order.credentials.get("secret", "")}
        return call(self._http, method, self._base + path, headers=headers, json=body)


@dataclass(frozen=True)
class _Part:
    """One call that gives money back: the whole, or a child's part; `before_minor` is what was there before."""

    beneficiary: str
    amount_minor: int
    before_minor: int
    body: Json


def _parts(order: Order) -> list[_Part]:
    if not order.shares:
        return [_Part("", order.amount_minor, order.taken_minor, {"amount": order.amount_minor})]
    children = {child.place: buy_order for buy_order in _children(order.facts) if (child := read_child_order(buy_order))}
    places = {beneficiary: (place, before) for place, (beneficiary, before) in enumerate(order.taken_shares)}
    made = []
    for beneficiary, amount in order.shares:
        place, before = places[beneficiary]
        body = {"commerce_code": _child(order, beneficiary), "buy_order": children.get(place, ""), "amount": amount}
        made.append(_Part(beneficiary, amount, before, body))
    return made


def _is_given(part: _Part, status: Json) -> bool:
    """Read from what is left whether a part was given back: Webpay has no name of ours for it.  Raises: GatewayUnavailable."""
    left = _left(_child_part(status, part.body))
    if left not in {part.before_minor, part.before_minor - part.amount_minor}:
        raise GatewayUnavailable("the balance at Webpay fits no answer of ours")
    return left < part.before_minor


def _child_part(status: Json, body: Json) -> Json:
    """Return what the status says of the child that a call is about, or of the one transaction."""
    details = status.get("details")
    if not isinstance(details, list):
        return status
    for part in details:
        if isinstance(part, dict) and part.get("buy_order") == body.get("buy_order"):
            return part
    raise GatewayUnavailable("the status does not name a child")


def _left(part: Json) -> int:
    return 0 if part.get("status") == "REVERSED" else _amount(part, "balance", _amount(part, "amount", 0))


def _is_final(status: Json) -> bool:
    """True when the transaction was committed, or failed for good; before that Webpay says INITIALIZED."""
    details = status.get("details")
    states = [part.get("status") for part in details] if isinstance(details, list) and details else [status.get("status")]
    return all(state in _TAKEN or state == "FAILED" for state in states)


def _facts(answer: Json, parts: list[Json]) -> dict[str, str]:
    """Keep codes and the last four digits; of a mall also what each child is called."""
    card = answer.get("card_detail")
    digits = str(card.get("card_number", "")) if isinstance(card, dict) else ""
    kind = str(parts[0].get("payment_type_code", "")) if parts else ""
    facts = {
        "authorization_code": str(parts[0].get("authorization_code", "")) if parts else "",
        "payment_type": kind,
        "card_type": _TYPES.get(kind, "credit"),
        "last_digits": digits[-4:] if re.fullmatch(r"[0-9]{4,}", digits[-4:], re.ASCII) else "",
        "instalments": str(parts[0].get("installments_number", 0)) if parts else "0",
    }
    if isinstance(answer.get("details"), list):
        facts["children"] = ",".join(f"{part.get('commerce_code')}={part.get('buy_order')}" for part in parts)
    return {name: value for name, value in facts.items() if value}


def _children(facts: Mapping[str, str]) -> list[str]:
    """Return the buy orders of the children, as the commit told them."""
    return [child.partition("=")[2] for child in facts.get("children", "").split(",") if child]


def _child(order: Order, beneficiary: str) -> str:
    """Return the commerce code of a beneficiary in the mall.  Raises: GatewayUnavailable where the account has none for it."""
    code = order.credentials.get(f"mall:{beneficiary}")
    if not code:
        raise GatewayUnavailable("a beneficiary has no commerce code in this mall")
    return code


def _text(answer: Json, name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise GatewayUnavailable(f"the answer has no {name}")
    return value


def _amount(answer: Json, name: str, default: int) -> int:
    """Return an amount as Webpay writes it: whole, or with a fraction of zero."""
    value = answer.get(name)
    return int(value) if isinstance(value, int | float) else default
