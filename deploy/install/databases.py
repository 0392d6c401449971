"""Databases with least privilege: an owner that only migrations use, and a role that may read and write rows and nothing else."""

from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import Connection, sql

from deploy.errors import CannotStart
from deploy.services import SERVICES

Passwords = Callable[[str], str]
"""The password of a role by its name, `SERVICE_owner` or `SERVICE_app`."""
LOCK = 0x616E6462
"""An advisory lock of the administrator's database: two at once would make the same role."""


def prepare(admin_url: str, passwords: Passwords, services: tuple[str, ...] = SERVICES) -> list[str]:
    """Make what is missing of roles and databases; return the services whose database was made.  Raises: CannotStart."""
    made = []
    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
            admin.execute("SELECT pg_advisory_lock(%s)", (LOCK,))  # until the connection is closed
            for service in services:
                _ensure_role(admin, f"{service}_owner", passwords)
                _ensure_role(admin, f"{service}_app", passwords)
                if _ensure_database(admin, service):
                    made.append(service)
            for service in services:
                with psycopg.connect(_at(admin_url, service), autocommit=True, connect_timeout=10) as database:
                    _grant(database, service)
    except psycopg.OperationalError as fault:
        raise CannotStart(
            "PostgreSQL does not answer at the administrator's address, or refuses it: check address and password."
        ) from fault
    return made


def _at(admin_url: str, database: str) -> str:
    return urlunsplit(urlsplit(admin_url)._replace(path=f"/{database}"))


def _ensure_role(admin: Connection, role: str, passwords: Passwords) -> None:
    verb = "ALTER" if admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() else "CREATE"
    statement = sql.SQL(verb + " ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}")
    admin.execute(statement.format(sql.Identifier(role), sql.Literal(passwords(role))))


def _ensure_database(admin: Connection, service: str) -> bool:
    if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (service,)).fetchone():
        return False
    # A managed server's administrator is no superuser: only a member of a role may give things to it.
    owner = sql.Identifier(f"{service}_owner")
    admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
    admin.execute(sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(service), owner))
    return True


def _grant(database: Connection, service: str) -> None:
    names = {"database": sql.Identifier(service), "owner": sql.Identifier(f"{service}_owner"), "app": sql.Identifier(f"{service}_app")}
    for statement in (
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT ON DATABASE {database} TO {app}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT ALL ON SCHEMA public TO {owner}",
        "GRANT USAGE ON SCHEMA public TO {app}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE ON SCHEMAS TO {app}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE, SELECT ON SEQUENCES TO {app}",
    ):
        database.execute(sql.SQL(statement).format(**names))
    schemas = database.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'").fetchall()
    for (schema,) in schemas:
        for statement in (
            "GRANT USAGE ON SCHEMA {schema} TO {app}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {app}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {app}",
        ):
            database.execute(sql.SQL(statement).format(**names, schema=sql.Identifier(schema)))
