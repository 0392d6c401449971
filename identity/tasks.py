"""Periodic work: keys, and rows whose time is over."""

from datetime import timedelta
from uuid import UUID

from identity.context import Identity
from identity.models.approval import Approval
from identity.models.authenticator import MessageCode
from identity.models.base import Base, table_of
from identity.models.grant import AccessToken, AuthorizationCode, PushedRequest, RefreshToken, RevokedToken, UsedAssertion, UsedProof
from identity.models.guard import Count, Spent
from identity.models.inspected_refusal import InspectedRefusal
from identity.models.interaction import OPEN, Interaction, InteractionState, LogoutRequest
from identity.models.logout_notice import LogoutNotice
from identity.models.person import Throttle
from identity.models.remote_request import RemoteRequest
from identity.models.site_check import SiteCheck
from identity.operations import (
    account_events,
    assisted_sessions,
    erasing,
    history,
    keys,
    logos,
    logout_notices,
    mandates,
    notices,
    offline_use,
    pings,
    register_entries,
    registration,
    retention,
    site_checks,
)
from identity.operations.performance import COUNT
from identity.providers.base import SenderAway
from shared.chores import with_chores
from shared.performance.counting import COUNT_SECONDS, count_days
from shared.tasks import Job, Jobs

jobs: Jobs[Identity] = with_chores(Jobs())
INTERACTIONS = table_of(Interaction)
KEPT_AFTERWARDS = timedelta(days=1)
COUNTED_FOR = timedelta(days=2)
"""Interactions of yesterday are still counted today, for open data."""
EXPIRING: tuple[tuple[type[Base], str, timedelta], ...] = (
    *((model, "expires_at", KEPT_AFTERWARDS) for model in (AuthorizationCode, AccessToken, RefreshToken, PushedRequest, LogoutRequest)),
    *((model, "expires_at", KEPT_AFTERWARDS) for model in (MessageCode, Count, Spent, Approval)),
    *((model, "expires_at", timedelta(0)) for model in (RevokedToken, UsedAssertion, UsedProof)),
    *((model, "expires_at", COUNTED_FOR) for model in (Interaction, RemoteRequest)),
    (InspectedRefusal, "refused_at", timedelta(days=7)),
    (LogoutNotice, "created_at", timedelta(days=90)),
    (SiteCheck, "asked_at", timedelta(days=365)),
    (Throttle, "updated_at", timedelta(days=365)),
)
"""Rows with an end: from which moment, and how long after it, they are kept."""


@jobs.job(account_events.JOB, max_attempts=len(account_events.RETRY_SECONDS) + 1)
def push_account_event(identity: Identity, job: Job) -> None:
    """Tell one receiver what happened to an account."""
    account_events.push(identity, job.payload, job.attempt)


@jobs.job(erasing.JOB)
def destroy_person_key(identity: Identity, job: Job) -> None:
    """Destroy the data key of a person who was erased: what is sealed under it is gone for good."""
    erasing.destroy_key(identity, UUID(job.payload["person_id"]))


@jobs.job(logout_notices.JOB, max_attempts=logout_notices.ATTEMPTS_MAX + 1)
def send_logout_token(identity: Identity, job: Job) -> None:
    """Tell one client that a session is over (LO-8)."""
    logout_notices.send_logout_token(identity, UUID(job.payload["notice_id"]), job.attempt)


@jobs.job(pings.JOB, max_attempts=pings.ATTEMPTS_MAX + 1)
def ping_client(identity: Identity, job: Job) -> None:
    """Tell a channel that its person has answered (CB-5)."""
    pings.ping(identity, UUID(job.payload["request_id"]), job.attempt)


@jobs.job(logos.JOB, max_attempts=logos.ATTEMPTS_MAX + 1)
def fetch_logo(identity: Identity, job: Job) -> None:
    """Fetch the picture that a client names (RG-6)."""
    logos.fetch(identity, UUID(job.payload["client_id"]), job.attempt)


@jobs.job(site_checks.JOB, max_attempts=2, lease_seconds=600)
def check_site(identity: Identity, job: Job) -> None:
    """Look at a team's test site (§3.11)."""
    site_checks.run(identity, UUID(job.payload["check_id"]))


@jobs.every(3_600, "end_expired_clients")
def end_expired_clients(identity: Identity) -> None:
    """End the clients of the sandbox that nobody claimed (RG-1)."""
    registration.end_expired(identity)


@jobs.every(300, "tend_keys")
def tend_keys(identity: Identity) -> None:
    """Publish, activate, retire and remove signing keys as their time comes."""
    keys.tend_keys(identity)


@jobs.every(300, "clear_expired")
def clear_expired(identity: Identity) -> None:
    """Mark interactions that ran out, and remove rows that nothing asks for any more, a few at a time.

    Codes stay a day beyond their life, so that reuse is still found; failed sign-ins a year, since they count in a row.
    """
    now = identity.clock.now()
    over = INTERACTIONS.c.state.in_(OPEN) & (INTERACTIONS.c.expires_at <= now)
    retention.change(identity, INTERACTIONS, over, {"state": InteractionState.EXPIRED})
    for model, moment, kept in EXPIRING:
        table = table_of(model)
        retention.forget(identity, table, table.c[moment] <= now - kept)


@jobs.job("send_notice", retry_on=(SenderAway,), max_attempts=200, abreast=8)
def send_notice(identity: Identity, job: Job) -> None:
    """Tell a person about their account through notify; while notify is away the notice waits."""
    notices.send(identity, job.payload)


@jobs.every(3_600, "seal_history")
def seal_history(identity: Identity) -> None:
    """Seal the history of each whole day over the day before."""
    history.seal_days(identity)


@jobs.every(300, "summarise_offline_use")
def summarise_offline_use(identity: Identity) -> None:
    """Tell each person once a day which services renewed their access while they were away (§3.10)."""
    offline_use.summarise(identity)


@jobs.every(86_400, "forget_history")
def forget_history(identity: Identity) -> None:
    """Let go of history, and of the records behind it, that were kept long enough."""
    retention.forget_history(identity)


@jobs.every(300, "follow_registry")
def follow_registry(identity: Identity) -> None:
    """Take over new names and deaths from the civil registry."""
    from identity.operations import registry_events

    registry_events.follow(identity)


@jobs.every(COUNT_SECONDS, "count_performance")
def count_performance(identity: Identity) -> None:
    """Count today's and yesterday's interactions for open data."""
    count_days(identity, COUNT)


@jobs.every(30, "tend_mandates")
def tend_mandates(identity: Identity) -> None:
    """Take over the events of the registers of who acts for whom, and end the mandates whose time is over: within a minute (RP-5)."""
    register_entries.follow(identity)
    mandates.expire_due(identity)


@jobs.every(30, "end_assistance")
def end_assistance(identity: Identity) -> None:
    """End the assisted sessions whose half hour is over (AS-4)."""
    assisted_sessions.expire_due(identity)
