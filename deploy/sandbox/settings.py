"""Where a sandbox lives and what it was asked to do: SANDBOX_… and the engines' own variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import CannotStart
from deploy.sandbox import ports
from deploy.sandbox.ports import Ports

FOLDER_DEFAULT = "var/sandbox"
FOLDER_TLS = "var/sandbox-tls"
PROCESSES_MAX = 16


@dataclass(frozen=True)
class SandboxSettings:
    """`database_url` (a superuser's) and `redis_url` name engines to use instead of our own; empty: our own.

    `processes` is how many web processes, and how many workers, each service has.
    """

    folder: Path
    ports: Ports
    database_url: str = ""
    redis_url: str = ""
    processes: int = 1


def from_environment(environ: Mapping[str, str] = os.environ) -> SandboxSettings:
    """Read the settings.  Raises: CannotStart when the port is no port."""
    tls = environ.get("SANDBOX_TLS", "").lower() in {"1", "true", "yes"}
    return SandboxSettings(
        folder=Path(environ.get("SANDBOX_DIR") or (FOLDER_TLS if tls else FOLDER_DEFAULT)).expanduser().absolute(),
        ports=ports.from_text(environ.get("SANDBOX_PORT") or str(ports.BASE_DEFAULT), tls=tls),
        database_url=environ.get("ANDAMIO_DATABASE_URL", ""),
        redis_url=environ.get("ANDAMIO_REDIS_URL", "").rstrip("/"),
        processes=_processes(environ.get("SANDBOX_PROCESSES") or "1"),
    )


def _processes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= PROCESSES_MAX):
        raise CannotStart(f"SANDBOX_PROCESSES is a number from 1 to {PROCESSES_MAX}, not {text!r}.")
    return int(text)


def overrides(service: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the settings of a service that SANDBOX_<SETTING> gives another value, as SANDBOX_NOTIFY_SMTP_PORT."""
    prefix = f"SANDBOX_{service}_".upper()
    return {name.removeprefix("SANDBOX_"): value for name, value in environ.items() if name.startswith(prefix)}
