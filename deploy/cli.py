"""The `andamio` command.  Everything weighty is imported by the command that needs it, so that help is instant."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy import upkeep
from deploy.errors import CannotStart
from deploy.install import cli as install
from deploy.services import SERVICES

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status.  What cannot start says one sentence."""
    parser = _parser()
    parsed, rest = parser.parse_known_args(arguments)
    if hasattr(parsed, "rest"):
        parsed.rest = rest  # a command that reads its own words; the parser's REMAINDER does not take leading options
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    command: Command = parsed.command
    try:
        return command(parsed)
    except CannotStart as fault:
        if getattr(parsed, "json", False):
            print(json.dumps({"ready": False, "error": str(fault)}, ensure_ascii=False))
        print(f"andamio: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="andamio", description="Common components for government: identity, notify, pay and wallet.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_processes(commands)
    _add_sandbox(commands)
    _add_operations(commands)
    upkeep.add(commands, _print, _enter)
    install.add(commands, _print)
    return parser


def _add_processes(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser("serve", help="answer HTTP for one service")
    serve.add_argument("service", choices=SERVICES)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8080, help="port to listen on (default: %(default)s)")
    serve.add_argument("--workers", type=int, default=1, help="processes (default: %(default)s)")
    serve.add_argument("--threads", type=int, default=1, help="requests one process answers at a time (default: %(default)s)")
    serve.add_argument("--tls-certificate", type=Path, help="PEM file of a certificate, to serve https")
    serve.add_argument("--tls-key", type=Path, help="PEM file of its private key")
    serve.set_defaults(command=_serve)
    health = commands.add_parser("health", help="ask a web process on this machine whether it is ready: exit status 0 or 1")
    health.add_argument("--port", type=int, default=8080, help="its port (default: %(default)s)")
    health.set_defaults(command=_health)
    worker = commands.add_parser("worker", help="run the jobs of one service")
    worker.add_argument("service", choices=SERVICES)
    worker.add_argument("--name", default="", help="name of this worker among those of its service, the same after each restart")
    _background_arguments(worker)
    worker.set_defaults(command=_worker)
    relay = commands.add_parser("relay", help="hand waiting jobs to the workers and number the audit log; one is enough for all services")
    _services_argument(relay)
    _background_arguments(relay)
    relay.set_defaults(command=_relay)
    migrate = commands.add_parser("migrate", help="bring the database of a service to its newest form")
    _services_argument(migrate)
    _json_argument(migrate)
    migrate.set_defaults(command=_migrate)


def _add_sandbox(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sandbox = commands.add_parser(
        "sandbox", help="run everything on this machine, with people and keys to try", description="SANDBOX_DIR and SANDBOX_PORT move it."
    )
    sandbox.add_argument("--fresh", action="store_true", help="delete what an earlier sandbox left and begin anew")
    _json_argument(sandbox)
    sandbox.set_defaults(command=_sandbox)
    journey = commands.add_parser("journey", help="walk one person through all four services over HTTP", add_help=False)
    journey.set_defaults(command=_journey, rest=[])
    onboard = commands.add_parser(
        "onboard", help="register an organisation and service, and make a first call to each of the four services"
    )
    _onboard_arguments(onboard)
    _json_argument(onboard)
    onboard.set_defaults(command=_onboard)


def _add_operations(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    audit = commands.add_parser("audit", help="check the audit logs").add_subparsers(metavar="ACTION", required=True)
    verify = audit.add_parser("verify", help="recompute every audit log and name the first wrong row")
    verify.add_argument("--service", choices=SERVICES, action="append", help="only this service (may be repeated)")
    _json_argument(verify)
    verify.set_defaults(command=_audit_verify)
    books = commands.add_parser("pay", help="the books of pay").add_subparsers(metavar="ACTION", required=True)
    prove = books.add_parser("prove", help="recompute every balance, compare each payment with its postings, and log the result")
    _json_argument(prove)
    prove.set_defaults(command=_prove_books)
    backup = commands.add_parser("backup", help="dump the four databases into an empty folder")
    backup.add_argument("folder", type=Path)
    _json_argument(backup)
    backup.set_defaults(command=_backup)
    restore = commands.add_parser("restore", help="load a backup into a server, and prove that it is whole")
    restore.add_argument("folder", type=Path)
    restore.add_argument("--into", required=True, metavar="URL", help="address of the server as an administrator")
    restore.add_argument("--prefix", default="", help="what the databases' names begin with (default: nothing)")
    restore.add_argument("--verify", action="store_true", help="recompute audit logs and books of what was restored")
    _json_argument(restore)
    restore.set_defaults(command=_restore)
    check = audit.add_parser("check", help="check an export of somebody's log, without any service")
    check.add_argument("file", help="what /me/access-log/export gave")
    check.add_argument("--key", help="the log's verifier key, as you know it from elsewhere; without it, the one in the file")
    _json_argument(check)
    check.set_defaults(command=_audit_check)
    settings = commands.add_parser("settings", help="list the settings of the services")
    settings.add_argument("service", choices=SERVICES, nargs="?")
    _json_argument(settings)
    settings.set_defaults(command=_settings)
    outbox = commands.add_parser("outbox", help="see and repeat what did not get through").add_subparsers(metavar="ACTION", required=True)
    listing = outbox.add_parser("list", help="list the dead jobs of a service")
    listing.add_argument("service", choices=SERVICES)
    _json_argument(listing)
    listing.set_defaults(command=_outbox_list)
    replay = outbox.add_parser("replay", help="run dead jobs of a service again")
    replay.add_argument("service", choices=SERVICES)
    replay.add_argument("ids", nargs="*", type=int, help="which (default: all)")
    _json_argument(replay)
    replay.set_defaults(command=_outbox_replay)


def _services_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", nargs="*", help=f"one or more of {', '.join(SERVICES)}")
    parser.add_argument("--all", action="store_true", help="all four services")


def _background_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ready-file", default="", help="file to make once work has begun")
    parser.add_argument("--metrics-port", type=int, default=0, help="port for Prometheus (default: none)")
    parser.add_argument("--metrics-host", default="127.0.0.1", help="address for it (default: %(default)s)")


def _json_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print for programs")


def _services(parsed: argparse.Namespace) -> tuple[str, ...]:
    chosen = SERVICES if parsed.all else tuple(parsed.service)
    unknown = sorted(set(chosen) - set(SERVICES))
    if unknown:
        raise CannotStart(f"There is no service {unknown[0]}: the services are {', '.join(SERVICES)}.")
    if not chosen:
        raise CannotStart("No service was named: name one or more, or use --all.")
    return chosen


def _enter(services: Sequence[str]) -> None:
    """Take the settings of the services from the environment; where it has none, from the folder that `andamio init` wrote and
    ANDAMIO_INSTALLATION names; or, where a sandbox is here, from that sandbox.
    """
    missing = [
        service for service in services if not {f"{service}_DATABASE_URL".upper(), f"{service}_DATABASE_URL_FILE".upper()} & set(os.environ)
    ]
    if not missing:
        return
    if installation := os.environ.get("ANDAMIO_INSTALLATION"):
        from deploy.install.doctor import environment

        for service in missing:
            os.environ.update(environment(Path(installation), service))
        return
    from deploy.sandbox import plan, settings

    sandbox = settings.from_environment()
    if (sandbox.folder / "secrets.json").exists():
        here = plan.load_or_make(sandbox.folder, sandbox.ports)
        for service in missing:
            os.environ.update(here.environment(service))


def _serve(parsed: argparse.Namespace) -> int:
    _enter([parsed.service])
    from deploy import serving

    if (parsed.tls_certificate is None) != (parsed.tls_key is None):
        raise CannotStart("a certificate and its key are given together: --tls-certificate and --tls-key.")
    tls = (parsed.tls_certificate, parsed.tls_key) if parsed.tls_certificate else None
    serving.serve(parsed.service, host=parsed.host, port=parsed.port, workers=parsed.workers, threads=parsed.threads, tls=tls)
    return 0


def _health(parsed: argparse.Namespace) -> int:
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection("127.0.0.1", parsed.port, timeout=3)
    try:
        connection.request("GET", "/readyz")
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, HTTPException):
        return 1


def _worker(parsed: argparse.Namespace) -> int:
    _enter([parsed.service])
    from deploy import serving

    serving.show_metrics(parsed.metrics_host, parsed.metrics_port)
    serving.work(parsed.service, runner=parsed.name, on_ready=_announcement(parsed.ready_file))
    return 0


def _relay(parsed: argparse.Namespace) -> int:
    services = _services(parsed)
    _enter(services)
    from deploy import serving

    serving.show_metrics(parsed.metrics_host, parsed.metrics_port)
    serving.relay(services, on_ready=_announcement(parsed.ready_file))
    return 0


def _announcement(ready_file: str) -> Callable[[], None]:
    return Path(ready_file).touch if ready_file else lambda: None


def _migrate(parsed: argparse.Namespace) -> int:
    services = _services(parsed)
    _enter(services)
    from deploy import serving

    for service in services:
        serving.migrate(service)
    _print(parsed, dict.fromkeys(services, "at head"), [f"{service}: at its newest form" for service in services])
    return 0


def _sandbox(parsed: argparse.Namespace) -> int:
    if os.name == "nt":
        raise CannotStart("Windows is not supported by itself: run the sandbox in the Windows Subsystem for Linux (WSL 2).")
    from deploy.sandbox import start

    start.run(fresh=parsed.fresh, as_json=parsed.json)
    return 0


def _journey(parsed: argparse.Namespace) -> int:
    from deploy import journey

    return journey.main(parsed.rest)


def _onboard_arguments(parser: argparse.ArgumentParser) -> None:
    from deploy.onboard_fields import FIELDS

    for name, example in FIELDS.items():
        parser.add_argument("--" + name.replace("_", "-"), default=example, help=f"(default: {example})")


def _onboard(parsed: argparse.Namespace) -> int:
    from deploy import onboard

    document, lines = onboard.onboard(parsed)
    _print(parsed, document, lines)
    return 0


def _audit_verify(parsed: argparse.Namespace) -> int:
    _enter(SERVICES)
    from deploy import operations

    reports = operations.verify_logs(parsed.service or SERVICES)
    _print(parsed, {service: report.as_json() for service, report in reports.items()}, [str(report) for report in reports.values()])
    return 0 if all(report.ok for report in reports.values()) else 1


def _backup(parsed: argparse.Namespace) -> int:
    _enter(SERVICES)
    from deploy import backup

    kept = backup.back_up(parsed.folder)
    lines = [f"{one.service}: {one.bytes / 1e6:.1f} MB in {one.seconds} s" for one in kept]
    _print(parsed, {"kept": [vars(one) for one in kept]}, lines)
    return 0


def _restore(parsed: argparse.Namespace) -> int:
    _enter(SERVICES)
    from deploy import backup

    addresses = backup.restore(parsed.folder, parsed.into, prefix=parsed.prefix)
    faults = backup.prove_restored(parsed.folder, addresses) if parsed.verify else []
    lines = [f"{service}: restored" for service in addresses]
    if parsed.verify:
        lines += faults or ["The audit logs and the books are whole."]
    _print(parsed, {"restored": list(addresses), "verified": parsed.verify, "faults": faults}, lines)
    return 1 if faults else 0


def _audit_check(parsed: argparse.Namespace) -> int:
    from deploy.exports import check_export

    found = check_export(parsed.file, parsed.key)
    _print(parsed, found.as_json(), [str(found)])
    return 0 if found.ok else 1


def _prove_books(parsed: argparse.Namespace) -> int:
    from deploy import operations

    _enter(["pay"])
    proof = operations.prove_books()
    lines = [f"{proof.accounts} accounts, {proof.transactions} transactions, {proof.payments} payments, {proof.refunds} refunds"]
    _print(
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
    _print(parsed, {service: [vars(row) for row in rows] for service, rows in found.items()}, lines)
    return 0


def _outbox_list(parsed: argparse.Namespace) -> int:
    _enter([parsed.service])
    from deploy import operations

    jobs = operations.dead_jobs(parsed.service)
    lines = [f"{job['id']}  {job['job']}  failed {job['failures']} times, made {job['created_at']}: {job['last_error']}" for job in jobs]
    _print(parsed, {"dead": jobs}, lines or [f"{parsed.service} has no dead jobs."])
    return 0


def _outbox_replay(parsed: argparse.Namespace) -> int:
    _enter([parsed.service])
    from deploy import operations

    count = operations.replay_jobs(parsed.service, parsed.ids)
    _print(parsed, {"replayed": count}, [f"{count} jobs of {parsed.service} will run again."])
    return 0


def _print(parsed: argparse.Namespace, document: Mapping[str, object], lines: Sequence[str]) -> None:
    """Print for programs or for people."""
    print(json.dumps(document, ensure_ascii=False) if parsed.json else "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
