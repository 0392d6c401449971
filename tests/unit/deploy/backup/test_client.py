"""A client older than its server is refused before anything is written; of several, the one nearest to the server is taken."""

import os
from pathlib import Path

import pytest

from deploy import cli
from deploy.backup import client
from deploy.backup.client import Client, for_dumping, for_restoring, server_version
from deploy.commands import backups
from deploy.errors import CannotStart
from deploy.install import folder
from deploy.install.folder import Installation
from deploy.services import SERVICES
from deploy.serving import settings_class
from shared.settings import load
from tests.engines import Engines
from tests.unit.deploy.test_operations import addresses, suite

__all__ = ["addresses", "suite"]


def here(monkeypatch: pytest.MonkeyPatch, *versions: int) -> None:
    """Let these versions be all that this machine has."""
    monkeypatch.setattr(client, "find_clients", lambda: [Client(Path(f"/pg/{version}"), version) for version in versions])


def a_program(place: Path, version: str) -> Path:
    """A pg_dump and a pg_restore that say what version they are."""
    place.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (place / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (place / name).chmod(0o755)
    return place


def test_this_machine_has_one_for_its_server(engines: Engines) -> None:
    server = server_version(engines.database_url)
    assert for_dumping(server).version >= server


@pytest.mark.parametrize(("server", "taken"), [(14, 15), (15, 15), (16, 18), (18, 18)])
def test_the_nearest_that_is_not_older_is_taken(monkeypatch: pytest.MonkeyPatch, server: int, taken: int) -> None:
    here(monkeypatch, 18, 13, 15)
    assert for_dumping(server).version == taken


def test_an_older_one_is_refused_and_what_to_do_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, 15, 13)
    with pytest.raises(CannotStart, match=r"is version 15 here, too old to back up PostgreSQL 18: .*postgresql-client-18"):
        for_dumping(18)
    here(monkeypatch)
    with pytest.raises(CannotStart, match="is not on this machine to back up PostgreSQL 18"):
        for_dumping(18)


@pytest.mark.parametrize(
    ("dumped_by", "server", "sentence"),
    [
        (18, 17, "of PostgreSQL 18 and the server is 17: restore into 18 or newer"),
        (16, 16, "pg_restore is version 18 here, which PostgreSQL 16 does not understand"),
        (19, 19, "too old to read a backup of PostgreSQL 19"),
    ],
)
def test_what_cannot_be_restored_is_refused_before_it_is_begun(
    monkeypatch: pytest.MonkeyPatch, dumped_by: int, server: int, sentence: str
) -> None:
    here(monkeypatch, 15, 18)
    with pytest.raises(CannotStart, match=sentence):
        for_restoring(dumped_by, server)
    assert for_restoring(15, 15).version == for_restoring(15, 18).version == 15
    assert for_restoring(16, 17).version == 18


@pytest.mark.parametrize("said", ["9.6.24", "15", "18.6 (Debian 18.6-1.pgdg13+1)", "19beta1"])
def test_the_version_is_what_the_program_says(tmp_path: Path, said: str) -> None:
    found = client._client_in(a_program(tmp_path / "bin", said))
    assert found is not None
    assert str(found.version) == said.partition(".")[0].partition("beta")[0]


def test_a_program_that_does_not_run_is_none(tmp_path: Path) -> None:
    assert client._client_in(tmp_path) is None
    folder = a_program(tmp_path / "bin", "18")
    (folder / "pg_dump").write_text("#!/bin/sh\nexit 1\n")
    assert client._client_in(folder) is None
    (folder / "pg_dump").unlink()
    assert client._client_in(folder) is None


def test_a_backup_by_an_older_client_writes_nothing(
    suite: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against the server of these tests, with a program that is older than any of them."""
    old = a_program(tmp_path / "bin", "9.6.24")
    monkeypatch.setattr(client, "_folders", lambda: iter([old]))
    assert cli.main(["backup", str(tmp_path / "backup")]) == 1
    assert "pg_dump is version 9 here, too old to back up PostgreSQL" in capsys.readouterr().err
    assert not (tmp_path / "backup").exists()


def test_through_a_pooler_nothing_is_begun(
    suite: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAY_DATABASE_POOLED", "true")
    assert cli.main(["backup", str(tmp_path / "backup")]) == 1
    assert "pay reaches PostgreSQL through a pooler" in capsys.readouterr().err
    assert not (tmp_path / "backup").exists()


def test_in_an_installation_the_owners_addresses_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder.write(Installation(tmp_path, "servicios.example.cl", "Municipalidad", "800 000 000"))
    environ = {"ANDAMIO_INSTALLATION": str(tmp_path)}
    monkeypatch.setattr(os, "environ", environ)
    backups._enter_directly()
    addresses = {load(settings_class(service), service, environ).database_url.reveal() for service in SERVICES}
    assert {address.partition("://")[2].partition(":")[0] for address in addresses} == {f"{service}_owner" for service in SERVICES}


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(suite: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        assert cli.main(["backup", str(place)]) == 1
        assert "cannot be made or read" in capsys.readouterr().err


def test_a_password_never_stands_on_the_command_line(tmp_path: Path) -> None:
    folder, told = tmp_path / "bin", tmp_path / "told"
    a_program(folder, "18")
    (folder / "pg_dump").write_text(f'#!/bin/sh\necho "$PGPASSWORD|$*" > {told}\n')
    Client(folder, 18).run("pg_dump", "postgresql://role:p%40ss%2Fword@h:5/db", "--x")
    assert told.read_text() == "p@ss/word|--dbname=postgresql://role@h:5/db --x\n"
    assert "PGPASSWORD" not in os.environ


def test_what_the_program_complains_of_is_told(tmp_path: Path) -> None:
    folder = a_program(tmp_path / "bin", "18")
    (folder / "pg_dump").write_text("#!/bin/sh\necho first >&2; echo 'pg_dump: error: the last' >&2; exit 1\n")
    with pytest.raises(CannotStart, match=r"^pg_dump failed: pg_dump: error: the last$"):
        Client(folder, 18).run("pg_dump", "postgresql://role@h/db")
