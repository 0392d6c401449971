"""Jobs: each takes an id, calls one operation."""

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime

from notify.context import Notify
from notify.operations import channels
from notify.operations.bulk_run import run_bulk as run_bulk_once
from notify.operations.callbacks import ATTEMPTS_MAX as CALLBACKS_MAX
from notify.operations.callbacks import tell_service as tell
from notify.operations.callbacks import tell_services
from notify.operations.contact_lists import forget_lists
from notify.operations.delivery import ATTEMPTS_MAX, Due, deliver_many
from notify.operations.intake import JOB_MESSAGES_MAX
from notify.operations.letters import render_letter as render
from notify.operations.mailbox_reminders import remind
from notify.operations.performance import COUNT
from notify.operations.person_sends import follow_person_sends
from notify.operations.precompiled import check_precompiled
from notify.operations.prices import note_prices
from notify.operations.print_batches import read_print_receipts, send_batches
from notify.operations.receipts import JOB as TAKE_RECEIPT
from notify.operations.receipts import apply_receipt, expire_unanswered
from notify.operations.reminders import send_due_reminders
from notify.operations.retention import keep_days
from notify.operations.shorter_retention import forget_for_shorter
from notify.operations.sms_parts import forget_parts, read_sms_receipts
from notify.operations.standing import watch_standings
from notify.operations.standing_notices import tell_of_standing
from notify.operations.uploads import forget_uploads
from notify.providers.base import ProviderUnavailable
from notify.standards.statuses import Channel
from shared.chores import with_chores
from shared.performance.counting import COUNT_SECONDS, count_days
from shared.tasks import Job, Jobs
from shared.virus_scan import ScannerAway

jobs: Jobs[Notify] = with_chores(Jobs())
# The operation itself gives up after ATTEMPTS_MAX tries at the provider; waiting for another's claim may take a few more.
_DELIVERIES_MAX = ATTEMPTS_MAX * 2
_DELIVERY_LEASE_SECONDS = 180


def _id(job: Job) -> uuid.UUID:
    return uuid.UUID(job.payload["notification_id"])


def _due(job: Job) -> list[Due]:
    """Read which messages a job is for; a row of an earlier release names one."""
    if "messages" not in job.payload:
        return [Due(_id(job), job.request_id, job.journey_id)]
    return [Due(uuid.UUID(key), request_id, journey_id) for key, request_id, journey_id in job.payload["messages"]]


def _batches(some: Sequence[Job]) -> Iterator[list[Due]]:
    """Give the messages of several jobs, no more at a time than one job would have."""
    due = [each for job in some for each in _due(job)]
    for begin in range(0, len(due), JOB_MESSAGES_MAX):
        yield due[begin : begin + JOB_MESSAGES_MAX]


def _deliver_emails(notify: Notify, some: Sequence[Job]) -> None:
    for due in _batches(some):
        deliver_many(notify, "deliver_email", due, channels.send_email)


@jobs.job("deliver_email", max_attempts=_DELIVERIES_MAX, lease_seconds=_DELIVERY_LEASE_SECONDS, together=_deliver_emails)
def deliver_email(notify: Notify, job: Job) -> None:
    """Hand emails to the mail relay."""
    _deliver_emails(notify, [job])


def _deliver_texts(notify: Notify, some: Sequence[Job]) -> None:
    for due in _batches(some):
        deliver_many(notify, "deliver_sms", due, channels.send_sms, billable_units=channels.sms_fragments)


@jobs.job("deliver_sms", max_attempts=_DELIVERIES_MAX, lease_seconds=_DELIVERY_LEASE_SECONDS, together=_deliver_texts)
def deliver_sms(notify: Notify, job: Job) -> None:
    """Hand texts to the gateway."""
    _deliver_texts(notify, [job])


def _deliver_to_mailboxes(notify: Notify, some: Sequence[Job]) -> None:
    for due in _batches(some):
        deliver_many(notify, "deliver_mailbox", due, channels.send_mailbox)


@jobs.job("deliver_mailbox", max_attempts=_DELIVERIES_MAX, lease_seconds=_DELIVERY_LEASE_SECONDS, together=_deliver_to_mailboxes)
def deliver_mailbox(notify: Notify, job: Job) -> None:
    """Put messages into people's mailboxes."""
    _deliver_to_mailboxes(notify, [job])


@jobs.job("render_letter", max_attempts=5, lease_seconds=120)
def render_letter(notify: Notify, job: Job) -> None:
    """Make a letter's PDF."""
    for due in _due(job):
        render(notify, due.id)


@jobs.job("deliver_letter", max_attempts=_DELIVERIES_MAX)
def deliver_letter(notify: Notify, job: Job) -> None:
    """Hand a letter to the printer."""
    deliver_many(notify, "deliver_letter", _due(job), channels.send_letter, billable_units=channels.letter_sheets(notify))


