"""Files in a bucket are in the backup, encrypted as they are, and whole in the restored rows; what is not whole is named."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import delete

from deploy.backup import files, index, making, restoring
from deploy.errors import CannotStart
from notify.context import Notify
from notify.models import MessageAttachment
from notify.operations.files import move_files
from shared.db import Database
from shared.files import InBucket
from shared.settings import Secret
from tests.engines import Engines, drop
from tests.factories.buckets import S3Server, s3
from tests.factories.notify_fixtures import app, client, notify, run_jobs
from tests.unit.notify.operations.test_files import EVERY, Sent, into_bucket, names, send, set_to

__all__ = ["app", "client", "notify", "run_jobs", "s3", "send"]


@dataclass
class Suite:
    """Notify with a file of each kind in a bucket, and a folder for its backup."""

    notify: Notify
    store: InBucket
    folder: Path

    def contents(self) -> dict[str, bytes]:
        return {name: self.store.read(name, b"") for name in names(self.store)}

    def one(self, kind: str) -> str:
        (name,) = self.store.names(f"{kind}/", before=EVERY)
        return name

    def listing(self, meanwhile: Callable[[], object]) -> index.Files:
        """Write down what is wanted, let something happen, and copy."""
        self.folder.mkdir()
        with files.snapshot(self.notify, self.folder):
            pass
        meanwhile()
        return files.copy(self.notify, self.folder)


@pytest.fixture
def suite(notify: Notify, s3: S3Server, send: Callable[[], Sent], tmp_path: Path) -> Suite:
    store = into_bucket(notify, s3)
    send()
    return Suite(notify, store, tmp_path / "backup")


@pytest.fixture
def backup(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A whole backup of notify."""
    monkeypatch.setattr(making, "create_context", lambda _service: suite.notify)
    made = making.back_up(suite.folder, ("notify",))
    assert (made.files.count, made.files.gone, made.files.missing) == (3, 0, 0)
    return suite


@pytest.fixture
def restored(backup: Suite, engines: Engines) -> Iterator[restoring.Restored]:
    prefix = f"{engines.prefix}restored_"
    yield restoring.restore(backup.folder, engines.database_url, prefix=prefix)
    drop(engines, f"{prefix}notify")


@pytest.fixture
def db(restored: restoring.Restored) -> Iterator[Database]:
    made = Database(restored.addresses["notify"], pool_size=2)
    yield made
    made.dispose()


def test_each_file_is_in_the_backup_as_it_is_in_the_bucket(backup: Suite) -> None:
    contents = backup.contents()
    assert {name: (backup.folder / "files" / name).read_bytes() for name in contents} == contents
    about = json.loads((backup.folder / "backup.json").read_text())["files"]
    assert (about["count"], about["bytes"]) == (3, sum(map(len, contents.values())))
    assert subprocess.run(["sha256sum", "--check", "--quiet", "notify.files"], cwd=backup.folder, check=False).returncode == 0
    assert {path.name for path in backup.folder.iterdir()} == {"backup.json", "notify.dump", "notify.files", "files"}


def test_each_file_is_whole_in_its_restored_row(backup: Suite, restored: restoring.Restored, db: Database) -> None:
    assert (restored.files, restored.faults) == (3, [])
    assert files.prove(db, backup.folder) == []
    with db.begin() as connection:
        tables = {"documents": "content_sealed", "message_attachments": "sealed", "letter_files": "pdf_sealed"}
        held = [connection.exec_driver_sql(f"SELECT {column} FROM {table}").scalar_one() for table, column in tables.items()]
    assert sorted(map(bytes, held)) == sorted(backup.contents().values())


