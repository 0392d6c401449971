"""A fault is on in the middle of a run and off at its end, whatever happens; and what a fail-over keeps."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from deploy.rigs import faults
from deploy.rigs.engines import Rig, engines
from deploy.rigs.faults import FAULTS, Fault, breaking
from deploy.system import wait_until
from shared.context import Context
from shared.settings import Secret
from tests.unit.shared.conftest import make_settings

NO_RIG = cast("Rig", None)


def test_a_fault_begins_after_a_third_and_ends_before_the_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[str] = []
    fault = Fault("tests", lambda _rig, _folder: seen.append("begun"), lambda _rig, _folder: seen.append("ended"))
    monkeypatch.setattr(faults, "FAULTS", {"tests": fault})
    with breaking("tests", NO_RIG, tmp_path, 0.6) as broken:
        assert wait_until(lambda: seen == ["begun", "ended"], 20)
    assert 0.1 < broken.began <= broken.ended
    assert broken.errors == []


def test_a_run_that_dies_early_leaves_nothing_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[str] = []
    fault = Fault("tests", lambda _rig, _folder: seen.append("begun"), lambda _rig, _folder: seen.append("ended"))
    monkeypatch.setattr(faults, "FAULTS", {"tests": fault})
    with pytest.raises(KeyError), breaking("tests", NO_RIG, tmp_path, 3600):
        raise KeyError
    assert seen[-1] == "ended"


def test_a_rig_that_fails_says_so_in_the_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(_rig: Rig, _folder: Path) -> None:
        raise OSError("no such process")

    monkeypatch.setattr(faults, "FAULTS", {"tests": Fault("tests", fail)})
    with breaking("tests", NO_RIG, tmp_path, 0.0) as broken:
        pass
    assert broken.errors == ["OSError: no such process"]


def test_every_fault_says_what_it_is() -> None:
    assert all(fault.what for fault in FAULTS.values())
    assert {"fail-over", "database-cut", "queue-lost", "slow-network", "silent-provider", "workers-killed", "disk-full"} <= FAULTS.keys()


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with engines(tmp_path_factory.mktemp("rig")) as made:
        yield made


def test_lists_are_read_from_the_replica_and_from_the_database_itself_while_it_is_away(rig: Rig) -> None:
    settings = make_settings(rig.cluster.url(), "redis://127.0.0.1:9/1", read_database_url=Secret(rig.replica_cluster.url()))
    context = Context(settings, "toy")
    in_recovery = text("SELECT pg_is_in_recovery()")
    try:
        with context.listing() as tx:
            assert tx.connection.execute(in_recovery).scalar_one() is True
        with context.reading() as tx:
            assert tx.connection.execute(in_recovery).scalar_one() is False
        with context.db.begin() as connection:
            connection.execute(text("CREATE TABLE listed AS SELECT 7 AS n"))
        assert wait_until(lambda: _listed(context) == [7], 20)
    finally:
        context.close()
    away = Context(
        make_settings(rig.cluster.url(), "redis://127.0.0.1:9/1", read_database_url=Secret("postgresql://x:y@127.0.0.1:9/x")), "toy"
    )
    try:
        assert _listed(away) == [7]
    finally:
        away.close()


def _listed(context: Context) -> list[int]:
    try:
        with context.listing() as tx:
            return list(tx.connection.execute(text("SELECT n FROM listed")).scalars())
    except ProgrammingError:
        return []  # it has not come over yet


def test_what_was_committed_before_the_primary_was_lost_stands_on_the_replica(rig: Rig) -> None:
    address = rig.environment["ANDAMIO_DATABASE_URL"]
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
    rig.fail_over()
    with psycopg.connect(address, autocommit=True) as connection:
        assert connection.execute("SELECT count(*), pg_is_in_recovery() FROM kept").fetchone() == (1000, False)
        connection.execute("INSERT INTO kept VALUES (1001)")  # the new primary waits for no replica
