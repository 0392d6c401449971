"""The processes of a sandbox: what each runs, with which environment, and how it shows that it is ready."""

import contextlib
import http.client
import os
import ssl
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

from deploy import cli, forked
from deploy.program import Program
from deploy.sandbox import alias, setup
from deploy.sandbox.authority import files_of
from deploy.sandbox.plan import Plan
from deploy.services import SERVICES, THREADS
from deploy.system import LINUX

PROBE_SECONDS = 2.0
SIDE_PARTS = ("front", "inbox", "example", "registry", "banks")
ROOT = Path(__file__).resolve().parents[2]
SHARED_MODULES = (
    "deploy.serving",
    "deploy.sandbox.side",
    "celery.apps.worker",
    "celery.concurrency.solo",
    "kombu.transport.redis",
    *(f"{service}.{part}" for service in SERVICES for part in ("app", "tasks")),
)


def preload() -> None:
    """Import what the processes need before they are forked: they start in no time and hold it in memory once, together."""
    if not LINUX:
        return
    for module in SHARED_MODULES:
        # One that cannot be imported is told by the process that needs it, in its own log.
        with contextlib.suppress(Exception):
            import_module(module)
    forked.freeze()


def setting_up(plan: Plan) -> Program:
    """The process that migrates and seeds, then ends."""
    command = (sys.executable, "-m", "deploy.sandbox.setup")
    return Program(name="setup", command=command, call=setup.main, environment=_sandbox_environment(plan), folder=ROOT)


def running(plan: Plan, processes: int = 1, *, mark: str = "") -> list[Program]:
    """All processes of the suite; `processes` is how many web processes, and how many workers, each service has.

    `mark` tells workers and relay from those of another release that run beside them.
    """
    found = []
    for service in SERVICES:
        environment = {**_sandbox_environment(plan), **plan.environment(service)}
        port = plan.ports.of(service)
        many = ("--threads", str(THREADS[service]), "--workers", str(processes))
        web = ("serve", service, "--host", "127.0.0.1", "--port", str(port), *many, *_tls(plan))
        found.append(_andamio(service, web, environment, ready=http_probe(port, "/readyz", tls=plan.ports.tls)))
        for number in range(1, processes + 1):
            name = f"{service}-worker{mark}" if number == 1 else f"{service}-worker{mark}-{number}"
            found.append(_background(plan, name, ("worker", service, "--name", f"{service}{mark}-{number}"), environment))
    every = {name: value for service in SERVICES for name, value in plan.environment(service).items()}
    found.append(_background(plan, f"relay{mark}", ("relay", "--all"), {**_sandbox_environment(plan), **every}))
    found.append(
        Program(
            name="side",
            command=(sys.executable, "-m", "deploy.sandbox.side"),
            call=_side,
            environment=_sandbox_environment(plan),
            folder=ROOT,
            ready=_all_of([http_probe(plan.ports.of(part), "/", tls=plan.ports.tls) for part in SIDE_PARTS]),
        )
    )
    if plan.ports.tls and alias.may_listen():
        found.append(
            Program(
                name="alias",
                command=(sys.executable, "-m", "deploy.sandbox.alias"),
                call=alias.main,
                environment=_sandbox_environment(plan),
                folder=ROOT,
            )
        )
    return found


def _tls(plan: Plan) -> tuple[str, ...]:
    files = files_of(plan.folder)
    return ("--tls-certificate", str(files.certificate), "--tls-key", str(files.key)) if plan.ports.tls else ()


def http_probe(port: int, path: str, *, tls: bool = False) -> Callable[[], bool]:
    """A question whether GET path is answered with less than 400."""

    def ready() -> bool:
        connection = _connection(port, tls=tls)
        try:
            connection.request("GET", path)
            return connection.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ready


def _connection(port: int, *, tls: bool) -> http.client.HTTPConnection:
    if not tls:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_SECONDS)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # our own process on this machine: only whether it answers
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=PROBE_SECONDS, context=context)


def _all_of(probes: list[Callable[[], bool]]) -> Callable[[], bool]:
    return lambda: all(probe() for probe in probes)


def _andamio(name: str, arguments: tuple[str, ...], environment: dict[str, str], ready: Callable[[], bool] = lambda: True) -> Program:
    command = (sys.executable, "-m", "deploy.cli", *arguments)
    return Program(name=name, command=command, call=partial(cli.main, arguments), environment=environment, folder=ROOT, ready=ready)


def _side() -> int:
    from deploy.sandbox import side

    return side.main()


def _background(plan: Plan, name: str, arguments: tuple[str, ...], environment: dict[str, str]) -> Program:
    """A process without a port: it says that it is ready by making a file."""
    ready_file = plan.folder / "run" / f"{name}.ready"
    ready_file.unlink(missing_ok=True)
    program = _andamio(name, (*arguments, "--ready-file", str(ready_file)), environment, ready=ready_file.exists)
    return replace(program, before_restart=lambda: ready_file.unlink(missing_ok=True))


def _sandbox_environment(plan: Plan) -> dict[str, str]:
    """What each process inherits: our own environment without any service's settings, and which sandbox it belongs to."""
    prefixes = tuple(f"{service}_".upper() for service in SERVICES)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    made = {"SANDBOX_DIR": str(plan.folder), "SANDBOX_PORT": str(plan.ports.base), "PYTHONUNBUFFERED": "1"}
    return {**inherited, **made, **trust(plan)}


def trust(plan: Plan) -> dict[str, str]:
    """What makes the HTTP libraries of a process trust the sandbox's own authority; nothing without TLS."""
    if not plan.ports.tls:
        return {}
    bundle = str(files_of(plan.folder).bundle)
    return {"SANDBOX_TLS": "1", "SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle}
