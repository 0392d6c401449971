"""How a new payment may be paid, until when, and who owes it: `payment_methods`, `expires_at`, `payer`.  Spec: pay-api.md §25.

Without `payment_methods` the other two are unknown members, and unknown members are ignored.
"""

from datetime import datetime

from pay.models.notice import Debtor
from pay.operations.later_payments import LATER, Later
from pay.schemas.bodies import Body
from pay.schemas.rules import check_length, out_of_range, wrong_type
from pay.standards.run_number import read_run

FIELD = "payment_methods"
METHODS = ("card", *LATER)
NAME_MAX = 70


def read_methods(body: Body) -> tuple[str, ...]:
    """Return the ways that the service allows, none where it says nothing.  Raises: InvalidAttribute, AttributeOutOfRange."""
    given = body.get(FIELD)
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(method, str) for method in given):
        raise wrong_type(FIELD, "Must be a list of card, transfer, cash")
    if not given or not set(given) <= set(METHODS) or len(set(given)) < len(given):
        raise out_of_range(FIELD, "Must be some of card, transfer, cash, each once")
    return tuple(method for method in METHODS if method in given)


def read_later(body: Body, methods: tuple[str, ...]) -> Later | None:
    """Return what a payment that may be paid later asks for; None for one that may not.  Raises: InvalidAttribute, AttributeOutOfRange."""
    if not set(methods) & set(LATER):
        return None
    return Later(_expiry(body.get("expires_at")), read_debtor(body.get("payer")))


def _expiry(given: object) -> datetime | None:
    if given is None:
        return None
    try:
        read = datetime.fromisoformat(given) if isinstance(given, str) and len(given) <= 35 else None
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise wrong_type("expires_at", "Must be a moment such as 2026-11-30T23:59:59Z")
    return read


def read_debtor(value: object) -> Debtor:
    """Return who owes.  Raises: InvalidAttribute, AttributeOutOfRange."""
    if value is None:
        return Debtor()
    if not isinstance(value, dict):
        raise wrong_type("payer", "Must be an object")
    name, identifier = value.get("name", ""), value.get("identifier", "")
    if not isinstance(name, str) or not isinstance(identifier, str):
        raise wrong_type("payer", "Must hold texts")
    check_length("name", name, NAME_MAX)
    run = read_run(identifier) if identifier else ""
    if run is None:
        raise out_of_range("identifier", "Must be a RUN or RUT with its check digit")
    return Debtor(run, name.strip())
