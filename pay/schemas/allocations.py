"""`allocations` of a new payment: who is owed which part of it.  Spec: pay-api.md §25, pay-design.md §3, §6 (at most five)."""

from pay.schemas.bodies import Body
from pay.schemas.rules import FORBIDDEN, is_integer, missing, out_of_range, wrong_type
from pay.standards.ledger import SURCHARGE, Share

FIELD = "allocations"
SHARES_MAX, BENEFICIARY_MAX, PURPOSE_MAX = 5, 100, 140


def read_allocations(body: Body) -> tuple[Share, ...]:
    """Return the shares, none where the member is absent.  Raises: MissingAttribute, InvalidAttribute, AttributeOutOfRange."""
    given = body.get(FIELD)
    if given is None:
        return ()
    if not isinstance(given, list) or not given or not all(isinstance(item, dict) for item in given):
        raise wrong_type(FIELD, "Must be a list of objects with beneficiary and amount")
    if len(given) > SHARES_MAX:
        raise out_of_range(FIELD, f"Cannot have more than {SHARES_MAX} beneficiaries")
    shares = tuple(_share(item) for item in given)
    if len({share.beneficiary for share in shares}) < len(shares):
        raise out_of_range(FIELD, "Must name each beneficiary once")
    return shares


def _share(item: Body) -> Share:
    beneficiary, amount, purpose = item.get("beneficiary"), item.get("amount"), item.get("purpose", "")
    if not beneficiary:
        raise missing("beneficiary")
    if not isinstance(beneficiary, str) or FORBIDDEN.search(beneficiary) or beneficiary == SURCHARGE or ":" in beneficiary:
        raise wrong_type("beneficiary", "Must be a valid string format")
    if len(beneficiary) > BENEFICIARY_MAX:
        raise out_of_range("beneficiary", f"Must be less than or equal to {BENEFICIARY_MAX} characters length")
    if not isinstance(purpose, str) or FORBIDDEN.search(purpose):
        raise wrong_type("purpose", "Must be a valid string format")
    if len(purpose) > PURPOSE_MAX:
        raise out_of_range("purpose", f"Must be less than or equal to {PURPOSE_MAX} characters length")
    if not isinstance(amount, int) or not is_integer(amount):
        raise wrong_type(FIELD, "Must have whole numbers as amounts")
    if amount < 1:
        raise out_of_range(FIELD, "Must have amounts greater than or equal to 1")
    return Share(beneficiary, amount, purpose)


def check_sum(shares: tuple[Share, ...], amount: object) -> None:
    """Raises: AttributeOutOfRange where the shares do not make up the amount."""
    if shares and sum(share.amount_minor for share in shares) != amount:
        raise out_of_range(FIELD, "Must add up to amount")
