"""The roles of a service's processes: web, worker, relay, migrate.  One release, the role is a word on the command line."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import FrameType

import structlog
from celery.signals import worker_ready
from flask import Flask
from granian import Granian
from granian.constants import Interfaces, SSLProtocols
from granian.log import LogLevels

from deploy.errors import CannotStart
from deploy.system import share_memory_pools
from shared import logs, metrics, migrations, telemetry, time_server
from shared.clock import Clock, SystemClock
from shared.context import Context
from shared.outbox import QUEUES
from shared.relay import Relay
from shared.settings import ServiceSettings, SettingsError, env_name, load, read_secret
from shared.web import words
from shared.worker import make_celery, queue_name, release_predecessor

log = structlog.get_logger("andamio.serving")
SERVICE_VARIABLE = "ANDAMIO_SERVICE"
WORKER_NICE = 10
"""Where cores are short, who waits for an answer goes before a job: jobs get a tenth of a busy core, and all of an idle one."""
SWITCH_SECONDS = 0.001
"""After so long one thread of a web process lets another go on.  With Python's own 5 ms, who has an answer of the database waits for the
others once at each statement; what writes for all of them most often.
"""
CLOCK_OFF_SECONDS_MAX = 5.0
"""Half of the ten seconds by which clients may differ from us."""
TlsFiles = tuple[Path, Path]
"""Certificate and private key, as PEM files."""


def settings_class(service: str) -> type[ServiceSettings]:
    """Return the settings class of a service: the one that its settings module defines."""
    module = import_module(f"{service}.settings")
    (found,) = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ServiceSettings) and value.__module__ == module.__name__
    ]
    return found


def require_readiness(service: str) -> None:
    """Raises: CannotStart, with every fault of the environment on a line of its own, or for a clock that is off."""
    try:
        settings = load(settings_class(service), service, os.environ)
    except SettingsError as error:
        raise _not_right(service, error) from None
    require_clock(settings.time_server, SystemClock())


def require_clock(server: str, clock: Clock) -> None:
    """Compare the clock with a time server, if one is named; one that is away keeps nothing from starting (KY-6).  Raises: CannotStart."""
    if not server:
        return
    try:
        offset = time_server.offset_seconds(server, clock)
    except time_server.NoTime as error:
        log.warning("clock not compared", error=str(error))
        return
    if abs(offset) > CLOCK_OFF_SECONDS_MAX:
        raise CannotStart(f"the clock of this machine is {abs(offset):.1f} seconds off: set up time synchronisation, then start again.")


def _not_right(service: str, error: SettingsError) -> CannotStart:
    return CannotStart("\n  ".join((f"the settings of {service} are not right:", *error.faults)))


def create_context(service: str) -> Context:
    """Return the context of a service, from the environment.  Raises: CannotStart."""
    require_readiness(service)
    made = import_module(f"{service}.app").create_context()
    assert isinstance(made, Context)  # noqa: S101 - narrows the type of a module that was found by name
    return made


def web() -> Flask:
    """Be the WSGI factory of a web process; the service is named by the environment of the process."""
    share_memory_pools()
    sys.setswitchinterval(SWITCH_SECONDS)
    service = os.environ[SERVICE_VARIABLE]
    logs.configure(service, os.environ.get(env_name(service, "log_level"), "info"))
    app = import_module(f"{service}.app").create_app()
    assert isinstance(app, Flask)  # noqa: S101 - as above
    metrics.count_from_zero(service, failures_of(service))
    return app


def failures_of(service: str) -> list[str]:
    """Return the actions of a service, as its events module has them, that say that something failed."""
    kinds = vars(import_module(f"{service}.events")).values()
    members = [str(member) for kind in kinds if isinstance(kind, type) and issubclass(kind, StrEnum) for member in kind]
    return [member for member in members if member.startswith(f"{service}:") and member.endswith("failed")]


def serve(service: str, *, host: str, port: int, workers: int = 1, threads: int = 1, tls: TlsFiles | None = None) -> None:
    """Serve HTTP, or HTTPS with a certificate, until told to stop.  Raises: CannotStart."""
    require_readiness(service)
    os.environ[SERVICE_VARIABLE] = service
    Granian(
        "deploy.serving:web",
        factory=True,
        interface=Interfaces.WSGI,
        address=host,
        port=port,
        workers=workers,
        blocking_threads=threads,
        backlog=1024,
        log_access=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        websockets=False,
        ssl_cert=tls[0] if tls else None,
        ssl_key=tls[1] if tls else None,
        ssl_protocol_min=SSLProtocols.tls12,
    ).serve()


def work(service: str, *, runner: str = "", queues: tuple[str, ...] = QUEUES, on_ready: Callable[[], None] = lambda: None) -> None:
    """Run jobs until told to stop.  `runner` is a name that a restarted worker keeps, so that it takes over at once.

    `on_ready` is called once the queue is being read.
    """
    os.nice(WORKER_NICE)
    logs.configure(service, os.environ.get(env_name(service, "log_level"), "info"))
    for package in ("shared.web", service):
        words.load(package)
    context = create_context(service)
    name = runner or f"{service}-{socket.gethostname()}-{os.getpid()}"
    telemetry.configure(service, context.settings)
    metrics.count_from_zero(service, failures_of(service))
    celery = make_celery(context, import_module(f"{service}.tasks").jobs, runner=name)
    if runner:
        release_predecessor(context, runner)
    worker_ready.connect(lambda **_about: on_ready(), weak=False)
    names = ",".join(queue_name(service, queue) for queue in queues)
    celery.worker_main(
        [
            "worker",
            "--pool=solo",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=WARNING",
            "-Q",
            names,
            "-n",
            f"{name}@%h",
        ]
    )


def show_metrics(host: str, port: int) -> None:
    """Serve this process's metrics, where a port is given.  Raises: CannotStart."""
    if not port:
        return
    try:
        metrics.serve_alone(port, host)
    except OSError as fault:
        raise CannotStart(f"Port {port} for metrics cannot be used ({fault.strerror}): give another with --metrics-port.") from fault


def relay(services: tuple[str, ...], *, on_ready: Callable[[], None] = lambda: None) -> None:
    """Relay for one service or several until told to stop.  `on_ready` is called once it has begun."""
    logs.configure("relay", os.environ.get(env_name(services[0], "log_level"), "info"))
    relays = []
    for service in services:
        context = create_context(service)
        jobs = import_module(f"{service}.tasks").jobs
        relays.append(Relay(context, make_celery(context, jobs, runner=""), jobs))
    stop = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
    for each in relays:
        each.start()
    on_ready()
    stop.wait()
    for each in relays:
        each.stop()


def migrate(service: str) -> None:
    """Bring a service's database to the newest revision.  Of the settings it reads the database's address and nothing else.

    Raises: CannotStart.
    """
    try:
        url = read_secret(service, "database_url", os.environ)
    except SettingsError as error:
        raise _not_right(service, error) from None
    try:
        migrations.upgrade(service, url.reveal())
    except migrations.MigrationUnderWay:
        raise CannotStart(
            f"The database of {service} is being migrated by another process just now: run this again when it has ended."
        ) from None
