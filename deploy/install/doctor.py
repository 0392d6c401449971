"""`andamio doctor`: looks at an installation and says what is wrong in plain words, and what to do.

A *fault* keeps a service from working or from being safe; a *warning* will, one day.
"""

import contextlib
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psycopg
import redis

from deploy.backup.client import for_dumping, server_version
from deploy.errors import CannotStart
from deploy.install import certificate, neighbours
from deploy.install.finding import Finding
from deploy.install.folder import CONTAINER_USER, SECRETS_IN_CONTAINER
from deploy.serving import settings_class
from notify.settings import Settings as NotifySettings
from pay.settings import PaySettings
from shared.redis_address import redis_client
from shared.settings import ServiceSettings, SettingsError, describe, env_name, load

FREE_BYTES_MIN = 5 << 30
POSTGRES_MIN = 150_000
CLOCK_SECONDS_MAX = 2.0
OLDEST_SECONDS_MAX = 300.0
_ABOUT = """
SELECT current_setting('server_version_num')::int, pg_encoding_to_char(encoding), rolsuper OR rolcreatedb OR rolcreaterole,
       extract(epoch FROM clock_timestamp())::float8
FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user
"""


def examine(folder: Path | None, environ: Mapping[str, str], services: Sequence[str], *, offline: bool = False) -> list[Finding]:
    """Look at everything that can be looked at; faults first."""
    findings: list[Finding] = []
    if folder is not None:
        findings += _folder(folder)
    settings: dict[str, ServiceSettings] = {}
    for service in services:
        given = environment(folder, service) if folder else environ
        if folder is not None:
            findings += _in_the_open(folder, service, given)
        try:
            settings[service] = load(settings_class(service), service, given)
        except SettingsError as error:
            findings += [Finding("fault", f"{service}: {fault}.") for fault in error.faults]
    findings += _together(settings)
    if not offline:
        for service, loaded in settings.items():
            findings += [Finding(finding.level, f"{service}: {finding.text}") for finding in _engines(service, loaded)]
        findings += _backups(settings.values())
    order = {"fault": 0, "warning": 1, "ok": 2}
    return sorted(findings, key=lambda finding: order[finding.level])


def environment(folder: Path, service: str) -> dict[str, str]:
    """What the service's containers would see, with the secrets where they lie on this host."""
    path = folder / "env" / f"{service}.env"
    if not path.exists():
        return {}
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "=" in line and not line.startswith("#")]
    values = {name: _unquoted(value) for name, _, value in (line.partition("=") for line in lines)}
    here = str(folder / "secrets" / service)
    return {name: value.replace(SECRETS_IN_CONTAINER, here) if name.endswith("_FILE") else value for name, value in values.items()}


def _unquoted(value: str) -> str:
    """As Compose reads it: quotes around the whole are not part of it."""
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _folder(folder: Path) -> Iterator[Finding]:
    if not (folder / "compose.yaml").exists():
        yield Finding("fault", f"{folder} is no installation: run `andamio init {folder}` first.")
        return
    open_to_others = [
        path for path in sorted((folder / "secrets").rglob("*")) if path.is_file() and path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)
    ]
    for path in open_to_others:
        yield Finding("fault", f"Everybody on this host can read {path}: chmod 400 {path}.")
    if not open_to_others:
        yield Finding("ok", "No secret can be read by others on this host.")
    free = shutil.disk_usage(folder).free
    level: Literal["ok", "warning"] = "ok" if free >= FREE_BYTES_MIN else "warning"
    yield Finding(
        level, f"{free >> 30} GiB are free where {folder} lies" + ("." if level == "ok" else ": the database needs room to grow.")
    )
    yield from certificate.examine(folder)


def _in_the_open(folder: Path, service: str, given: Mapping[str, str]) -> Iterator[Finding]:
    """Secrets that stand among the settings, which are a file that everybody may read."""
    for row in describe(settings_class(service), service):
        if row.kind == "secret" and given.get(row.variable):
            name = row.variable.removeprefix(env_name(service, "")).lower()
            yield Finding(
                "warning",
                f"{row.variable} stands in {folder}/env/{service}.env for everybody on this host: put it into "
                f"{folder}/secrets/{service}/{name} (chown {CONTAINER_USER}, chmod 400), and "
                f"{row.variable}_FILE={SECRETS_IN_CONTAINER}/{name} into its place.",
            )


def _together(settings: Mapping[str, ServiceSettings]) -> Iterator[Finding]:
    """What must agree between the services, and what must differ."""
    if len({loaded.issuer for loaded in settings.values()}) > 1:
        yield Finding("fault", "The services do not have the same issuer: copy IDENTITY_ISSUER to the others, byte for byte.")
    for what, values in (
        ("encryption key", [loaded.encryption_keys for loaded in settings.values()]),
        ("audit seed", [loaded.audit_seed for loaded in settings.values()]),
        ("database", [loaded.database_url for loaded in settings.values()]),
        ("client key", [loaded.client_key for loaded in settings.values()]),
    ):
        if len(set(values)) < len(values):
            yield Finding("fault", f"Two services have the same {what}: each needs its own.")
    for service, loaded in settings.items():
        if loaded.is_sandbox:
            yield Finding("warning", f"{service} runs as a sandbox: loopback addresses and test providers are allowed.")
        elif not loaded.secure:
            yield Finding("fault", f"{service} has no https address: people's data would travel in the open.")
        elif not loaded.trusted_proxies:
            yield Finding("warning", f"{service} believes no proxy ({service.upper()}_TRUSTED_PROXIES=0): behind the edge it should be 1.")


