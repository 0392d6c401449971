"""Behind PgBouncer in transaction mode: fewer server connections than clients, and each transaction on another one."""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import text

from deploy import docs
from deploy.operations import verify_log
from deploy.system import free_port, unprivileged_user, wait_until
from shared.audit.sequencer import sequence_pending
from shared.context import Context
from shared.settings import Secret

pytestmark = [pytest.mark.image]
CLIENTS, SERVER_CONNECTIONS, ROUNDS = 8, 2, 10
CONFIGURATION = """
[databases]
{name} = host={host} port={server} dbname={name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 100
logfile = {folder}/log
pidfile = {folder}/pid
"""


class Act(StrEnum):
    DONE = "pay:test:done"


@pytest.fixture
def pooled(database: Callable[[str], str], redis_url: str, run_folder: Path) -> Iterator[Context]:
    direct = database("pay")
    parts = urlsplit(direct)
    port = free_port()
    folder = run_folder / f"pgbouncer-{port}"
    folder.mkdir()
    users = f'"{parts.username}" "{parts.password}"\n'
    (folder / "users.txt").write_text(users)
    (folder / "pgbouncer.ini").write_text(
        CONFIGURATION.format(name=parts.path[1:], host=parts.hostname, server=parts.port, port=port, folder=folder, size=SERVER_CONNECTIONS)
    )
    user = unprivileged_user()  # PgBouncer does not run as root
    if user is not None:
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755)
        folder.chmod(0o777)
    who = {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}
    pooler = subprocess.Popen(["pgbouncer", "-q", str(folder / "pgbouncer.ini")], cwd="/", stderr=subprocess.DEVNULL, **who)
    address = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}"))
    app = docs.app_of("pay", database_url=Secret(address), redis_url=Secret(redis_url))
    context: Context = app.extensions["andamio"].context
    context.__dict__.pop("db", None)
    context.settings = replace(context.settings, database_pooled=True, database_pool_size=CLIENTS)
    try:
        assert wait_until(lambda: _is_ready(context), 10), (folder / "log").read_text()
        yield context
    finally:
        context.close()
        pooler.terminate()
        pooler.wait(10)


def _is_ready(context: Context) -> bool:
    try:
        return context.db.is_ready()
    except Exception:  # noqa: BLE001 - it is starting
        return False


def test_many_clients_on_few_connections_lose_nothing_and_keep_their_time_outs(pooled: Context) -> None:
    seen: set[int] = set()

    def work(number: int) -> None:
        for _ in range(ROUNDS):
            with pooled.transaction() as tx:
                tx.record(Act.DONE, actor=f"client:{number}")
                tx.enqueue("anything", {"number": number})
                row = tx.connection.execute(
                    text("SELECT pg_backend_pid(), current_setting('statement_timeout'), current_setting('timezone')")
                ).one()
            seen.add(row[0])
            assert (row[1], row[2].lower()) == ("15s", "utc")

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    assert len(seen) <= SERVER_CONNECTIONS
    with pooled.db.begin() as connection:
        assert sequence_pending(connection) == CLIENTS * ROUNDS
    assert verify_log(pooled, ()).ok
