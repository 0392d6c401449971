"""Many debts at once: all are issued, or none; their slips come in one file."""

from collections.abc import Sequence
from dataclasses import dataclass

from pay.context import Merchant, Pay
from pay.errors import NoticeNotFound
from pay.operations.accounts import check_usable
from pay.operations.idempotency import IdempotencyKey, claim_key
from pay.operations.notices import NewDebt, Slip, list_slips, place_debt
from pay.standards.identifiers import ALPHABET, LENGTH


@dataclass(frozen=True)
class Batch:
    """The notices that were issued together."""

    id: str
    slips: list[Slip]


def issue_batch(pay: Pay, merchant: Merchant, debts: Sequence[NewDebt], key: IdempotencyKey | None = None) -> Batch:
    """Issue debts together; a repeat with the same key returns the first batch.

    Raises: AccountSuspended, AccountNotReady, IdempotencyKeyReused.
    """
    check_usable(pay, merchant.account)
    batch_id = pay.ids.pick(ALPHABET, LENGTH)
    with pay.transaction() as tx:
        scope = f"issue-batch:{merchant.account.id}"
        made = claim_key(tx, key, scope=scope, result_id=batch_id, now=pay.clock.now()) if key else None
        if made is None:
            for place, debt in enumerate(debts):
                place_debt(pay, tx, merchant, debt, pay.ids.pick(ALPHABET, LENGTH), batch_id=batch_id, batch_place=place)
    return get_batch(pay, merchant, made or batch_id)


def get_batch(pay: Pay, merchant: Merchant, batch_id: str) -> Batch:
    """Return a batch of the caller's account.  Raises: NoticeNotFound."""
    slips = list_slips(pay, merchant, batch_id=batch_id, limit=20_000)
    if not slips:
        raise NoticeNotFound("There is no batch with this id.")
    return Batch(batch_id, slips)
