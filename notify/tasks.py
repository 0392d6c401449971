"""Jobs: each takes an id, calls one operation."""

import uuid
from datetime import datetime

from notify.context import Notify
from notify.operations import channels
from notify.operations.callbacks import ATTEMPTS_MAX as CALLBACKS_MAX
from notify.operations.callbacks import tell_service as tell
from notify.operations.delivery import ATTEMPTS_MAX, Work, deliver
from notify.operations.letters import get_letter_file
from notify.operations.letters import render_letter as render
from notify.operations.receipts import expire_unanswered
from notify.standards.statuses import Status
from shared.chores import with_chores
from shared.tasks import Job, Jobs

jobs: Jobs[Notify] = with_chores(Jobs())
# The operation itself gives up after ATTEMPTS_MAX tries at the provider; waiting for another's claim may take a few more.
_DELIVERIES_MAX = ATTEMPTS_MAX * 2


def _id(job: Job) -> uuid.UUID:
    return uuid.UUID(job.payload["notification_id"])


@jobs.job("deliver_email", max_attempts=_DELIVERIES_MAX)
def deliver_email(notify: Notify, job: Job) -> None:
    """Hand an email to the mail relay."""
    deliver(notify, _id(job), channels.send_email)


@jobs.job("deliver_sms", max_attempts=_DELIVERIES_MAX)
def deliver_sms(notify: Notify, job: Job) -> None:
    """Hand a text to the gateway."""
    deliver(notify, _id(job), channels.send_sms, billable_units=channels.sms_fragments)


@jobs.job("deliver_mailbox", max_attempts=_DELIVERIES_MAX)
def deliver_mailbox(notify: Notify, job: Job) -> None:
    """Put a message into a person's mailbox."""
    deliver(notify, _id(job), channels.send_mailbox)


@jobs.job("render_letter", max_attempts=5, lease_seconds=120)
def render_letter(notify: Notify, job: Job) -> None:
    """Make a letter's PDF."""
    render(notify, _id(job))


@jobs.job("deliver_letter", max_attempts=_DELIVERIES_MAX)
def deliver_letter(notify: Notify, job: Job) -> None:
    """Hand a letter to the printer."""
    notification_id = _id(job)

    def sheets(work: Work) -> int:
        with notify.reading() as tx:
            pages = get_letter_file(notify, tx.connection, work.message.service_id, notification_id).pages
        return -(-pages // 2)

    deliver(notify, notification_id, channels.send_letter, billable_units=sheets)


@jobs.job("tell_service", max_attempts=CALLBACKS_MAX)
def tell_service(notify: Notify, job: Job) -> None:
    """Tell a service what became of a message."""
    tell(notify, _id(job), Status(job.payload["status"]), datetime.fromisoformat(job.payload["at"]))


@jobs.every(3600, "expire_unanswered")
def expire(notify: Notify) -> None:
    """Give up on messages whose receipt never came."""
    expire_unanswered(notify)
