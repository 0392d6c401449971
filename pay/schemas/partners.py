"""The bodies that partners send.  Spec: pay-design.md §8."""

import re

from pay.errors import ApiProblem
from pay.operations.counters import Taken
from pay.operations.partners import AMOUNT_MAX, read_moment
from pay.operations.payout_counters import Handed
from pay.schemas.bodies import Body, read_body
from pay.schemas.rules import is_integer
from pay.standards.payout_code import read_code
from pay.standards.run_number import read_run
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


def read_code_and_person(body: Body) -> tuple[str, str]:
    """Return the code that a person shows and the number of the card the till saw.  Raises: InvalidRequest."""
    code = read_code(str(body["code"])) if isinstance(body.get("code"), str) else None
    if code is None:
        raise InvalidRequest("code is 12 digits, the last two of which tell mistyped ones.", errors=["code"])
    run = read_run(str(body["identifier"])) if isinstance(body.get("identifier"), str) else None
    if run is None:
        raise InvalidRequest("identifier is the RUN of the identity card.", errors=["identifier"])
    return code, run


def read_check(raw: bytes) -> tuple[str, str]:
    """Return what a till asks about.  Raises: InvalidRequest."""
    return read_code_and_person(_read(raw))


def read_handed(raw: bytes) -> Handed:
    """Return what a till is about to hand out.  Raises: InvalidRequest."""
    body = _read(raw)
    code, run = read_code_and_person(body)
    paid_at = body.get("paid_at")
    moment = read_moment(paid_at) if isinstance(paid_at, str) else None
    if moment is None:
        raise InvalidRequest("paid_at is a moment such as 2026-06-08T16:00:00-04:00.", errors=["paid_at"])
    return Handed(code, run, _id(body, "receipt_number"), moment)