@jobs.job("check_letter", retry_on=(ScannerAway,), lease_seconds=120)
def check_letter(notify: Notify, job: Job) -> None:
    """Look into a letter that came as a file."""
    for due in _due(job):
        check_precompiled(notify, due.id)


@jobs.job("run_bulk", lease_seconds=300)
def run_bulk(notify: Notify, job: Job) -> None:
    """Hand on the next rows of a bulk job."""
    run_bulk_once(notify, uuid.UUID(job.payload["bulk_id"]), job.payload["run"])


def _tell_together(notify: Notify, some: Sequence[Job]) -> None:
    tell_services(notify, [{"request_id": job.request_id, "journey_id": job.journey_id, **job.payload} for job in some])


@jobs.job("tell_service", max_attempts=CALLBACKS_MAX, lease_seconds=120, together=_tell_together)
def tell_service(notify: Notify, job: Job) -> None:
    """Tell a service what became of a message."""
    tell(notify, job.payload)


def _tell_all_together(notify: Notify, some: Sequence[Job]) -> None:
    tell_services(notify, [call for job in some for call in job.payload["calls"]])


@jobs.job("tell_services", lease_seconds=600, together=_tell_all_together)
def tell_several(notify: Notify, job: Job) -> None:
    """Tell services what became of several messages."""
    _tell_all_together(notify, [job])


@jobs.job(TAKE_RECEIPT)
def take_receipt(notify: Notify, job: Job) -> None:
    """Look again at a receipt that came before it was known who took its message."""
    apply_receipt(notify, _id(job), job.payload["word"], provider=job.payload["provider"], channel=Channel(job.payload["channel"]))


@jobs.every(3600, "expire_unanswered")
def expire(notify: Notify) -> None:
    """Give up on messages whose receipt never came."""
    expire_unanswered(notify)


@jobs.every(900, "send_print_batches")
def send_print_batches(notify: Notify) -> None:
    """Hand the letters that wait to the print supplier."""
    with contextlib.suppress(ProviderUnavailable):  # tried again the next time
        send_batches(notify)


@jobs.every(900, "read_print_receipts")
def take_print_receipts(notify: Notify) -> None:
    """Read what the print supplier says became of letters."""
    with contextlib.suppress(ProviderUnavailable):  # tried again the next time
        read_print_receipts(notify)


@jobs.job("remind_mailbox", max_attempts=ATTEMPTS_MAX)
def remind_mailbox(notify: Notify, job: Job) -> None:
    """Remind a person of a message in the mailbox that is still unread."""
    remind(notify, _id(job))


@jobs.every(60, "send_due_reminders")
def send_reminders(notify: Notify) -> None:
    """Send the reminders that are due."""
    send_due_reminders(notify)


@jobs.every(60, "follow_person_sends")
def follow_people(notify: Notify) -> None:
    """Go on to another channel where a message to a person did not arrive."""
    follow_person_sends(notify)


@jobs.every(300, "watch_standings")
def watch(notify: Notify) -> None:
    """Warn or pause services whose e-mails bounce or are called unwanted too often."""
    watch_standings(notify)


@jobs.job("tell_of_standing", retry_on=(ProviderUnavailable,))
def tell_standing(notify: Notify, job: Job) -> None:
    """Tell a team and the operator that a service was warned or paused."""
    tell_of_standing(notify, uuid.UUID(job.payload["service_id"]), datetime.fromisoformat(job.payload["since"]))


@jobs.every(10, "read_sms_receipts")
def read_receipts(notify: Notify) -> None:
    """Read the receipts that wait at providers of texts that are asked for them."""
    with contextlib.suppress(ProviderUnavailable):  # asked again in a moment
        read_sms_receipts(notify)


@jobs.every(3600, "forget_uploads")
def forget_old_uploads(notify: Notify) -> None:
    """Delete files of recipients that nobody sent within a day."""
    forget_uploads(notify)


@jobs.every(3600, "forget_contact_lists")
def forget_contact_lists(notify: Notify) -> None:
    """Delete saved lists of recipients whose time is over."""
    forget_lists(notify)


@jobs.every(24 * 3600, "forget_sms_parts")
def forget_sms_parts(notify: Notify) -> None:
    """Forget which parts texts were sent in, once nobody waits for their receipts."""
    forget_parts(notify)


@jobs.every(3600, "keep_days")
def keep(notify: Notify) -> None:
    """Make the coming days' tables, and let go of what was kept long enough."""
    keep_days(notify)


@jobs.every(60, "forget_for_shorter")
def forget_shorter(notify: Notify) -> None:
    """Delete at night what services keep for less than the longest."""
    forget_for_shorter(notify)


@jobs.every(300, "note_prices")
def note(notify: Notify) -> None:
    """Note prices of the settings that changed, from today on."""
    note_prices(notify)


@jobs.every(COUNT_SECONDS, "count_performance")
def count_performance(notify: Notify) -> None:
    """Count today's and yesterday's interactions for open data."""
    count_days(notify, COUNT)
