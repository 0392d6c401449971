"""The bodies that partners send.  Spec: pay-design.md §8."""

import re

from pay.errors import ApiProblem
from pay.operations.counters import Taken
from pay.operations.partners import AMOUNT_MAX, read_moment
from pay.schemas.bodies import Body, read_body
from pay.schemas.rules import is_integer
from shared.problems import InvalidRequest

_ID = re.compile(r"[A-Za-z0-9._/-]{1,40}")


def _read(raw: bytes) -> Body:
    try:
        return read_body(raw, code="")
    except ApiProblem:
        raise InvalidRequest("The body is a JSON object.") from None


def _id(body: Body, field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidRequest(f"{field} is 1 to 40 letters, numbers, dots, slashes and hyphens.", errors=[field])
    return value


def read_activation(raw: bytes) -> str:
    """Return the till's own name for the transaction.  Raises: InvalidRequest."""
    return _id(_read(raw), "transaction_id")


def read_release(raw: bytes) -> str:
    """Return the token that `activate` gave.  Raises: InvalidRequest."""
    token = _read(raw).get("token")
    if not isinstance(token, str) or not 1 <= len(token) <= 100:
        raise InvalidRequest("token is what activate gave.", errors=["token"])
    return token


def read_confirmation(raw: bytes, number: str) -> Taken:
    """Return what was taken.  Raises: InvalidRequest."""
    body = _read(raw)
    receipt_number, amount, paid_at, branch = _id(body, "receipt_number"), body.get("amount"), body.get("paid_at"), body.get("branch", "")
    if not isinstance(amount, int) or not is_integer(amount) or not 1 <= amount <= AMOUNT_MAX:
        raise InvalidRequest("amount is a whole number of minor units.", errors=["amount"])
    moment = read_moment(paid_at) if isinstance(paid_at, str) else None
    if moment is None:
        raise InvalidRequest("paid_at is a moment such as 2026-06-08T16:00:00-04:00.", errors=["paid_at"])
    if not isinstance(branch, str) or len(branch) > 60:
        raise InvalidRequest("branch is a text of at most 60 characters.", errors=["branch"])
    return Taken(receipt_number, number, amount, moment, branch)
