"""What an operator asks of a suite: are the logs whole, what was given up, run it again."""

import json
from dataclasses import replace

import pytest

from deploy import cli
from deploy.sandbox import plan as plans
from deploy.sandbox.plan import Engines
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from deploy.serving import create_context
from pay.events import PaymentEvent
from shared import outbox, rows
from shared.audit.sequencer import sequence_pending, sign_checkpoint

SECRET_TEXT = "Camila Soto"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    return plans.load_or_make(tmp_path_factory.mktemp("sandbox"), Ports(9000))


@pytest.fixture
def suite(addresses, database, redis_url, monkeypatch):
    """All four services with empty databases, in the environment."""
    plan = replace(addresses, engines=Engines("postgresql://x:y@127.0.0.1/x", redis_url.rpartition("/")[0]))
    for service in SERVICES:
        for name, value in {**plan.environment(service), f"{service}_DATABASE_URL".upper(): database(service)}.items():
            monkeypatch.setenv(name, value)


@pytest.fixture
def pay(suite):
    context = create_context("pay")
    yield context
    context.close()


@pytest.fixture
def dead_job(pay):
    """The id of a job that was given up."""
    now = pay.clock.now()
    with pay.db.begin() as connection:
        rows.write(
            connection,
            outbox.rows_of([{"job": "send_webhook", "payload": {"name": SECRET_TEXT}, "queue": "", "due_at": now, "created_at": now}]),
        )
        (leased,) = outbox.lease_due(connection, now, limit=1)
        outbox.bury(connection, leased.id, leased.lease, error="the address answered 500")
    return leased.id


def run(capsys, *arguments):
    status = cli.main(arguments)
    return status, capsys.readouterr().out


def test_new_logs_are_whole(suite, capsys):
    status, out = run(capsys, "audit", "verify", "--json")
    reports = json.loads(out)
    assert status == 0
    assert list(reports) == list(SERVICES)
    assert all(report["ok"] for report in reports.values())


def test_a_changed_row_is_named_and_the_command_fails(pay, capsys):
    with pay.transaction() as tx:
        tx.record(PaymentEvent.CREATED, actor="test", object_id="1")
    with pay.db.begin() as connection:
        sequence_pending(connection)
    with pay.db.begin() as connection:
        sign_checkpoint(connection, pay.audit_signer, pay.clock)
    assert cli.main(["audit", "verify", "--service", "pay"]) == 0
    with pay.db.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_entries DISABLE TRIGGER USER")
        connection.exec_driver_sql("UPDATE audit_entries SET core = replace(core, '\"test\"', '\"evil\"')")
    capsys.readouterr()
    status, out = run(capsys, "audit", "verify", "--service", "pay")
    assert status == 1
    assert "NOT INTACT" in out
    assert "row 1" in out


def test_dead_jobs_are_listed_without_what_they_carry(dead_job, capsys):
    status, out = run(capsys, "outbox", "list", "pay", "--json")
    (job,) = json.loads(out)["dead"]
    assert status == 0
    assert (job["id"], job["job"], job["last_error"]) == (dead_job, "send_webhook", "the address answered 500")
    assert SECRET_TEXT not in out
    assert "send_webhook" in run(capsys, "outbox", "list", "pay")[1]


def test_a_dead_job_can_be_run_again_by_its_number(dead_job, pay, capsys):
    assert json.loads(run(capsys, "outbox", "replay", "pay", str(dead_job + 1), "--json")[1]) == {"replayed": 0}
    assert json.loads(run(capsys, "outbox", "replay", "pay", str(dead_job), "--json")[1]) == {"replayed": 1}
    with pay.db.begin() as connection:
        assert outbox.depth(connection, pay.clock.now()).dead == 0
    assert run(capsys, "outbox", "list", "pay")[1] == "pay has no dead jobs.\n"


def test_a_dead_job_that_can_never_succeed_is_dropped_by_its_number_and_a_waiting_one_is_not(dead_job, pay, capsys):
    with pytest.raises(SystemExit):
        cli.main(["outbox", "drop", "pay"])
    capsys.readouterr()
    now = pay.clock.now()
    with pay.db.begin() as connection:
        rows.write(connection, outbox.rows_of([{"job": "send_webhook", "payload": {}, "queue": "", "due_at": now, "created_at": now}]))
        waiting = connection.exec_driver_sql("SELECT max(id) FROM outbox").scalar_one()
    assert json.loads(run(capsys, "outbox", "drop", "pay", str(dead_job), str(waiting), "--json")[1]) == {"dropped": 1}
    with pay.db.begin() as connection:
        found = outbox.depth(connection, pay.clock.now())
    assert (found.waiting, found.dead) == (1, 0)


def test_all_dead_jobs_can_be_run_again_at_once(dead_job, capsys):
    assert json.loads(run(capsys, "outbox", "replay", "pay", "--json")[1]) == {"replayed": 1}


def test_a_migrated_database_is_migrated_again_without_harm(suite, capsys):
    status, out = run(capsys, "migrate", "--all", "--json")
    assert status == 0
    assert json.loads(out) == dict.fromkeys(SERVICES, "at head")


@pytest.mark.rule("pay", "I1", "pay-design §3")
def test_the_books_are_proved_by_command(suite, pay, capsys):
    assert cli.main(["pay", "prove", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True
    with pay.db.begin() as connection:
        connection.exec_driver_sql("INSERT INTO ledger_accounts (code, currency, kind, posted_minor) VALUES ('bank:x', 'CLP', 'asset', 1)")
    assert cli.main(["pay", "prove"]) == 1
    assert "account bank:x CLP shows 0/1, its entries make 0/0" in capsys.readouterr().out


def test_what_a_month_cost_is_kept_for_a_service_that_was_counted(suite, pay, capsys):
    order = ["performance", "cost", "pay", "--service", "s1", "--product", "payment", "--month", "2026-10", "--amount"]
    assert cli.main([*order, "500"]) == 1
    assert "has counted nothing for a service s1" in capsys.readouterr().err
    with pay.db.begin() as connection:
        connection.exec_driver_sql("INSERT INTO performance_days VALUES ('2026-10-01', 's1', 'payment', 'web', 'Colegio', 1, 1, 0, 0)")
    assert cli.main([*order, "500", "--json"]) == 0
    assert cli.main([*order, "-5"]) == 1
    assert cli.main([*order[:-2], "2026-13", "--amount", "5"]) == 1
    with pay.db.begin() as connection:
        assert connection.exec_driver_sql("SELECT amount_minor, currency FROM service_costs").all() == [(500, "CLP")]
