"""Let go of what names people: messages to webhooks after days, evidence after months, payers after years; the books keep the rest.

Spec: pay-design.md, "Retain transaction facts 7 years; personal data of payers pseudonymised when no longer needed".
"""

from datetime import timedelta

from sqlalchemy import delete, select, update

from pay.context import Pay
from pay.models.account import gateway_accounts
from pay.models.dispute import disputes
from pay.models.dispute_answer import dispute_answers
from pay.models.dispute_file import dispute_files
from pay.models.payment import payments
from pay.models.webhook import MessageState, webhook_attempts, webhook_messages
from pay.standards.dispute_states import DisputeState

AT_ONCE = 2_000
LOOKED_BACK = timedelta(days=366)
"""How far behind the end of its years a payment is looked for: the job may have been off for so long."""


def forget_messages(pay: Pay) -> None:
    """Delete messages that are done with and older than the settings say, with their attempts, a few at a time."""
    m = webhook_messages.c
    is_old = m.created_at < pay.clock.now() - timedelta(days=pay.settings.webhook_message_days)
    some = select(m.id).where(is_old, m.state != MessageState.PENDING.value).order_by(m.id).limit(AT_ONCE)
    ids = [""] * AT_ONCE
    while len(ids) == AT_ONCE:
        with pay.transaction() as tx:
            ids = list(tx.connection.execute(some.with_for_update(skip_locked=True)).scalars())
            tx.forget(delete(webhook_attempts).where(webhook_attempts.c.message_id.in_(ids)))
            tx.forget(delete(webhook_messages).where(m.id.in_(ids)))


def forget_evidence(pay: Pay) -> None:
    """Delete the files of evidence of disputes that were decided long ago; that there were some stays in the audit log."""
    end = pay.clock.now() - timedelta(days=pay.settings.evidence_days)
    decided = disputes.c.state.in_([DisputeState.WON.value, DisputeState.LOST.value]) & (disputes.c.updated_at < end)
    old = select(dispute_answers.c.id).join(disputes, disputes.c.id == dispute_answers.c.dispute_id).where(decided)
    with pay.transaction() as tx:
        tx.forget(delete(dispute_files).where(dispute_files.c.answer_id.in_(old)))


def forget_payers(pay: Pay) -> None:
    """Take name, address and e-mail out of payments whose years are over, account by account, a few at a time."""
    p, end = payments.c, pay.clock.now() - timedelta(days=pay.settings.payer_days)
    with pay.reading() as tx:
        accounts = tx.connection.execute(select(gateway_accounts.c.id)).scalars().all()
    for account_id in accounts:
        is_due = (p.account_id == account_id) & (p.created_at < end) & (p.created_at >= end - LOOKED_BACK)
        some = select(p.id).where(is_due, p.payer_sealed.is_not(None)).limit(AT_ONCE)
        done = AT_ONCE
        while done == AT_ONCE:
            with pay.transaction() as tx:
                done = tx.forget(update(payments).where(p.id.in_(some)).values(payer_sealed=None, payer_grams=None))
