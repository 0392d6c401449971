"""What commands share: how they answer, which services they are for, and where the settings of those come from."""

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from deploy.errors import CannotStart
from deploy.services import SERVICES

Command = Callable[[argparse.Namespace], int]
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def show(parsed: argparse.Namespace, document: Mapping[str, object], lines: Sequence[str]) -> None:
    """Print for programs or for people."""
    print(json.dumps(document, ensure_ascii=False) if parsed.json else "\n".join(lines))


def runs(parser: argparse.ArgumentParser, command: Command) -> None:
    """Say what a command does, and that it may be asked for JSON."""
    parser.add_argument("--json", action="store_true", help="print for programs")
    parser.set_defaults(command=command)


def add_services(parser: argparse.ArgumentParser) -> None:
    """Take the names of services, or all."""
    parser.add_argument("service", nargs="*", help=f"one or more of {', '.join(SERVICES)}")
    parser.add_argument("--all", action="store_true", help="all four services")


def services_of(parsed: argparse.Namespace) -> tuple[str, ...]:
    """Give the services that were named.  Raises: CannotStart."""
    chosen = SERVICES if parsed.all else tuple(parsed.service)
    unknown = sorted(set(chosen) - set(SERVICES))
    if unknown:
        raise CannotStart(f"There is no service {unknown[0]}: the services are {', '.join(SERVICES)}.")
    if not chosen:
        raise CannotStart("No service was named: name one or more, or use --all.")
    return chosen


def enter(services: Sequence[str]) -> None:
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
