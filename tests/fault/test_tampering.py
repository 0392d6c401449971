"""Somebody with all rights on the database alters the audit log: verification names the row.  On copies: the sandbox stays whole."""

import contextlib
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from tests.fault.suite import Suite, until

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("fault")]
ROW, OTHER_ROW = 3, 5
SERVICE = "wallet"
COPY = "fault_copy"
WITNESSES = ("identity-worker", "notify-worker", "pay-worker")
Tamper = Callable[[psycopg.Connection], None]


def change(copy: psycopg.Connection) -> None:
    copy.execute(
        'UPDATE audit_entries SET core = regexp_replace(core, \'"actor":"\', \'"actor":"x\') WHERE entry_id = '
        "(SELECT entry_id FROM audit_sequence WHERE seq = %s)",
        [ROW],
    )


def delete(copy: psycopg.Connection) -> None:
    copy.execute("DELETE FROM audit_entries WHERE entry_id = (SELECT entry_id FROM audit_sequence WHERE seq = %s)", [ROW])


def swap(copy: psycopg.Connection) -> None:
    """Each of the two rows says what the other one said."""
    copy.execute(
        "UPDATE audit_entries AS mine SET core = other.core FROM audit_sequence AS here, audit_sequence AS there, audit_entries AS other "
        "WHERE mine.entry_id = here.entry_id AND other.entry_id = there.entry_id AND (here.seq, there.seq) IN ((%s, %s), (%s, %s))",
        [ROW, OTHER_ROW, OTHER_ROW, ROW],
    )


@pytest.fixture
def copy(suite: Suite) -> Iterator[str]:
    """A copy of the wallet's database, which nobody else uses.

    The workers of the others stand still meanwhile: were they to witness the log as it goes on, the copy would rightly be called cut off.
    """
    with contextlib.ExitStack() as stack:
        for witness in WITNESSES:
            stack.enter_context(suite.frozen(witness))
        admin = stack.enter_context(psycopg.connect(suite.database("postgres"), autocommit=True))
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(COPY))
        stack.callback(admin.execute, drop)
        _copy_live(admin)
        yield COPY


def _copy_live(admin: psycopg.Connection) -> None:
    """Shut everybody out for a moment: a database can be copied only while nobody is in it."""
    admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(SERVICE)))
    try:
        until(lambda: _is_left_alone(admin), "nobody is in the database")
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(COPY), sql.Identifier(SERVICE)))
    finally:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(SERVICE)))


def _is_left_alone(admin: psycopg.Connection) -> bool:
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [SERVICE])
    return admin.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s", [SERVICE]).fetchone() is None


@pytest.mark.parametrize(("tamper", "kind"), [(change, "changed"), (delete, "missing"), (swap, "swapped")])
def test_verification_names_a_row_that_was_altered(suite: Suite, copy: str, tamper: Tamper, kind: str) -> None:
    environment = {**suite.plan.environment(SERVICE), f"{SERVICE}_DATABASE_URL".upper(): suite.database(copy)}
    status, logs = suite.verify("--service", SERVICE, environment=environment)
    assert (status, logs[SERVICE]["ok"]) == (0, True), logs[SERVICE]["faults"]
    with psycopg.connect(suite.database(copy)) as connection:
        entry_id = connection.execute("SELECT entry_id::text FROM audit_sequence WHERE seq = %s", [ROW]).fetchone()
        connection.execute("ALTER TABLE audit_entries DISABLE TRIGGER ALL")  # as only the owner and a superuser may
        tamper(connection)
    status, logs = suite.verify("--service", SERVICE, environment=environment)
    found = logs[SERVICE]["first_fault"]
    assert status == 1
    assert entry_id is not None
    assert (found["kind"], found["seq"], found["entry_id"]) == (kind, ROW, entry_id[0])


def test_the_database_itself_refuses_while_its_triggers_are_on(suite: Suite) -> None:
    """The same statement from a superuser who has not switched them off."""
    with pytest.raises(psycopg.errors.RestrictViolation), psycopg.connect(suite.database(SERVICE)) as connection:
        change(connection)