def test_a_row_without_its_file_and_a_file_that_is_another_are_named(backup: Suite, db: Database) -> None:
    with db.begin() as connection:
        connection.exec_driver_sql("UPDATE letter_files SET pdf_sealed = ''")
        connection.exec_driver_sql("UPDATE message_attachments SET sealed = 'another'")
        connection.exec_driver_sql("DELETE FROM documents")
    faults = files.prove(db, backup.folder)
    assert sorted(faults) == sorted(
        [
            *(f"notify: the file {backup.one(kind)} is not whole in its row." for kind in ("letters", "attachments", "documents")),
            f"notify: the file {backup.one('letters')} has a row and is not in the backup.",
        ]
    )


def test_a_file_that_was_changed_in_the_backup_is_not_put_back(backup: Suite, engines: Engines) -> None:
    letter, document = backup.one("letters"), backup.one("documents")
    (backup.folder / "files" / letter).write_bytes(b"another")
    (backup.folder / "files" / document).unlink()
    prefix = f"{engines.prefix}changed_"
    try:
        done = restoring.restore(backup.folder, engines.database_url, prefix=prefix)
        assert sorted(done.faults) == [f"notify: the file {name} is not what was backed up." for name in (document, letter)]
        with psycopg.connect(done.addresses["notify"]) as connection:
            assert connection.execute("SELECT pdf_sealed FROM letter_files").fetchall() == [(b"",)]
    finally:
        drop(engines, f"{prefix}notify")


@pytest.mark.parametrize("name", ["../../secrets/superuser", "letters/../documents", "letters/x", ""])
def test_a_list_with_a_name_that_notify_never_gives_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "notify.files").write_text(f"{'0' * 64}  files/{name}\n")
    with pytest.raises(CannotStart, match="no file of notify"):
        next(files._listed(tmp_path))


def test_a_list_that_was_cut_off_is_refused(backup: Suite, engines: Engines) -> None:
    (backup.folder / "notify.files").write_text("")
    with pytest.raises(CannotStart, match=r"notify\.files is not what was backed up"):
        restoring.restore(backup.folder, engines.database_url, prefix=f"{engines.prefix}cut_")
    with psycopg.connect(engines.database_url) as admin:
        found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [f"{engines.prefix}cut_notify"]).fetchone()
    assert found is None


def test_a_file_that_is_deleted_while_the_backup_is_made_is_no_fault(suite: Suite) -> None:
    gone = suite.one("attachments")

    def forget() -> None:
        with suite.notify.db.begin() as connection:
            connection.execute(delete(MessageAttachment))
        suite.store.forget([gone])

    copied = suite.listing(forget)
    assert (copied.count, copied.gone, copied.missing) == (2, 1, 0)
    assert files._gone(suite.folder) == {gone}


def test_a_file_that_moves_into_its_row_while_the_backup_is_made_is_in_it(suite: Suite) -> None:
    contents = suite.contents()

    def move() -> None:
        set_to(suite.notify, files_in="database")
        assert sum(move_files(suite.notify).values()) == 3

    copied = suite.listing(move)
    assert (copied.count, copied.gone, copied.missing) == (3, 0, 0)
    assert {name: (suite.folder / "files" / name).read_bytes() for name in contents} == contents


def test_a_file_that_is_lost_is_told_and_the_rest_is_kept(suite: Suite) -> None:
    lost = suite.one("letters")
    copied = suite.listing(lambda: suite.store.forget([lost]))
    assert (copied.count, copied.gone, copied.missing) == (2, 0, 1)
    assert (suite.folder / "notify.files.absent").read_text() == f"missing {lost}\n"
    assert f"notify: the file {lost} has a row and is not in the backup." in files.prove(suite.notify.db, suite.folder)


def test_a_bucket_that_is_away_ends_the_backup_and_gives_no_secret_away(suite: Suite) -> None:
    with pytest.raises(CannotStart, match="The files cannot be backed up") as told:
        suite.listing(lambda: set_to(suite.notify, files_secret=Secret("of another")))
    assert "another" not in str(told.value)


def test_without_files_there_is_no_list(notify: Notify, tmp_path: Path) -> None:
    with files.snapshot(notify, tmp_path):
        pass
    assert files.copy(notify, tmp_path) == index.Files()
    assert list(tmp_path.iterdir()) == []
