"""The jobs of pay: each re-reads its row, and leaves quietly where the state moved on."""

from collections.abc import Sequence
from datetime import date

import structlog

from pay.context import Pay
from pay.models.payment import find_left_locked
from pay.operations import (
    announcements,
    authorisations,
    captures,
    closings,
    dispute_desk,
    endings,
    notice_moves,
    notices,
    payer_messages,
    payer_queue,
    payout_files,
    payouts,
    proofs,
    recurring,
    refund_desk,
    refund_moves,
    refunds,
    retention,
)
from pay.operations.performance import COUNT
from pay.operations.webhook_delivery import Attempt, deliver
from pay.providers.base import GatewayUnavailable, StillWaiting
from pay.providers.messages import MessageAway
from pay.providers.payout_bank import BankUnavailable
from pay.standards.identifiers import AccountId, PaymentId, RefundId
from shared.chores import with_chores
from shared.performance.counting import COUNT_SECONDS, count_days
from shared.tasks import Job, Jobs, RetryLater

RESOLVE_BATCH = 100
log = structlog.get_logger("andamio.pay.jobs")

jobs: Jobs[Pay] = with_chores(Jobs())


@jobs.job(captures.JOB)
def capture_payment(pay: Pay, job: Job) -> None:
    """Take the money of an approved payment."""
    captures.capture(pay, PaymentId(job.payload["payment_id"]))


@jobs.job(refund_moves.JOB, retry_on=(GatewayUnavailable,), max_attempts=40)
def refund_payment(pay: Pay, job: Job) -> None:
    """Have a refund paid."""
    try:
        refunds.pay_refund(pay, RefundId(job.payload["refund_id"]))
    except StillWaiting:
        return  # `ask_unfinished_refunds` asks again


@jobs.job(authorisations.RESUME_JOB, retry_on=(GatewayUnavailable,), max_attempts=40)
def resume_payment(pay: Pay, job: Job) -> None:
    """Ask a gateway that gave no answer what became of our call."""
    if not endings.resume(pay, PaymentId(job.payload["payment_id"])):
        raise RetryLater(10, "the gateway does not know of it yet")


@jobs.job(authorisations.CLEAN_UP_JOB, retry_on=(GatewayUnavailable,), max_attempts=40)
def clean_up_authorisation(pay: Pay, job: Job) -> None:
    """Free what a gateway may have reserved after we gave up."""
    authorisations.clean_up_authorisation(pay, PaymentId(job.payload["payment_id"]))


@jobs.job(recurring.JOB)
def charge_agreement(pay: Pay, job: Job) -> None:
    """Charge an agreement without its payer."""
    recurring.charge(pay, PaymentId(job.payload["payment_id"]))


def _deliver_together(pay: Pay, some: Sequence[Job]) -> None:
    deliver(pay, [Attempt(job.payload["message_id"], job.payload["number"], job.request_id, job.journey_id) for job in some])


@jobs.job(announcements.JOB, together=_deliver_together)
def deliver_webhook(pay: Pay, job: Job) -> None:
    """Make one attempt at a webhook message; a failed one sets the time of the next."""
    _deliver_together(pay, [job])


@jobs.job(refund_desk.JOB)
def carry_out_refund_request(pay: Pay, job: Job) -> None:
    """Make the refund of a request that was approved."""
    refund_desk.carry_out(pay, job.payload["request_id"])


@jobs.job(dispute_desk.JOB, retry_on=(GatewayUnavailable,), max_attempts=200)
def send_dispute_answer(pay: Pay, job: Job) -> None:
    """Tell the provider what an office answers to a dispute."""
    dispute_desk.send_answer(pay, job.payload["answer_id"])


@jobs.job(closings.JOB)
def keep_month_files(pay: Pay, job: Job) -> None:
    """Keep the reports of a month that was closed, as they are now."""
    closings.keep_files(pay, AccountId(job.payload["account_id"]), date.fromisoformat(job.payload["month"]))


