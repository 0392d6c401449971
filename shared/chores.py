"""What every service does from time to time besides its own: forget old keys and sessions, look at the logs, its own and others'."""

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar

import structlog

from shared.audit.checkpoint import BadCheckpoint, Verifier
from shared.audit.witness import NotConsistent, find_witnessed, witness
from shared.context import Context
from shared.http import OutboundError, OutboundFailed
from shared.idempotency import forget_before
from shared.log_check import PART_JOB, Beside, begin_check, check_part
from shared.tasks import Job, Jobs
from shared.web.sessions import delete_expired_sessions

IDEMPOTENCY_KEPT = timedelta(hours=24)
FORGET_SECONDS = 600
WITNESS_SECONDS = 60
PART_LEASE_SECONDS = 600

log = structlog.get_logger("andamio.chores")
C = TypeVar("C", bound=Context)


def with_chores(jobs: Jobs[C], *, beside_log: Beside | None = None) -> Jobs[C]:
    """Return the jobs of a service with those that every service has; `beside_log` looks at more when the log is looked through."""
    jobs.every(FORGET_SECONDS, "forget_old")(forget_old)
    jobs.every(WITNESS_SECONDS, "witness_logs")(witness_logs)
    jobs.nightly("verify_log")(begin_check)

    @jobs.job(PART_JOB, lease_seconds=PART_LEASE_SECONDS)
    def verify_log_part(context: C, job: Job) -> None:
        check_part(context, job.payload, beside_log)

    return jobs


def forget_old(context: Context) -> None:
    """Delete idempotency keys that nobody may repeat any more, and web sessions that are over."""
    with context.transaction() as tx:
        forget_before(tx, context.clock.now() - IDEMPOTENCY_KEPT)
    delete_expired_sessions(context)


def witness_logs(context: Context) -> None:
    """Look at the newest checkpoint of each log that the settings name, and keep it if it continues the last one seen."""
    for named in context.settings.witnessed_logs:
        url, _, verifier_key = named.partition("=")
        try:
            witness_one(context, url, verifier_key)
        except (OutboundError, BadCheckpoint) as error:
            log.warning("log not witnessed", log=url, error=type(error).__name__)
        except NotConsistent as alarm:
            # The two notes are the evidence, and public: whoever reads this can check them.
            log.critical("a log was begun anew", log=url, seen=alarm.seen, shown=alarm.shown)


def witness_one(context: Context, url: str, verifier_key: str) -> None:
    """Witness one log.  Raises: OutboundError, BadCheckpoint, NotConsistent."""
    reply = context.http.request("GET", f"{url}/log/v1/checkpoint", timeout_seconds=5)
    if reply.status != HTTPStatus.OK:
        return  # nothing signed yet
    note = reply.body.decode(errors="replace")
    verifier = Verifier.parse(verifier_key)
    shown = verifier.open(note)
    with context.reading() as tx:
        kept = find_witnessed(tx.connection, verifier.name)
    seen_size = verifier.open(kept).size if kept else 0
    older, newer = sorted((seen_size, shown.size))
    path = _consistency_path(context, url, older, newer) if 0 < older < newer else []

    def fetched(asked_older: int, asked_newer: int) -> Sequence[bytes]:
        return path if (asked_older, asked_newer) == (older, newer) else []  # another kept one meanwhile: the next round sees it

    with context.db.begin() as connection:
        witness(connection, context.clock, note, verifier_key=verifier_key, fetch_consistency=fetched)


def _consistency_path(context: Context, url: str, older: int, newer: int) -> list[bytes]:
    answer = context.http.request("GET", f"{url}/log/v1/consistency?from={older}&to={newer}", timeout_seconds=5).json()
    try:
        return [bytes.fromhex(step) for step in answer["path"]]
    except (KeyError, TypeError, ValueError):
        raise OutboundFailed("the answer is no consistency proof", sent=True) from None
