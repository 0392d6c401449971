"""The engines that tests run against: one PostgreSQL cluster and one Valkey for a whole pytest run, whatever its number of workers.

`ANDAMIO_TEST_DATABASE_URL` (a superuser's) and `ANDAMIO_TEST_REDIS_URL` name servers to use instead.  Otherwise the first test that needs
an engine starts `python -m tests.engines`, which holds both until the run ends, or until the process that began the run is gone.
"""

import contextlib
import fcntl
import importlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from deploy.engines import postgres, valkey
from deploy.supervisor import Signals, Supervisor
from deploy.system import free_port, process_birth, wait_until

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60
STOP_SECONDS = 15
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Engines:
    """Addresses of both servers, the password of the services' roles and a prefix for names."""

    database_url: str
    redis_url: str
    role_password: str
    prefix: str

    def database(self, name: str, role: str | None = None) -> str:
        """Address of database `name` as the superuser or as `role`."""
        parts = urlsplit(self.database_url)
        place = parts.netloc if role is None else f"{role}:{self.role_password}@{parts.netloc.rpartition('@')[2]}"
        return urlunsplit(parts._replace(netloc=place, path=f"/{name}"))

    def redis(self, number: int) -> str:
        """Address of one numbered Redis database."""
        return f"{self.redis_url}/{number}"


def obtain(run_folder: Path) -> Engines:
    """The engines of this run, started when nobody has yet.  Safe to call from several workers at once."""
    with locked(run_folder / "lock"):
        record = run_folder / "engines.json"
        if not record.exists():
            _start_holder(run_folder)
        return Engines(**json.loads(record.read_text()))


def release(run_folder: Path) -> None:
    """Stop what `obtain` started and forget the run."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        holder = int((run_folder / "holder.pid").read_text())
        birth = process_birth(holder)
        os.kill(holder, signal.SIGTERM)
        wait_until(lambda: process_birth(holder) != birth, STOP_SECONDS)
    shutil.rmtree(run_folder, ignore_errors=True)


def ensure_template(engines: Engines, run_folder: Path, service: str) -> str:
    """Name of the template database of service, with its migrations done; made once a run."""
    name, role = f"{engines.prefix}{service}", f"{engines.prefix}{service}"
    done = run_folder / f"template-{service}"
    with locked(run_folder / f"template-{service}.lock"):
        if not done.exists():
            with psycopg.connect(engines.database_url, autocommit=True) as admin:
                admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(engines.role_password)))
                admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(role)))
                importlib.import_module("shared.migrations").upgrade(service, engines.database(name, role))
                admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
            done.touch()
    return name


@contextlib.contextmanager
def copied(engines: Engines, template: str, name: str) -> Iterator[str]:
    """A database copied from template, owned by the template's role; its URL as that role.  Dropped at the end."""
    with psycopg.connect(engines.database_url, autocommit=True) as admin:
        # Copied as files: for so small a template faster by a third than block by block through the log.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy")
        admin.execute(statement.format(sql.Identifier(name), sql.Identifier(template), sql.Identifier(template)))
    try:
        yield engines.database(name, template)
    finally:
        drop(engines, name)


@contextlib.contextmanager
def empty(engines: Engines, service: str, name: str) -> Iterator[str]:
    """An empty database with a role of its own, for tests of the migrations themselves."""
    role = f"{name}_owner"
    with psycopg.connect(engines.database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(engines.role_password)))
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(role)))
    try:
        yield engines.database(name, role)
    finally:
        drop(engines, name)
        with psycopg.connect(engines.database_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def drop(engines: Engines, name: str) -> None:
    """Drop a database, cutting off who still uses it."""
    with psycopg.connect(engines.database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def drop_all(engines: Engines) -> None:
    """Remove everything this run made on a server that is not ours."""
    like = engines.prefix.replace("_", r"\_") + "%"
    with psycopg.connect(engines.database_url, autocommit=True) as admin:
        databases = admin.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [like]).fetchall()
        for (name,) in databases:
            drop(engines, name)
        for (role,) in admin.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", [like]).fetchall():
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on path."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start_holder(run_folder: Path) -> None:
    with (run_folder / "holder.log").open("wb") as log:
        command = [sys.executable, "-m", "tests.engines", str(run_folder), os.environ["ANDAMIO_TEST_RUN_PID"]]
        holder = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    ready = wait_until(lambda: (run_folder / "engines.json").exists() or holder.poll() is not None, START_SECONDS)
    if not ready or holder.poll() is not None:
        raise RuntimeError(f"the test engines did not start:\n{(run_folder / 'holder.log').read_text()}")
    holder.returncode = 0  # it outlives us on purpose: no warning about a process left running


def _hold(run_folder: Path, run_pid: int) -> None:
    """Keep both engines until SIGTERM or the end of process run_pid; then leave nothing behind."""
    (run_folder / "holder.pid").write_text(str(os.getpid()))
    birth = process_birth(run_pid)
    supervisor = Supervisor(run_folder)
    database_url, redis_url = os.environ.get("ANDAMIO_TEST_DATABASE_URL"), os.environ.get("ANDAMIO_TEST_REDIS_URL")
    with Signals() as signals:
        try:
            if not database_url:
                settings = {**postgres.SETTINGS, **postgres.THROWAWAY_SETTINGS, "max_connections": "400"}
                cluster = postgres.prepare(run_folder, port=free_port(), password=secrets.token_urlsafe(12), settings=settings)
                supervisor.start(cluster.program())
                database_url = cluster.url()
            if not redis_url:
                settings = {**valkey.SETTINGS, **valkey.THROWAWAY_SETTINGS}
                server = valkey.prepare(run_folder, port=free_port(), password=secrets.token_urlsafe(12), settings=settings)
                supervisor.start(server.program())
                redis_url = server.url().rpartition("/")[0]
            supervisor.wait_ready(START_SECONDS)
            engines = Engines(database_url, redis_url.rstrip("/"), secrets.token_hex(12), f"t{secrets.token_hex(3)}_")
            unfinished = run_folder / "engines.json.new"
            unfinished.write_text(json.dumps(asdict(engines)))
            unfinished.replace(run_folder / "engines.json")
            while not signals.stop_asked and process_birth(run_pid) == birth:
                supervisor.tend()
                signals.wait(LOOK_SECONDS)
            if "ANDAMIO_TEST_DATABASE_URL" in os.environ:
                drop_all(engines)
        finally:
            supervisor.stop()
            shutil.rmtree(run_folder, ignore_errors=True)


if __name__ == "__main__":
    _hold(Path(sys.argv[1]), int(sys.argv[2]))