@jobs.job(notice_moves.RENEW_JOB)
def renew_notice(pay: Pay, job: Job) -> None:
    """Give a notice whose payment failed another payment."""
    notices.renew_payment(pay, job.payload["number"], PaymentId(job.payload["payment_id"]))


@jobs.job(payer_queue.JOB, retry_on=(MessageAway,), max_attempts=60)
def tell_payer(pay: Pay, job: Job) -> None:
    """Tell a payer by e-mail."""
    payer_messages.tell(pay, payer_queue.Matter(job.payload["matter"]), job.payload["id"])


@jobs.every(3600, "remind_debtors")
def remind_debtors(pay: Pay) -> None:
    """Have payers reminded of notices that are due in three days."""
    while payer_messages.remind_due(pay) == payer_messages.REMINDERS_BATCH:
        pass


@jobs.job(payout_files.HAND_OVER_JOB, retry_on=(BankUnavailable,), max_attempts=200)
def hand_over_payouts(pay: Pay, job: Job) -> None:
    """Give the bank a file of pay-outs."""
    payout_files.hand_over(pay, job.payload["batch_id"])


@jobs.every(60, "send_payouts")
def send_payouts(pay: Pay) -> None:
    """Put approved pay-outs into files for their banks, and end cash that nobody fetched in time.  Spec: requirements PA-8, PA-9."""
    for bank in pay.payout_banks.values():
        while payout_files.make_batch(pay, bank) == payout_files.BATCH_MAX:
            pass
    while payouts.expire_collectable(pay) == payouts.EXPIRY_BATCH:
        pass


@jobs.every(60, "read_payout_reports")
def read_payout_reports(pay: Pay) -> None:
    """Read what the banks say became of pay-outs."""
    for bank in pay.payout_banks.values():
        try:
            payout_files.read_reports(pay, bank)
        except BankUnavailable as fault:
            log.warning("the bank's reports cannot be fetched", bank=bank.name, fault=str(fault))


@jobs.every(60, "expire_payments")
def expire_payments(pay: Pay) -> None:
    """End payments whose time is over.  Spec: pay-api.md §20."""
    while endings.expire_due(pay) == endings.EXPIRY_BATCH:
        pass


@jobs.every(86_400, "prove_books")
def prove_books(pay: Pay) -> None:
    """Prove the books each night; the result stands in the audit log, and a fault is an alarm.  Spec: pay-design.md §3."""
    proof = proofs.prove_and_log(pay)
    if not proof.holds:
        log.critical("the books do not agree", faults=len(proof.faults), first=proof.faults[0])


@jobs.every(30, "resolve_payments")
def resolve_payments(pay: Pay) -> None:
    """Continue payments that stand in a lock because a process died.  Spec: pay-design.md §13.7."""
    with pay.reading() as tx:
        left = find_left_locked(tx.connection, pay.clock.now() - authorisations.LOCK_PATIENCE, limit=RESOLVE_BATCH)
    for payment_id in left:
        try:
            endings.resume(pay, payment_id)
        except GatewayUnavailable:
            continue  # the next sweep asks again


@jobs.every(900, "ask_unfinished_refunds")
def ask_unfinished_refunds(pay: Pay) -> None:
    """Ask for refunds that wait at a bank, or whose gateway was away longer than their job had patience."""
    refunds.ask_unfinished(pay)


@jobs.every(86_400, "forget_payers")
def forget_payers(pay: Pay) -> None:
    """Let go of what names people and was kept long enough: messages to webhooks, evidence, and the payers of old payments."""
    retention.forget_messages(pay)
    retention.forget_evidence(pay)
    retention.forget_payers(pay)


@jobs.every(COUNT_SECONDS, "count_performance")
def count_performance(pay: Pay) -> None:
    """Count today's and yesterday's interactions for open data."""
    count_days(pay, COUNT)
