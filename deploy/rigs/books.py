"""The books after a run: nothing waits any more, nothing was given up, what was accepted is there, logs and ledger are whole."""

import time
from collections.abc import Mapping, Sequence

from sqlalchemy import text

from deploy.operations import verify_logs
from deploy.rigs.load import Run
from deploy.rigs.report import Books
from deploy.services import SERVICES
from deploy.serving import create_context
from deploy.system import wait_until
from shared.context import Context

WAIT_SECONDS_MAX = 900.0
_BUSY = "SELECT count(*) FROM outbox WHERE state = 'waiting' AND (published OR runner IS NOT NULL OR due_at <= now())"
_DEAD = "SELECT count(*) FROM outbox WHERE state = 'dead'"
COUNTED = {
    "POST v2 SMS": ("notify", "SELECT count(*) FROM notifications", 201),
    "POST v1 payments": ("pay", "SELECT count(*) FROM payments", 201),
    "exchange": ("wallet", 'SELECT count(*) FROM audit_entries WHERE core LIKE \'%"outcome":"released"%\'', 200),
}
"""What is counted for each kind of request, and the status that promises it."""


def count(kinds: Mapping[str, object]) -> dict[str, int]:
    """Count what is there, before a run or after it."""
    return {kind: _ask(service, query) for kind, (service, query, _) in COUNTED.items() if kind in kinds}


def close(run: Run, before: Mapping[str, int]) -> Books:
    """Wait until nothing is left to do, then account for everything."""
    began = time.monotonic()
    faults = wait_idle(SERVICES)
    for service in SERVICES:
        if dead := _ask(service, _DEAD):
            faults.append(f"{service}: {dead} jobs were given up")
    waited = round(time.monotonic() - began, 1)
    after = count(run.kinds)
    for kind, there in after.items():
        accepted = run.kinds[kind].statuses.get(COUNTED[kind][2], 0)
        # A request whose answer was lost may have been accepted: more than was promised is no fault, less is.
        if there - before[kind] < accepted:
            faults.append(f"{kind}: {accepted} were accepted and {there - before[kind]} are there")
    faults += [f"{service}: {report}" for service, report in verify_logs(SERVICES).items() if not report.ok]
    faults += _books_of_pay()
    return Books(waited, tuple(faults))


def wait_idle(services: Sequence[str]) -> list[str]:
    """Wait until services have nothing to do; a sentence for each that still has."""
    faults = []
    for service in services:
        if not wait_until(lambda service=service: _ask(service, _BUSY) == 0, WAIT_SECONDS_MAX, pause_seconds=1.0):  # type: ignore[misc] # the default pins the loop's value
            faults.append(f"{service}: jobs are still waiting after {WAIT_SECONDS_MAX:.0f} s")
    return faults


def _ask(service: str, query: str) -> int:
    context = create_context(service)
    try:
        with context.reading() as tx:
            return int(tx.connection.execute(text(query)).scalar_one())
    finally:
        context.close()


def _books_of_pay() -> list[str]:
    from pay.operations.proofs import prove

    context: Context = create_context("pay")
    try:
        with context.reading() as tx:
            return [f"pay: {fault}" for fault in prove(tx.connection.execution_options(isolation_level="REPEATABLE READ")).faults]
    finally:
        context.close()
