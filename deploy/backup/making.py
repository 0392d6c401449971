"""Make a backup, while everything runs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.backup import files
from deploy.backup.client import Client, for_dumping, server_version
from deploy.backup.index import Dumped, Files, Index, sha256_of
from deploy.errors import CannotStart
from deploy.services import SERVICES
from deploy.serving import create_context
from notify.context import Notify
from shared.audit.store import find_checkpoint
from shared.context import Context


@dataclass(frozen=True)
class Kept:
    """One dump of a backup, or the files."""

    what: str
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Made:
    """A whole backup: what was kept, and what the files were."""

    kept: list[Kept]
    files: Files


def back_up(folder: Path, services: Sequence[str] = SERVICES) -> Made:
    """Dump every service into an empty folder, and copy the files that its rows say are in the bucket.  Raises: CannotStart."""
    contexts = {service: create_context(service) for service in services}
    try:
        if pooled := [service for service, context in contexts.items() if context.settings.database_pooled]:
            raise CannotStart(
                f"{pooled[0]} reaches PostgreSQL through a pooler, which pg_dump cannot: give the address of PostgreSQL itself."
            )
        versions = {service: server_version(context.settings.database_url.reveal()) for service, context in contexts.items()}
        clients = {service: for_dumping(version) for service, version in versions.items()}  # all fit, or nothing is begun
        _make(folder)
        dumps, kept, copied = {}, [], Files()
        for service, context in contexts.items():
            began = time.perf_counter()
            dumps[service] = _dump(context, clients[service], versions[service], folder)
            kept.append(Kept(service, (folder / f"{service}.dump").stat().st_size, round(time.perf_counter() - began, 1)))
            if isinstance(context, Notify):
                began = time.perf_counter()
                copied = files.copy(context, folder)
                if copied.count:
                    kept.append(Kept(f"{copied.count} files", copied.bytes, round(time.perf_counter() - began, 1)))
    finally:
        for context in contexts.values():
            context.close()
    Index(dumps, copied).write(folder)
    return Made(kept, copied)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        is_used = any(folder.iterdir())
    except OSError as fault:
        raise CannotStart(f"The folder {folder} cannot be made or read ({fault.strerror}).") from fault
    if is_used:
        raise CannotStart(f"{folder} is not empty: a backup is never written over another.")


def _dump(context: Context, client: Client, version: int, folder: Path) -> Dumped:
    with context.reading() as tx:
        checkpoint = find_checkpoint(tx.connection)
    target = folder / f"{context.service}.dump"
    options = ("--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    address = context.settings.database_url.reveal()
    if isinstance(context, Notify):
        with files.snapshot(context, folder) as snapshot:
            client.run("pg_dump", address, *options, f"--snapshot={snapshot}")
    else:
        client.run("pg_dump", address, *options)
    return Dumped(sha256_of(target), checkpoint, version)
