"""What the wallet does outside a request: tidy up what the clock has ended, close what was interrupted."""

from datetime import timedelta
from uuid import UUID

from shared.chores import with_chores
from shared.performance.counting import COUNT_SECONDS, count_days
from shared.tasks import Job, Jobs
from wallet.context import Wallet
from wallet.models.person_notice import NoticeKind
from wallet.operations import delegation_checks, delegation_ends
from wallet.operations.access_notices import tell_accesses
from wallet.operations.agreement_requests import run_clock
from wallet.operations.bulk_outcomes import close_interrupted_bulks
from wallet.operations.bulk_people import erase_old, verify_people
from wallet.operations.checkpoint_mail import JOB, begin_mail, mail_checkpoint
from wallet.operations.consent_flows import GRANT_ENDED, IssuerAway, tell_issuer
from wallet.operations.consent_moves import expire_consents
from wallet.operations.consent_requests import lapse_requests
from wallet.operations.exchange_ends import close_interrupted
from wallet.operations.keys import USES, rotate_key
from wallet.operations.performance import COUNT
from wallet.operations.person_notices import forget_told, tell, tell_expiring, tell_summaries
from wallet.operations.previews import forget_previews
from wallet.operations.signals import announce_agreement, announce_consent, announce_delegation, forget_events, push_event
from wallet.operations.visibility import release_due
from wallet.providers.notices import NoticeAway

jobs: Jobs[Wallet] = with_chores(Jobs(), beside_log=verify_people)


@jobs.job("announce_consent")
def announce(wallet: Wallet, job: Job) -> None:
    """Put a change of a consent on the streams of the bodies it concerns."""
    payload = job.payload
    announce_consent(wallet, UUID(payload["consent_id"]), payload["verb"], payload["previous"], payload["current"])


@jobs.job("announce_agreement")
def announce_terms(wallet: Wallet, job: Job) -> None:
    """Put a change of an agreement on the streams of both bodies."""
    announce_agreement(wallet, job.payload["agreement_id"], job.payload["version"])


@jobs.job("notify_person", retry_on=(NoticeAway,), abreast=8)
def notify_person(wallet: Wallet, job: Job) -> None:
    """Send one message to the people whom it concerns."""
    tell(wallet, NoticeKind(job.payload["kind"]), job.payload["id"])


@jobs.every(60, "tell_accesses")
def read_accesses(wallet: Wallet) -> None:
    """Read on in the access log and leave messages about what people want to hear of."""
    while tell_accesses(wallet):
        pass


@jobs.nightly("mail_checkpoints")
def mail_checkpoints(wallet: Wallet) -> None:
    """Have the newest checkpoint of the log mailed to the addresses that are to keep it."""
    begin_mail(wallet)


@jobs.job(JOB, retry_on=(NoticeAway,), max_attempts=200)
def mail_one(wallet: Wallet, job: Job) -> None:
    """Mail a checkpoint to one address; what is refused for good is a dead job, which the operator is told of."""
    mail_checkpoint(wallet, job.payload["size"], job.payload["place"])


@jobs.every(3600, "tell_expiring")
def warn(wallet: Wallet) -> None:
    """Leave messages about permissions that end soon, and once a year about all that are in force."""
    tell_expiring(wallet)
    tell_summaries(wallet)
    forget_told(wallet)


@jobs.job(GRANT_ENDED, retry_on=(IssuerAway,), max_attempts=200)
def tell_grant_ended(wallet: Wallet, job: Job) -> None:
    """Tell identity that a grant is over, so that the tokens which carry it end."""
    tell_issuer(wallet, job.payload["client_id"], UUID(job.payload["grant_id"]))


@jobs.job("push_event")
def push(wallet: Wallet, job: Job) -> None:
    """Push one event to its receiver."""
    push_event(wallet, UUID(job.payload["jti"]), job.attempt)


@jobs.every(60, "expire_consents")
def expire(wallet: Wallet) -> None:
    """Write `expired`; nothing depends on it (S1)."""
    expire_consents(wallet)
    lapse_requests(wallet)


@jobs.job("announce_delegation")
def announce_end(wallet: Wallet, job: Job) -> None:
    """Tell the bodies that hold consents given by a delegation that it ended."""
    announce_delegation(wallet, UUID(job.payload["delegation_id"]))


@jobs.every(600, "delegation_clock")
def delegation_clock(wallet: Wallet) -> None:
    """End delegations whose time is over, and consents that nobody confirmed; the clock alone refuses."""
    delegation_ends.run_clock(wallet)


@jobs.every(3600, "look_up_mandates")
def look_up_mandates(wallet: Wallet) -> None:
    """Ask the register again about powers that it confirmed long ago: what it no longer shows ends (D1, D7, D9)."""
    delegation_checks.recheck(wallet)


@jobs.every(60, "close_interrupted_exchanges")
def close_exchanges(wallet: Wallet) -> None:
    """Give attempts whose process died their outcome in the log."""
    close_interrupted(wallet)
    close_interrupted_bulks(wallet)


@jobs.every(3600, "erase_old_links")
def erase(wallet: Wallet) -> None:
    """Erase what links entries of the log to people once its time is over; every proof stays valid."""
    before = wallet.clock.now() - timedelta(days=wallet.settings.log_side_days)
    while erase_old(wallet, received_before=before):
        pass


@jobs.every(600, "rotate_signing_keys")
def rotate(wallet: Wallet) -> None:
    """Let a pending key take over once it has been published long enough."""
    for use in USES:
        rotate_key(wallet, use, actor="system:clock")


@jobs.every(3600, "forget_security_events")
def forget(wallet: Wallet) -> None:
    """Delete events that were delivered or given up a month ago."""
    forget_events(wallet)


@jobs.every(300, "release_hidden_entries")
def release(wallet: Wallet) -> None:
    """Mark the accesses that their person may see from now on; the clock alone shows them."""
    release_due(wallet)


@jobs.every(3600, "agreement_clock")
def agreement_clock(wallet: Wallet) -> None:
    """Send to mediation what a provider did not answer in its working days."""
    run_clock(wallet)


@jobs.every(60, "forget_previews")
def forget_held(wallet: Wallet) -> None:
    """Destroy what was held for a preview and not taken in time."""
    forget_previews(wallet)


@jobs.every(COUNT_SECONDS, "count_performance")
def count_performance(wallet: Wallet) -> None:
    """Count today's and yesterday's interactions for open data."""
    count_days(wallet, COUNT)
