"""Exchanges that nobody finished: each gets its outcome in the log.  Spec: wallet contract §8.1."""

import json
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, select

from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.events import Outcome
from wallet.models.exchange import EXCHANGE_STATES, Exchange, ExchangeState
from wallet.operations.exchange import SEALED_SCOPE
from wallet.operations.gate import ATTEMPT_SECONDS, REPEAT_SECONDS
from wallet.operations.log_entries import Access, write_entry
from wallet.operations.moves import legal

CLOSE_BATCH = 200


def close_interrupted(wallet: Wallet) -> int:
    """Write the outcome of attempts whose process died, and of slow ones that nobody came back for: failed, nothing was released.

    Return how many.
    """
    now = wallet.clock.now()
    died = and_(Exchange.state == ExchangeState.ATTEMPT, Exchange.attempted_at < now - timedelta(seconds=2 * ATTEMPT_SECONDS))
    left = and_(Exchange.state == ExchangeState.WAITING, Exchange.created_at < now - timedelta(seconds=REPEAT_SECONDS))
    with wallet.transaction() as tx:
        return _close(wallet, tx, died, reason="interrupted") + _close(wallet, tx, left, reason="not_fetched")


def _close(wallet: Wallet, tx: Transaction, condition: ColumnElement[bool], *, reason: str) -> int:
    found = tx.session.scalars(select(Exchange).where(condition).limit(CLOSE_BATCH).with_for_update(skip_locked=True)).all()
    for row in found:
        legal(EXCHANGE_STATES, ExchangeState(row.state), ExchangeState.FAILED)
        if row.sealed is not None:
            stored = json.loads(wallet.cipher.decrypt(row.sealed, scope=SEALED_SCOPE))
            write_entry(tx, Access(**{**stored, "fields": tuple(stored["fields"])}), Outcome.FAILED, reason=reason)
        row.state, row.sealed = ExchangeState.FAILED, None
    return len(found)
