"""`andamio serve`, `worker`, `relay`, `migrate` and `health`: the processes of a service."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.commands.terminal import Subparsers, add_services, enter, runs, services_of, show
from deploy.errors import CannotStart
from deploy.services import SERVICES

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Of prometheus_client: the folder in which several processes count."""


def add(commands: Subparsers) -> None:
    """Add the commands."""
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
    add_services(relay)
    _background_arguments(relay)
    relay.set_defaults(command=_relay)
    migrate = commands.add_parser("migrate", help="bring the database of a service to its newest form")
    add_services(migrate)
    runs(migrate, _migrate)


def _background_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ready-file", default="", help="file to make once work has begun")
    parser.add_argument("--metrics-port", type=int, default=0, help="port for Prometheus (default: none)")
    parser.add_argument("--metrics-host", default="127.0.0.1", help="address for it (default: %(default)s)")


def _serve(parsed: argparse.Namespace) -> int:
    enter([parsed.service])
    if parsed.workers > 1:
        with _counting_together():
            return _serve_with(parsed)
    return _serve_with(parsed)


@contextmanager
def _counting_together() -> Iterator[None]:
    """Have the processes of one address count in one place: a scrape meets one of them, and must tell of all.

    That is settled when prometheus_client is imported.  Where it was, as in the forks of a sandbox, each counts for itself.
    """
    if "prometheus_client" in sys.modules or VARIABLE in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="andamio-metrics-") as folder:
        os.environ[VARIABLE] = folder
        yield


def _serve_with(parsed: argparse.Namespace) -> int:
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
    enter([parsed.service])
    from deploy import serving

    serving.show_metrics(parsed.metrics_host, parsed.metrics_port)
    serving.work(parsed.service, runner=parsed.name, on_ready=_announcement(parsed.ready_file))
    return 0


def _relay(parsed: argparse.Namespace) -> int:
    services = services_of(parsed)
    enter(services)
    from deploy import serving

    serving.show_metrics(parsed.metrics_host, parsed.metrics_port)
    serving.relay(services, on_ready=_announcement(parsed.ready_file))
    return 0


def _announcement(ready_file: str) -> Callable[[], None]:
    return Path(ready_file).touch if ready_file else lambda: None


def _migrate(parsed: argparse.Namespace) -> int:
    services = services_of(parsed)
    enter(services)
    from deploy import serving

    for service in services:
        serving.migrate(service)
    show(parsed, dict.fromkeys(services, "at head"), [f"{service}: at its newest form" for service in services])
    return 0
