"""What the wallet does outside a request: tidy up what the clock has ended, close what was interrupted."""

from shared.chores import with_chores
from shared.tasks import Jobs
from wallet.context import Wallet
from wallet.operations.consent_requests import lapse_requests
from wallet.operations.consents import expire_consents
from wallet.operations.exchange import close_interrupted
from wallet.operations.keys import USES, rotate_key

jobs: Jobs[Wallet] = with_chores(Jobs())


@jobs.every(60, "expire_consents")
def expire(wallet: Wallet) -> None:
    """Write `expired`; nothing depends on it (S1)."""
    expire_consents(wallet)
    lapse_requests(wallet)


@jobs.every(60, "close_interrupted_exchanges")
def close_exchanges(wallet: Wallet) -> None:
    """Give attempts whose process died their outcome in the log."""
    close_interrupted(wallet)


@jobs.every(600, "rotate_signing_keys")
def rotate(wallet: Wallet) -> None:
    """Let a pending key take over once it has been published long enough."""
    for use in USES:
        rotate_key(wallet, use, actor="system:clock")
