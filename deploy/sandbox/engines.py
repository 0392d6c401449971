"""The sandbox's engines: its own cluster and its own Valkey, or the servers that the environment names; and a database for each service."""

from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from deploy.engines import postgres, valkey
from deploy.errors import CannotStart
from deploy.program import Program
from deploy.sandbox.plan import Engines, Plan
from deploy.sandbox.settings import SandboxSettings
from deploy.services import SERVICES
from deploy.system import free_port


def prepare(settings: SandboxSettings, plan: Plan, note: Callable[[str], None]) -> tuple[Engines, list[Program]]:
    """Where the engines will be and what must run for it; ports are kept from one start to the next while they are free.

    Raises: CannotStart.
    """
    before = plan.engines
    programs: list[Program] = []
    admin_url, redis_url = settings.database_url, settings.redis_url
    if not admin_url:
        port = free_port(urlsplit(before.admin_url).port if before.own else None)
        cluster = postgres.prepare(plan.folder, port=port, password=plan.secret("database:superuser"), note=note)
        programs.append(cluster.program())
        admin_url = cluster.url()
    if not redis_url:
        port = free_port(urlsplit(before.redis_url).port)
        server = valkey.prepare(plan.folder, port=port, password=plan.secret("redis"))
        programs.append(server.program())
        redis_url = server.url().rpartition("/")[0]
    return Engines(admin_url, redis_url, own=not settings.database_url), programs


def make_databases(plan: Plan, admin_url: str) -> bool:
    """A role and a database for each service, where they are missing; whether all were there.  Raises: CannotStart."""
    all_there = True
    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=5) as admin:
            present = {name for (name,) in admin.execute("SELECT datname FROM pg_database").fetchall()}
            roles = {name for (name,) in admin.execute("SELECT rolname FROM pg_roles").fetchall()}
            for service in SERVICES:
                name = plan.database_name(service)
                role, password = sql.Identifier(name), sql.Literal(plan.database_password(service))
                if name not in roles:
                    admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
                if name not in present:
                    all_there = False
                    admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
                    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))
    except psycopg.OperationalError as fault:
        raise CannotStart(f"PostgreSQL does not take our connection: {str(fault).strip().splitlines()[-1]}") from fault
    except psycopg.errors.InsufficientPrivilege as fault:
        raise CannotStart("The user of ANDAMIO_DATABASE_URL may not make roles and databases: give a superuser's URL.") from fault
    return all_there


def drop_databases(plan: Plan, admin_url: str) -> None:
    """Remove this sandbox's databases and roles from a server that is not its own."""
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=5) as admin:
        for service in SERVICES:
            name = sql.Identifier(plan.database_name(service))
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(name))
