"""Where a sandbox lives and what it was asked to do: SANDBOX_DIR, SANDBOX_PORT, SANDBOX_TLS and the engines' own variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.sandbox import ports
from deploy.sandbox.ports import Ports

FOLDER_DEFAULT = "var/sandbox"
FOLDER_TLS = "var/sandbox-tls"


@dataclass(frozen=True)
class SandboxSettings:
    """`database_url` (a superuser's) and `redis_url` name engines to use instead of our own; empty: our own."""

    folder: Path
    ports: Ports
    database_url: str = ""
    redis_url: str = ""


def from_environment(environ: Mapping[str, str] = os.environ) -> SandboxSettings:
    """Read the settings.  Raises: CannotStart when the port is no port."""
    tls = environ.get("SANDBOX_TLS", "").lower() in {"1", "true", "yes"}
    return SandboxSettings(
        folder=Path(environ.get("SANDBOX_DIR") or (FOLDER_TLS if tls else FOLDER_DEFAULT)).expanduser().absolute(),
        ports=ports.from_text(environ.get("SANDBOX_PORT") or str(ports.BASE_DEFAULT), tls=tls),
        database_url=environ.get("ANDAMIO_DATABASE_URL", ""),
        redis_url=environ.get("ANDAMIO_REDIS_URL", "").rstrip("/"),
    )
