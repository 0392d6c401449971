"""`andamio audit`, `pay prove`, `settings` and `outbox`: are logs and books whole, what is set, what did not get through."""

import argparse

from deploy.commands.terminal import Subparsers, enter, runs, show
from deploy.services import SERVICES


def add(commands: Subparsers) -> None:
    """Add the commands."""
    audit = commands.add_parser("audit", help="check the audit logs").add_subparsers(metavar="ACTION", required=True)
    verify = audit.add_parser("verify", help="recompute every audit log and name the first wrong row")
    verify.add_argument("--service", choices=SERVICES, action="append", help="only this service (may be repeated)")
    runs(verify, _audit_verify)
    check = audit.add_parser("check", help="check an export of somebody's log, without any service")
    check.add_argument("file", help="what /me/access-log/export gave")
    check.add_argument("--key", help="the log's verifier key, as you know it from elsewhere; without it, the one in the file")
    runs(check, _audit_check)
    books = commands.add_parser("pay", help="the books of pay").add_subparsers(metavar="ACTION", required=True)
    runs(
        books.add_parser("prove", help="recompute every balance, compare each payment with its postings, and log the result"), _prove_books
    )
    settings = commands.add_parser("settings", help="list the settings of the services")
    settings.add_argument("service", choices=SERVICES, nargs="?")
    runs(settings, _settings)
    outbox = commands.add_parser("outbox", help="see and repeat what did not get through").add_subparsers(metavar="ACTION", required=True)
    listing = outbox.add_parser("list", help="list the dead jobs of a service")
    listing.add_argument("service", choices=SERVICES)
    runs(listing, _outbox_list)
    replay = outbox.add_parser("replay", help="run dead jobs of a service again")
    replay.add_argument("service", choices=SERVICES)
    replay.add_argument("ids", nargs="*", type=int, help="which (default: all)")
    runs(replay, _outbox_replay)
    drop = outbox.add_parser("drop", help="delete dead jobs of a service that can never succeed: what they were to do is not done")
    drop.add_argument("service", choices=SERVICES)
    drop.add_argument("ids", nargs="+", type=int, help="which")
    runs(drop, _outbox_drop)


def _audit_verify(parsed: argparse.Namespace) -> int:
    enter(SERVICES)
    from deploy import operations

    reports = operations.verify_logs(parsed.service or SERVICES)
    show(parsed, {service: report.as_json() for service, report in reports.items()}, [str(report) for report in reports.values()])
    return 0 if all(report.ok for report in reports.values()) else 1


def _audit_check(parsed: argparse.Namespace) -> int:
    from deploy.exports import check_export

    found = check_export(parsed.file, parsed.key)
    show(parsed, found.as_json(), [str(found)])
    return 0 if found.ok else 1


def _prove_books(parsed: argparse.Namespace) -> int:
    from deploy import operations

    enter(["pay"])
    proof = operations.prove_books()
    lines = [f"{proof.accounts} accounts, {proof.transactions} transactions, {proof.payments} payments, {proof.refunds} refunds"]
    show(
        parsed,
        vars(proof) | {"holds": proof.holds},
        [*lines, *proof.faults, "the books agree" if proof.holds else "the books do not agree"],
    )
    return 0 if proof.holds else 1


def _settings(parsed: argparse.Namespace) -> int:
    from deploy import operations

    found = operations.settings_of([parsed.service] if parsed.service else SERVICES)
    lines = []
    for rows in found.values():
        for row in rows:
            fallback = "required" if row.default is None else f"default: {row.default or '(empty)'}"
            lines.append(f"{row.variable}  ({row.kind}, {fallback})\n    {row.help}")
    show(parsed, {service: [vars(row) for row in rows] for service, rows in found.items()}, lines)
    return 0


def _outbox_list(parsed: argparse.Namespace) -> int:
    enter([parsed.service])
    from deploy import operations

    jobs = operations.dead_jobs(parsed.service)
    lines = [f"{job['id']}  {job['job']}  failed {job['failures']} times, made {job['created_at']}: {job['last_error']}" for job in jobs]
    show(parsed, {"dead": jobs}, lines or [f"{parsed.service} has no dead jobs."])
    return 0


def _outbox_replay(parsed: argparse.Namespace) -> int:
    enter([parsed.service])
    from deploy import operations

    count = operations.replay_jobs(parsed.service, parsed.ids)
    show(parsed, {"replayed": count}, [f"{count} jobs of {parsed.service} will run again."])
    return 0


def _outbox_drop(parsed: argparse.Namespace) -> int:
    enter([parsed.service])
    from deploy import operations

    count = operations.drop_jobs(parsed.service, parsed.ids)
    show(parsed, {"dropped": count}, [f"{count} jobs of {parsed.service} are gone."])
    return 0
