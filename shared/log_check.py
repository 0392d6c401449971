"""The nightly look at a service's own audit log: is it whole, also against what the other services saw of it?

Each night the rows since a checkpoint of more than a week ago, which that checkpoint's signature answers for; on Sundays all.
It goes part by part, each a job: a worker does other work between two, and one that dies repeats one part.  Nothing of it is kept
but the audit row: where a part begins, and the root of the tree there, come with the job.  Spec: wallet-consent §10.2.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from sqlalchemy import Connection, select

from shared import metrics
from shared.audit.checkpoint import BadCheckpoint, Verifier
from shared.audit.entries import Cipher
from shared.audit.merkle import EMPTY_ROOT
from shared.audit.report import FaultKind, Report
from shared.audit.store import LogDamaged, read_frontier, read_head
from shared.audit.tables import audit_checkpoints
from shared.audit.verify import Part, verify
from shared.clock import ZONE
from shared.context import Context
from shared.http import OutboundError

PART_JOB = "verify_log_part"
ROWS_MAX = 100_000
"""Rows of a part: some seconds."""
SINCE = timedelta(days=8)
"""Longer than from one Sunday to the next: no row waits for its first look."""
SUNDAY = 6
ANSWER_SECONDS = 5

Beside = Callable[[Connection, Cipher, Report], None]
"""Looks at what a service's log answers for in tables of the service's own."""

log = structlog.get_logger("andamio.log_check")


class Event(StrEnum):
    """What the look at the log leaves in it."""

    LOG_VERIFIED = "audit:log:verified"


def begin_check(context: Context) -> None:
    """Begin tonight's look at the log."""
    with context.transaction() as tx:
        since, root = _start(context, tx.connection)
        tx.enqueue(PART_JOB, {"begun": since, "since": since, "root": root.hex()})


def check_part(context: Context, place: Mapping[str, Any], beside: Beside | None = None, *, rows_max: int = ROWS_MAX) -> None:
    """Look at the rows after a place and leave the next part, or with the last one, or at a fault, what was found."""
    part = Part(place["since"], rows_max, is_of_whole=place["begun"] == 0)
    with context.reading() as tx:
        is_last = read_head(tx.connection).size <= part.since + rows_max
    seen = seen_by_others(context) if is_last else []
    with context.db.begin() as connection:  # cursors on the server need a transaction
        report = _verify(context, connection, part, bytes.fromhex(place["root"]), seen)
        if beside is not None and part.is_of_whole and report.is_to_the_end:
            beside(connection, context.cipher, report)
    with context.transaction() as tx:
        if report.ok and not report.is_to_the_end:
            tx.enqueue(PART_JOB, {"begun": place["begun"], "since": report.size, "root": report.root.hex()})
            return
        found: dict[str, str | int | bool | list[str]] = {"since": place["begun"], "size": report.size, "witnesses": report.witnessed_count}
        if report.first_fault is not None:
            found |= {"faults": report.fault_count, "first_fault": str(report.first_fault)}
        outcome = "intact" if report.ok else "faulty"
        tx.record(Event.LOG_VERIFIED, actor="system:clock", outcome=outcome, object_id=report.origin, channel="system", data=found)
    metrics.AUDIT_FAULTS.labels(context.service).set(report.fault_count)
    if report.first_fault is not None:
        log.critical("the audit log is not whole", log=report.origin, faults=report.fault_count, first_fault=str(report.first_fault))


def seen_by_others(context: Context) -> list[tuple[str, str]]:
    """Return (who saw it, note): the newest checkpoint of this log that each service whose log we witness has seen.

    Who is away, or shows what our keys did not sign, has nothing to say about our log.
    """
    newest, *earlier = context.audit_keys
    ours = Verifier.parse(newest, earlier=earlier)
    found = []
    for named in context.settings.witnessed_logs:
        url = named.partition("=")[0]
        try:
            address = f"{url}/log/v1/witnessed?origin={quote(ours.name, safe='')}"
            reply = context.http.request("GET", address, timeout_seconds=ANSWER_SECONDS)
            if reply.status == HTTPStatus.NOT_FOUND:
                continue  # it has seen none yet
            note = reply.body.decode(errors="replace")
            ours.open(note)
        except (OutboundError, BadCheckpoint) as error:
            log.warning("nothing seen by another service", log=url, error=type(error).__name__)
        else:
            found.append((url, note))
    return found


def _verify(context: Context, connection: Connection, part: Part, root: bytes, seen: list[tuple[str, str]]) -> Report:
    newest, *earlier = context.audit_keys
    try:
        if read_frontier(connection, part.since).root() != root:
            raise LogDamaged("another tree")
        return verify(connection, newest, cipher=context.cipher, peers_witnessed=seen, earlier_keys=earlier, part=part)
    except LogDamaged:
        report = Report(context.audit_signer.origin, since=part.since, size=part.since)
        report.add(FaultKind.TREE_MISMATCH, "the stored tree up to here is gone, or changed while it was looked through", seq=part.since)
        return report


def _start(context: Context, connection: Connection) -> tuple[int, bytes]:
    """Return the size to begin after and the root there: of a checkpoint that our keys signed and that the stored tree fits, else 0."""
    now = context.clock.now()
    newest, *earlier = context.audit_keys
    kept = audit_checkpoints.c
    query = select(kept.note).where(kept.signed_at < now - SINCE).order_by(kept.size.desc()).limit(1)
    note = None if now.astimezone(ZONE).weekday() == SUNDAY else connection.execute(query).scalar()
    if note is None:
        return 0, EMPTY_ROOT
    try:
        signed = Verifier.parse(newest, earlier=earlier).open(note)
        is_there = signed.size <= read_head(connection).size and read_frontier(connection, signed.size).root() == signed.root
    except (BadCheckpoint, LogDamaged):
        is_there = False
    return (signed.size, signed.root) if is_there else (0, EMPTY_ROOT)
