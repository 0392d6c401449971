"""Load a backup into a server."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from deploy.backup import files, index
from deploy.backup.client import for_restoring, server_version
from deploy.errors import CannotStart
from shared.db import Database

JOBS = 2
_TABLES = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""


@dataclass(frozen=True)
class Restored:
    """The addresses of restored databases by service, how many files went back, and a sentence for each that did not."""

    addresses: dict[str, str]
    files: int
    faults: list[str]


def restore(folder: Path, admin_url: str, *, prefix: str = "") -> Restored:
    """Load a backup into databases that are not there yet, or are there and empty.  Raises: CannotStart."""
    about = index.read(folder)
    server = server_version(admin_url)
    client = for_restoring(max(dumped.postgresql for dumped in about.services.values()) or server, server)
    addresses, faults = {}, []
    for service in about.services:
        name = prefix + service
        owner = _empty_database(admin_url, name)
        addresses[service] = _at(admin_url, name)
        options = ["--no-owner", "--no-privileges", "--exit-on-error", f"--jobs={JOBS}", *([f"--role={owner}"] if owner else [])]
        client.run("pg_restore", addresses[service], *options, str(folder / f"{service}.dump"))
    if about.files.count:
        db = Database(addresses["notify"], pool_size=1, statement_timeout_ms=0)
        try:
            faults = files.put_back(db, folder)
        finally:
            db.dispose()
    return Restored(addresses, about.files.count, faults)


def drop(admin_url: str, addresses: Mapping[str, str]) -> None:
    """Drop databases that were restored to be tried."""
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
        for address in addresses.values():
            name = sql.Identifier(urlsplit(address).path.strip("/"))
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def _empty_database(admin_url: str, name: str) -> str:
    """Make a database, or take one that is empty; return the role that is to own what is in it, if that is not ours.

    `andamio databases` makes empty ones whose owner only migrations use.  Raises: CannotStart.
    """
    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
            found = admin.execute("SELECT pg_get_userbyid(datdba), current_user FROM pg_database WHERE datname = %s", [name]).fetchone()
            if found is None:
                admin.execute(sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name)))
                return ""
        with psycopg.connect(_at(admin_url, name), autocommit=True, connect_timeout=10) as there:
            tables = there.execute(_TABLES).fetchone()
    except psycopg.OperationalError as fault:
        raise CannotStart("The server to restore into does not answer, or refuses: check the address.") from fault
    if tables != (0,):
        raise CannotStart(f"There is a database {name} already, with tables in it: restore into an empty server, or give --prefix.")
    owner, ours = found
    return "" if owner == ours else str(owner)


def _at(admin_url: str, database: str) -> str:
    return urlunsplit(urlsplit(admin_url)._replace(path=f"/{database}"))