def _backups(settings: Iterable[ServiceSettings]) -> Iterator[Finding]:
    """Whether `andamio backup` could work from here: a client older than its server cannot back it up."""
    addresses = {loaded.database_url.reveal() for loaded in settings}
    try:
        server = max((server_version(address) for address in addresses), default=0)
    except CannotStart:  # a database that does not answer is told beside this
        return
    if not server:
        return
    try:
        found = for_dumping(server)
    except CannotStart as fault:
        yield Finding("warning", f"`andamio backup` cannot work from here. {fault}")
    else:
        yield Finding("ok", f"pg_dump {found.version} can back up PostgreSQL {server}.")


def _engines(service: str, settings: ServiceSettings) -> Iterator[Finding]:
    yield from _database(service, settings)
    yield from _replica(settings)
    yield from _queue(settings)
    if isinstance(settings, NotifySettings | PaySettings):
        yield from neighbours.scanner(settings)
    if isinstance(settings, NotifySettings):
        yield from neighbours.bucket(settings)
        yield from neighbours.mail(settings)
        yield from neighbours.shared_secret(settings)


def _database(service: str, settings: ServiceSettings) -> Iterator[Finding]:
    from shared import migrations

    try:
        with psycopg.connect(settings.database_url.reveal(), connect_timeout=5, autocommit=True) as connection:
            row = connection.execute(_ABOUT).fetchone()
            if row is None:
                yield Finding("fault", "PostgreSQL says nothing of its own database.")
                return
            version, encoding, is_mighty, time_there = row
            oldest = _oldest_job(connection)
    except psycopg.OperationalError:
        yield Finding("fault", "PostgreSQL does not answer at the address in the settings, or refuses it: check host, name and password.")
        return
    if version < POSTGRES_MIN:
        yield Finding("fault", f"PostgreSQL is version {version // 10_000}: 15 or newer is needed.")
    if encoding != "UTF8":
        yield Finding("fault", f"The database is encoded in {encoding}: make it anew in UTF8.")
    if is_mighty:
        yield Finding("warning", "The service's database role may do more than it needs: `andamio databases` makes one that may not.")
    if abs(time_there - datetime.now(UTC).timestamp()) > CLOCK_SECONDS_MAX:
        yield Finding("warning", "The clocks of this host and of PostgreSQL differ: set up time synchronisation on both.")
    if migrations.is_current(service, settings.database_url.reveal()):
        yield Finding("ok", f"PostgreSQL {version // 10_000} answers and the database has its newest form.")
    else:
        yield Finding("fault", f"The database has not the form that this release needs: run `andamio migrate {service}`.")
    if oldest is not None and oldest > OLDEST_SECONDS_MAX:
        yield Finding("warning", f"A job has been due for {oldest / 60:.0f} minutes: do relay and worker run?")


def _replica(settings: ServiceSettings) -> Iterator[Finding]:
    """Where it is away the database itself is asked, so that nobody notices that it never was there."""
    if not settings.read_database_url:
        return
    try:
        with psycopg.connect(settings.read_database_url.reveal(), connect_timeout=5, autocommit=True) as connection:
            connection.execute("SELECT 1 FROM outbox LIMIT 1")
    except psycopg.errors.InsufficientPrivilege:
        yield Finding("fault", "The replica's role may not read the tables: make it IN ROLE pg_read_all_data.")
    except psycopg.Error:
        yield Finding("warning", "The replica for lists does not answer as it should, so lists are read from the database itself.")
    else:
        yield Finding("ok", "The replica for lists answers.")


def _oldest_job(connection: "psycopg.Connection") -> float | None:
    try:
        row = connection.execute("SELECT extract(epoch FROM now() - min(due_at))::float8 FROM outbox WHERE state = 'waiting'").fetchone()
    except psycopg.errors.UndefinedTable:  # not migrated yet, which is told beside this
        return None
    return None if row is None or row[0] is None else float(row[0])


def _queue(settings: ServiceSettings) -> Iterator[Finding]:
    try:
        with redis_client(settings.redis_url.reveal(), socket_timeout=5, socket_connect_timeout=5) as client:
            client.ping()
            policy = str(client.info("memory").get("maxmemory_policy", ""))
    except redis.RedisError:
        yield Finding(
            "fault", "Valkey or Redis does not answer at the address in the settings, or refuses it. Nothing is lost, but jobs wait."
        )
        return
    if policy not in {"noeviction", ""}:
        yield Finding("warning", f"The queue may throw messages away when memory is short (maxmemory-policy {policy}): set noeviction.")
    yield from _broker(settings)


def _broker(settings: ServiceSettings) -> Iterator[Finding]:
    """The queue's own engine, where it has one."""
    from shared.broker import AWAY, broker_at

    if settings.broker_url:
        with contextlib.closing(broker_at(settings.broker_url.reveal())) as broker:
            try:
                broker.waiting(["nothing"])
            except AWAY:
                yield Finding("fault", "The queue's own engine (broker) does not answer, or refuses us. Nothing is lost, but jobs wait.")
                return
    yield Finding("ok", "The queue answers.")
