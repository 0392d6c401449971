"""Powers looked up again in the register they stand in, by the clock.  Spec: wallet contract §6 D1, D9."""

from datetime import timedelta

from sqlalchemy import select

from wallet.context import Wallet
from wallet.models.delegation import Delegation, DelegationState
from wallet.operations.delegations import look_up_delegate
from wallet.providers.mandates import MandatesUnavailable

DELEGATES_BATCH = 100


def recheck(wallet: Wallet) -> int:
    """Ask about the delegates whose powers were confirmed longest ago; return about how many.  A register that is away is asked later."""
    register, before = wallet.mandates.name, wallet.clock.now() - timedelta(hours=wallet.settings.mandate_hours)
    with wallet.reading() as tx:
        statement = select(Delegation.delegate, Delegation.delegate_index).where(
            Delegation.state == DelegationState.ACTIVE, Delegation.register == register, Delegation.checked_at <= before
        )
        rows = tx.session.execute(statement.order_by(Delegation.checked_at).limit(DELEGATES_BATCH)).all()
    delegates = {wallet.cipher.decrypt(sealed, scope=wallet.subject_scope(index)) for sealed, index in rows}
    for count, delegate in enumerate(sorted(delegates)):
        try:
            look_up_delegate(wallet, delegate)
        except MandatesUnavailable:
            return count
    return len(delegates)
