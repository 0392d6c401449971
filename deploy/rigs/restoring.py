"""`python -m deploy.rigs.restoring --rows 2000000`: how long a backup, a restore and its proofs take, and what that is for a GB.

The wallet's log is filled by COPY, as it is after years; the other three have what their seeds made.
"""

import argparse
import itertools
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from deploy.backup import proving, restoring
from deploy.backup.making import back_up
from deploy.bench.filling import fill
from deploy.bench.running import sandbox
from deploy.bench.wallet import core_of_an_exchange
from deploy.errors import CannotStart
from deploy.rigs import report
from deploy.sandbox import plan as plans
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from deploy.serving import create_context
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from wallet.context import Wallet

PORT = 8700
CHUNK = 100_000
PREFIX = "restored_"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure once; the exit status says whether what was restored proved to be whole."""
    parser = argparse.ArgumentParser(prog="python -m deploy.rigs.restoring", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the wallet's log (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("var/rigs"))
    parsed = parser.parse_args(arguments)
    folder = parsed.folder / time.strftime("%Y%m%d-%H%M%S-restoring")
    try:
        with sandbox(folder / "sandbox", PORT):
            here = plans.load_or_make(folder / "sandbox", Ports(PORT))
            for service in SERVICES:
                os.environ.update(here.environment(service))
            _fill(parsed.rows)
            size = sum(_bytes(here.engines.admin_url, here.database_name(service)) for service in SERVICES)
            seconds, faults = _measure(folder, here.engines.admin_url)
    except CannotStart as fault:
        print(f"restoring: {fault}", file=sys.stderr)
        return 1
    dumped = sum(file.stat().st_size for file in (folder / "backup").glob("*.dump"))
    rows = tuple((what, round(took, 1), round(took / size * 1e9, 1)) for what, took in seconds.items())
    title = f"{parsed.rows:,} log rows: {size / 1e9:.2f} GB of databases, {dumped / 1e9:.2f} GB of backup"
    table = report.Table(title, ("what", "seconds", "seconds a GB of database"), rows)
    page = report.write_tables(folder, "Backup and proven restore", [table], faults)
    print(title)
    print(table.as_text())
    for each in faults:
        print(f"  ✗ {each}")
    print(f"report: {page}")
    return 1 if faults else 0


def _fill(rows: int) -> None:
    wallet = create_context("wallet")
    assert isinstance(wallet, Wallet)  # noqa: S101 - narrows the type of a context that was found by name
    try:
        for start in range(0, rows, CHUNK):
            subjects = [f"cl-run:{10_000_000 + number}-0" for number in range(start, min(start + CHUNK, rows))]
            fill(wallet, subjects, iter(core_of_an_exchange, None))
        with wallet.db.begin() as connection:
            while sequence_pending(connection):
                pass
            sign_checkpoint(connection, wallet.audit_signer, wallet.clock)
    finally:
        wallet.close()


def _bytes(admin_url: str, database: str) -> int:
    with psycopg.connect(admin_url) as connection:
        row = connection.execute("SELECT pg_database_size(%s)", [database]).fetchone()
    return int(row[0]) if row else 0


def _measure(folder: Path, admin_url: str) -> tuple[dict[str, float], list[str]]:
    """Return seconds by step, and what the proofs found."""
    moments = [time.perf_counter()]
    back_up(folder / "backup")
    moments.append(time.perf_counter())
    restored = restoring.restore(folder / "backup", admin_url, prefix=PREFIX)
    moments.append(time.perf_counter())
    faults = restored.faults + proving.prove(folder / "backup", restored.addresses)
    moments.append(time.perf_counter())
    steps = ("backup", "restore", "proofs of logs and books")
    return {step: after - before for step, (before, after) in zip(steps, itertools.pairwise(moments), strict=True)}, faults


if __name__ == "__main__":
    sys.exit(main())
