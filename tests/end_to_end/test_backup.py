"""A backup of the running suite, restored on another server: it proves itself, or says what is wrong."""

import contextlib
import io
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy import cli
from deploy.services import SERVICES
from tests.engines import Engines
from tests.sandboxes import RunningSandbox

Andamio = Callable[[Sequence[str]], tuple[int, str]]


@pytest.fixture
def andamio(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Andamio:
    """The command, at the running sandbox: its status and what it said."""
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)

    def run(arguments: Sequence[str]) -> tuple[int, str]:
        said, complained = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            status = cli.main(arguments)
        return status, said.getvalue() + complained.getvalue()

    return run


@pytest.fixture
def prefix(engines: Engines) -> Iterator[str]:
    """A name for databases on the tests' own server, which are dropped afterwards."""
    made = f"restored_{secrets.token_hex(4)}_"
    yield made
    with psycopg.connect(engines.database_url, autocommit=True) as admin:
        for service in SERVICES:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(made + service)))


@pytest.fixture
def backup(andamio: Andamio, tmp_path: Path) -> Path:
    folder = tmp_path / "backup"
    status, said = andamio(["backup", str(folder)])
    assert status == 0, said
    return folder


def test_what_was_restored_proves_itself(andamio: Andamio, backup: Path, engines: Engines, prefix: str) -> None:
    status, said = andamio(["restore", str(backup), "--into", engines.database_url, "--prefix", prefix, "--verify", "--json"])
    assert (status, json.loads(said)) == (0, {"restored": list(SERVICES), "files": 0, "verified": True, "faults": []})
    again, complaint = andamio(["restore", str(backup), "--into", engines.database_url, "--prefix", prefix])
    assert again == 1
    assert f"There is a database {prefix}identity already" in complaint


def test_a_rehearsal_leaves_nothing_behind(andamio: Andamio, backup: Path, engines: Engines, prefix: str) -> None:
    into = ["restore", str(backup), "--into", engines.database_url, "--drop"]
    assert andamio([*into, "--verify"])[0] == andamio([*into, "--prefix", prefix])[0] == 1
    status, said = andamio([*into, "--prefix", prefix, "--verify"])
    assert status == 0, said
    with psycopg.connect(engines.database_url) as admin:
        left = admin.execute("SELECT count(*) FROM pg_database WHERE starts_with(datname, %s)", [prefix]).fetchone()
    assert left == (0,)


def test_a_row_that_is_missing_from_the_restored_log_is_named(andamio: Andamio, backup: Path, engines: Engines, prefix: str) -> None:
    from deploy.backup import proving, restoring

    addresses = restoring.restore(backup, engines.database_url, prefix=prefix).addresses
    with psycopg.connect(addresses["pay"], autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # what a superuser can do, and nobody else
        connection.execute("ALTER TABLE audit_entries DISABLE TRIGGER ALL")
        connection.execute("DELETE FROM audit_entries WHERE entry_id = (SELECT entry_id FROM audit_sequence WHERE seq = 2)")
    faults = proving.prove(backup, addresses)
    assert len(faults) == 1
    assert faults[0].startswith("pay: ")
    assert "missing at row 2" in faults[0]


def test_a_backup_that_was_changed_or_cut_off_is_refused(andamio: Andamio, backup: Path, engines: Engines, prefix: str) -> None:
    dump = backup / "wallet.dump"
    dump.write_bytes(dump.read_bytes()[:-1])
    status, said = andamio(["restore", str(backup), "--into", engines.database_url, "--prefix", prefix])
    assert status == 1
    assert "is not what was backed up" in said


def test_a_folder_with_something_in_it_is_not_written_to(andamio: Andamio, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    status, said = andamio(["backup", str(tmp_path)])
    assert status == 1
    assert "is not empty" in said
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_no_password_stands_in_a_backups_index(backup: Path) -> None:
    index = json.loads((backup / "backup.json").read_text())
    assert set(index) == {"made_at", "services", "files"}
    assert all(set(about) == {"sha256", "checkpoint", "postgresql"} for about in index["services"].values())
    assert set(index["files"]) == {"count", "bytes", "sha256", "gone", "missing"}
