"""`make bench-wallet`: the gate, tokens, the log and the pages over it; figures are printed as Markdown.

Against a fresh sandbox over HTTP: exchanges, introspection, the fall of a withdrawal.  In this process, on that sandbox's database:
checks of a provider, appending to the log, verifying it, proofs as it grows, and a person's page among the rows of many.
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from deploy.bench import running, targets, withdrawals
from deploy.bench.crowds import timed
from deploy.bench.filling import fill
from deploy.bench.load import Measured, Target, measure, raw_request, require_wrk
from deploy.errors import CannotStart
from deploy.sandbox import plan as plans
from shared.audit.entries import SUBJECT_INDEX, new_core_entry, rows_of
from shared.audit.proofs import prove_entry
from shared.audit.sequencer import BATCH, sequence_pending, sign_checkpoint
from shared.audit.verify import verify
from shared.rows import write
from wallet.context import Wallet, create_context
from wallet.operations.access_log import Filters, lines_of_subject
from wallet.settings import Settings
from wallet.standards import consent_token, signing, status_list
from wallet.standards.namespace import LEGAL_ACCESS_TYPE
from wallet.standards.provider_checks import Expected, Presented, check

PERSON, PERSON_ROWS = "cl-run:77777777-7", 5_000
REPEATS = 200
APPENDED = 50_000
"""Rows that are written and sequenced as the service does; the rest are put there by COPY."""

LIST_ENTRIES = 1 << 20

Row = tuple[str, str]


def main() -> int:
    """Measure once and print."""
    parser = argparse.ArgumentParser(prog="make bench-wallet ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="length of each load (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=8, help="open connections (default: %(default)s)")
    parser.add_argument(
        "--rows", type=int, default=200_000, help="rows of the log that are made (default: %(default)s; the aim is 5 million)"
    )
    parser.add_argument("--port", type=int, default=18_100, help="base port of the sandbox (default: %(default)s)")
    options = parser.parse_args()
    try:
        require_wrk()
        with tempfile.TemporaryDirectory(prefix="andamio-bench-") as folder:
            Path(folder).chmod(0o755)  # the database may run as another user
            print(render(bench(Path(folder) / "sandbox", options), options))
    except CannotStart as fault:
        print(f"bench-wallet: {fault}", file=sys.stderr)
        return 1
    return 0


def bench(folder: Path, options: argparse.Namespace) -> list[Row]:
    """Measure everything on one fresh sandbox."""
    with running.sandbox(folder, options.port) as (document, _, _pid):
        full = measure(targets.exchange(document), connections=options.connections, seconds=options.seconds)
        half = measure(targets.exchange(document), connections=2, seconds=options.seconds)
        asked = measure(_introspection(document), connections=options.connections, seconds=options.seconds)
        context = _context(folder, options.port)
        rows = [
            ("exchanges through the gate, right answers/s", _load(full)),
            ("the same at two connections, p95 ms", f"{half.p95_ms:.1f} ({half.per_second:.0f}/s)"),
            ("introspection, answers/s", _load(asked)),
            ("token minted and checked by a provider, /s in one process", f"{_checks():.0f}"),
            ("status list of 2^20 entries made and signed, s", f"{_status_list():.2f}"),
        ]
        try:
            return [*rows, *withdrawals.measure(context, document), *_log(context, options.rows)]
        finally:
            context.close()


def render(rows: list[Row], options: argparse.Namespace) -> str:
    """Return the figures as Markdown."""
    command = f"make bench-wallet ARGS='--seconds {options.seconds} --connections {options.connections} --rows {options.rows}'"
    lines = [f"{os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}; `{command}`.", "", "| what | figure |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {name} | {figure} |" for name, figure in rows)])


# --- over HTTP ------------------------------------------------------------------------------------------------------------


def _introspection(document: dict[str, Any]) -> Target:  # sandbox.json, read by key
    """POST /introspect with a token of the wrong kind: authenticated, read, and answered inactive."""
    provider, wallet = document["wallet"]["provider"], document["wallet"]
    issuer = document["identity"]["issuer"]
    form = targets.grant(provider, issuer, wallet["base_url"])
    answer = httpx.post(issuer + "/token", content=form, headers=targets.FORM).raise_for_status().json()
    headers = {**targets.FORM, "Authorization": "Bearer " + answer["access_token"]}
    body = f"consent_id={uuid.uuid4()}&client_id=wallet-consumer&dataset_id={wallet['dataset_id']}".encode()
    url = wallet["base_url"] + "/introspect"
    return Target("introspection", wallet["base_url"], [raw_request("POST", url, headers, body)], frozenset({200}))


def _load(measured: Measured) -> str:
    return f"{measured.per_second:.0f} (p95 {measured.p95_ms:.1f} ms, wrong {measured.wrong})"


# --- in this process ------------------------------------------------------------------------------------------------------


def _context(folder: Path, port: int) -> Wallet:
    from shared.settings import load

    os.environ.update({"SANDBOX_DIR": str(folder), "SANDBOX_PORT": str(port)})
    environment = plans.from_environment().environment("wallet")
    return create_context(load(Settings, "wallet", {**os.environ, **environment}))


def _checks() -> float:
    """Mint a token and pass it through the thirteen checks."""
    key = signing.new_key("bench")
    subject = {"scheme": "cl-run", "value": "11111111-1"}
    authority = consent_token.Authority(
        type=LEGAL_ACCESS_TYPE,
        identifier="agr",
        subject=subject,
        to="org",
        location="https://p/x",
        dataset_id="d",
        fields=("a", "b"),
        purpose="p",
        legal_basis="legal_obligation",
        agreement_id="agr",
        retention="P0D",
        valid_until="2030-01-01T00:00:00Z",
    )
    now = int(time.time())

    def once() -> None:
        from datetime import UTC, datetime

        minting = consent_token.Minting(
            issuer="https://w",
            audience="https://p",
            client_id="c",
            jti=uuid.uuid4().hex,
            txn=str(uuid.uuid4()),
            issued_at=datetime.fromtimestamp(now, UTC),
            ttl_seconds=120,
            confirmation={"jkt": "t"},
        )
        token = consent_token.mint(authority, minting, key=key)
        expected = Expected(
            issuer="https://w",
            audience="https://p",
            dataset_id="d",
            location="https://p/x",
            now_seconds=now,
            keys={"bench": key},
            sensitive=True,
        )
        presented = Presented(
            authorization="DPoP " + token,
            token_in_query=False,
            client_id=None,
            subject=subject,
            fields=frozenset({"a"}),
            proof_thumbprint="t",
        )
        check(presented, expected, first_seen=lambda *_: True, agreement_covers=lambda _: True, status=lambda _: "active")

    return REPEATS * 5 / _seconds(once, REPEATS * 5)


def _status_list() -> float:
    from datetime import UTC, datetime

    key, ended = signing.new_key("bench"), dict.fromkeys(range(0, LIST_ENTRIES, 7), 1)
    began = time.perf_counter()
    packed = status_list.pack(ended, size=LIST_ENTRIES, bits=2)
    status_list.sign_list(packed, bits=2, uri="u", signed_at=datetime.now(UTC), ttl_seconds=60, aggregation_uri="a", key=key)
    return time.perf_counter() - began


def _log(wallet: Wallet, rows: int) -> list[Row]:
    """Fill the log, and measure what is done on it: appending on the first rows, proofs at each power of ten, the rest at the end."""
    appended = min(rows, APPENDED)
    found, made = _appending(wallet, appended)
    every = max(1, rows // PERSON_ROWS)
    done = appended
    while done < rows:
        size = min(rows, 10 ** len(str(done)))
        subjects = [PERSON if number % every == 0 else f"cl-run:{10_000_000 + number}-0" for number in range(done, size)]
        made += fill(wallet, subjects, iter(core_of_an_exchange, None))
        done = size
        found.append(_proofs(wallet, made, done))
    with wallet.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))  # as autovacuum would have done by then
    return [*found, _verified(wallet), _first_page(wallet)]


def _appending(wallet: Wallet, rows: int) -> tuple[list[Row], list[uuid.UUID]]:
    """Write and sequence rows as the service does."""
    written = sequenced = 0.0
    made: list[uuid.UUID] = []
    for start in range(0, rows, BATCH):
        entries = [
            new_core_entry(wallet.clock, wallet.ids, core=core_of_an_exchange(), subject=f"cl-run:{10_000_000 + number}-0")
            for number in range(start, min(start + BATCH, rows))
        ]
        made.append(entries[0].entry_id)
        began = time.perf_counter()
        with wallet.db.begin() as connection:
            write(connection, rows_of(wallet.cipher, entries))
        middle = time.perf_counter()
        with wallet.db.begin() as connection:
            sequence_pending(connection)
        written, sequenced = written + middle - began, sequenced + time.perf_counter() - middle
    rates = [("log rows written/s", f"{rows / written:.0f}"), ("log rows sequenced/s", f"{rows / sequenced:.0f}")]
    return rates, made


def _proofs(wallet: Wallet, made: list[uuid.UUID], rows: int) -> Row:
    with wallet.db.begin() as connection:
        sign_checkpoint(connection, wallet.audit_signer, wallet.clock, every_seconds=0)
    step = max(1, len(made) // REPEATS)
    proofs = [timed(partial(_prove, wallet, entry)) for entry in made[::step][:REPEATS]]
    return f"inclusion proof at {rows} rows, p95 ms", f"{_p95(proofs):.1f} (median {statistics.median(proofs):.1f})"


def _verified(wallet: Wallet) -> Row:
    with wallet.db.begin() as connection:
        began = time.perf_counter()
        report = verify(connection, wallet.audit_signer.verifier_key)
        seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    what = f"{report.size / seconds:.0f} ({'nothing wrong' if report.ok else 'WRONG'}; this process {memory:.0f} MiB at most)"
    return f"log of {report.size} rows verified, rows/s", what


def _first_page(wallet: Wallet) -> Row:
    index = wallet.cipher.blind_index(PERSON, purpose=SUBJECT_INDEX)
    pages = [timed(partial(lines_of_subject, wallet, index, Filters(), lang="es", limit=50)) for _ in range(REPEATS // 4)]
    return f"first page of a person with {PERSON_ROWS} entries among them, p95 ms", f"{_p95(pages):.1f}"


def core_of_an_exchange() -> dict[str, object]:
    """Return what the log says of one exchange."""
    return {
        "outcome": "released",
        "accessor": {"org_id": "org-colegio-araucarias", "client_id": "wallet-consumer"},
        "source": {"org_id": "org-registro-civil", "dataset_id": "police-record", "dataset_version": 1},
        "fields": ["full_name"],
        "purpose_id": "school-hiring",
        "basis": {"kind": "law", "law_reference": "Ley 1", "agreement_id": "agr"},
        "txn": str(uuid.uuid4()),
        "reporter": "gate",
    }


def _prove(wallet: Wallet, entry_id: uuid.UUID) -> None:
    with wallet.reading() as tx:
        prove_entry(tx.connection, entry_id)


def _seconds(run: Callable[[], None], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        run()
    return time.perf_counter() - began


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    sys.exit(main())
