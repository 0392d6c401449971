"""The log's newest checkpoint by mail to the supervisory authority: what it keeps, nobody here can take back.

Spec: wallet contract §10.2.
"""

from sqlalchemy import func, select

from shared.audit.store import find_checkpoint
from shared.audit.tables import audit_checkpoints
from shared.web.words import DEFAULT_LANGUAGE, speaking
from wallet.context import Wallet
from wallet.operations import notice_words
from wallet.providers.notices import Letter

JOB = "mail_checkpoint"


def begin_mail(wallet: Wallet) -> None:
    """Leave a job for each address that the settings name, where anything was signed."""
    with wallet.transaction() as tx:
        size = tx.connection.execute(select(func.max(audit_checkpoints.c.size))).scalar()
        for place in range(len(wallet.settings.checkpoint_mail_to)) if size is not None else ():
            tx.enqueue(JOB, {"size": size, "place": place})


def mail_checkpoint(wallet: Wallet, size: int, place: int) -> None:
    """Send the checkpoint of a size to one of the addresses; once, however often this runs.  Raises: NoticeAway, NoticeRefused."""
    addresses = wallet.settings.checkpoint_mail_to[place : place + 1]  # none, where fewer are set by now
    with wallet.reading() as tx:
        note = find_checkpoint(tx.connection, size) or ""
    link = f"{wallet.settings.public_url}/log/v1/checkpoints/{size}"
    with speaking(DEFAULT_LANGUAGE):
        subject, body = notice_words.checkpoint(wallet.audit_signer.origin, str(size), note, link)
    for address in addresses:
        wallet.notices.mail(address, Letter(subject, body, f"checkpoint-{size}"))
