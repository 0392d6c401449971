"""Backup of the four databases, and a restore that proves what it restored: audit logs and books are recomputed.

A backup is a folder: `SERVICE.dump` (pg_dump's custom form) for each service, and `backup.json` with the time, each dump's
SHA-256, and the last signed checkpoint of each audit log as it stood before its dump began.
"""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from deploy.engines.postgres import find_binaries
from deploy.errors import CannotStart
from deploy.operations import verify_log
from deploy.services import SERVICES
from deploy.serving import create_context, settings_class
from shared.audit.store import find_checkpoint
from shared.context import Context
from shared.settings import Secret, load

INDEX = "backup.json"
JOBS = 2


@dataclass(frozen=True)
class Kept:
    """One dump of a backup."""

    service: str
    bytes: int
    seconds: float


def back_up(folder: Path, services: Sequence[str] = SERVICES) -> list[Kept]:
    """Dump every service into an empty folder.  Raises: CannotStart."""
    if folder.exists() and any(folder.iterdir()):
        raise CannotStart(f"{folder} is not empty: a backup is never written over another.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    about: dict[str, object] = {"made_at": datetime.now(UTC).isoformat(timespec="seconds"), "services": {}}
    kept = []
    for service in services:
        context = create_context(service)
        try:
            with context.reading() as tx:
                checkpoint = find_checkpoint(tx.connection)
            began = time.perf_counter()
            target = folder / f"{service}.dump"
            _run("pg_dump", context.settings.database_url.reveal(), "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
        finally:
            context.close()
        about["services"][service] = {"sha256": _sha256(target), "checkpoint": checkpoint}  # type: ignore[index]  # a dictionary of ours
        kept.append(Kept(service, target.stat().st_size, round(time.perf_counter() - began, 1)))
    (folder / INDEX).write_text(json.dumps(about, indent=1), encoding="utf-8")
    return kept


def restore(folder: Path, admin_url: str, *, prefix: str = "") -> dict[str, str]:
    """Load a backup into databases that are not there yet; return their addresses.  Raises: CannotStart."""
    about = _read_index(folder)
    addresses = {}
    for service in about:
        name = prefix + service
        try:
            with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
                admin.execute(sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name)))
        except psycopg.errors.DuplicateDatabase:
            raise CannotStart(f"There is a database {name} already: restore into an empty server, or give --prefix.") from None
        except psycopg.OperationalError as fault:
            raise CannotStart("The server to restore into does not answer, or refuses: check the address.") from fault
        addresses[service] = urlunsplit(urlsplit(admin_url)._replace(path=f"/{name}"))
        arguments = ("--no-owner", "--no-privileges", "--exit-on-error", f"--jobs={JOBS}", str(folder / f"{service}.dump"))
        _run("pg_restore", addresses[service], *arguments)
    return addresses


def prove_restored(folder: Path, addresses: Mapping[str, str]) -> list[str]:
    """Recompute the audit logs and the books of restored databases; return a sentence for each thing that does not hold."""
    about = _read_index(folder)
    contexts = {service: _context_at(service, address) for service, address in addresses.items()}
    faults = []
    try:
        for service, context in contexts.items():
            checkpoint = about[service]["checkpoint"]
            # Not against the other three: they were dumped a moment later and may have witnessed more than this dump has.
            report = verify_log(context, (), seen=[("the backup", checkpoint)] if checkpoint else [])
            faults += [] if report.ok else [f"{service}: {report}"]
        if "pay" in contexts:
            faults += _faults_of_the_books(contexts["pay"])
    finally:
        for context in contexts.values():
            context.close()
    return faults


def _faults_of_the_books(context: Context) -> list[str]:
    from pay.operations.proofs import prove

    with context.reading() as tx:
        return [f"pay: {fault}" for fault in prove(tx.connection.execution_options(isolation_level="REPEATABLE READ")).faults]


def _context_at(service: str, address: str) -> Context:
    settings = replace(load(settings_class(service), service, os.environ), database_url=Secret(address))
    made = import_module(f"{service}.app").create_context(settings)
    assert isinstance(made, Context)  # noqa: S101 - narrows the type of a module that was found by name
    return made


def _read_index(folder: Path) -> dict[str, dict[str, str]]:
    """Return what backup.json says of each service, after each dump was held against it.  Raises: CannotStart."""
    try:
        services: dict[str, dict[str, str]] = json.loads((folder / INDEX).read_text(encoding="utf-8"))["services"]
        for service, about in services.items():
            if _sha256(folder / f"{service}.dump") != about["sha256"]:
                raise CannotStart(f"{folder / f'{service}.dump'} is not what was backed up: it was changed or cut off.")
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise CannotStart(f"{folder} is not a whole backup.") from fault
    return services


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(tool: str, address: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own tools; the password goes by the environment, never by the command line."""
    program = find_binaries().folder / tool
    found = str(program) if program.exists() else shutil.which(tool)
    if found is None:
        raise CannotStart(f"{tool} is not on this machine: install PostgreSQL's client (on Debian: apt-get install postgresql-client).")
    parts = urlsplit(address)
    place = f"{parts.username}@{parts.netloc.rpartition('@')[2]}"
    without_password = urlunsplit(parts._replace(scheme="postgresql", netloc=place))
    environment = {**os.environ, "PGPASSWORD": unquote(parts.password or "")}
    done = subprocess.run([found, f"--dbname={without_password}", *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotStart(f"{tool} failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'it said nothing'}")
