"""The start of a sandbox: what it asks of the machine, and how it refuses."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from deploy.errors import CannotStart
from deploy.sandbox import engines as sandbox_engines
from deploy.sandbox import plan as plans
from deploy.sandbox import programs, report, setup, start
from deploy.sandbox.plan import Engines
from deploy.sandbox.ports import Ports
from deploy.sandbox.settings import SandboxSettings, from_environment
from deploy.services import SERVICES

ROOT = Path(__file__).resolve().parents[4]
HOLD_LOCK = """
import sys
from pathlib import Path
from deploy.sandbox import start
with start.locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def plan(tmp_path, engines):
    made = plans.load_or_make(tmp_path, Ports(9000))
    found = Engines(engines.database_url, engines.redis_url, own=False)
    plans.keep_engines(tmp_path, found)
    made = replace(made, engines=found)
    yield made
    sandbox_engines.drop_databases(made, engines.database_url)


def test_one_folder_holds_one_sandbox_at_a_time_and_the_holder_is_named(tmp_path):
    command = [sys.executable, "-c", HOLD_LOCK, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(CannotStart, match=rf"already runs in .*process {holder.pid}\).*SANDBOX_DIR and SANDBOX_PORT"),
            start.locked(tmp_path),
        ):
            pass
        holder.kill()
        holder.wait()
        with start.locked(tmp_path):  # the dead hold nothing
            pass


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="cannot be used"), start.locked(tmp_path / "file" / "sandbox"):
        pass


def test_each_service_has_a_database_and_a_role_that_sees_no_other(plan):
    assert sandbox_engines.make_databases(plan, plan.engines.admin_url) is False
    assert sandbox_engines.make_databases(plan, plan.engines.admin_url) is True
    for service in SERVICES:
        with psycopg.connect(plan.database_url(service)) as connection:
            assert connection.execute(
                "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
            ).fetchone() == (False,)
    pay_in_wallet = plan.database_url("pay").rpartition("/")[0] + "/" + plan.database_name("wallet")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(pay_in_wallet).close()


def test_an_unreachable_server_is_one_sentence(plan):
    with pytest.raises(CannotStart, match="does not take our connection"):
        sandbox_engines.make_databases(plan, "postgresql://x:y@127.0.0.1:1/postgres")


def test_a_user_who_may_not_make_databases_is_told_so(plan):
    sandbox_engines.make_databases(plan, plan.engines.admin_url)
    other = replace(plan, seed=b"another")
    with pytest.raises(CannotStart, match="may not make roles and databases"):
        sandbox_engines.make_databases(other, plan.database_url("pay"))


def test_the_setup_runs_again_when_what_it_made_would_differ(plan):
    assert setup.kept_parts(plan) is None
    setup.parts_file(plan).write_text(json.dumps({"fingerprint": setup.fingerprint(plan), "parts": {"pay": {"account_id": "1"}}}))
    assert setup.kept_parts(plan) == {"pay": {"account_id": "1"}}
    assert setup.kept_parts(replace(plan, ports=Ports(9100))) is None
    setup.parts_file(plan).write_text("damaged")
    assert setup.kept_parts(plan) is None


def test_every_process_gets_its_own_services_secrets_and_nobody_elses(plan, monkeypatch):
    monkeypatch.setenv("PAY_LEFT_OVER", "from the person's shell")
    found = {program.name: program for program in programs.running(plan)}
    services = {f"{service}{kind}" for service in SERVICES for kind in ("", "-worker")}
    assert set(found) == services | {"relay", "side"}
    for service in SERVICES:
        for name in (service, f"{service}-worker"):
            of_services = {key.partition("_")[0].lower() for key in found[name].environment} & set(SERVICES)
            assert of_services == {service}
            assert not any(secret in " ".join(found[name].command) for secret in plan.environment(service).values() if len(secret) > 30)
    assert "PAY_LEFT_OVER" not in found["pay"].environment


def test_all_listen_on_loopback_only(plan):
    web = [program.command for program in programs.running(plan) if program.name in SERVICES]
    assert all(command[command.index("--host") + 1] == "127.0.0.1" for command in web)


def test_sandbox_json_has_the_keys_that_outside_tests_read(plan):
    made = report.document(plan, {"identity": {"issuer": plan.issuer}, "pay": {"account_id": "1"}}, "0.1.0")
    assert made["ready"] is True
    assert {"version", "front", "inbox", "example", *SERVICES} <= set(made)
    assert made["identity"] == {"base_url": "http://localhost:9001", "issuer": "http://localhost:9001/openid"}
    assert made["wallet"] == {"base_url": "http://localhost:9004"}


def test_json_is_alone_on_standard_output(plan, capsys):
    made = report.document(plan, {}, "0.1.0")
    report.whisper("progress")
    report.tell(plan, made, 1.0, as_json=True)
    printed = capsys.readouterr()
    assert json.loads(printed.out) == made
    assert printed.err == "progress\n"


def test_the_table_shows_addresses_people_and_keys(plan, capsys):
    made = report.document(plan, {"pay": {"api_keys": {"test": "key-to-copy"}}}, "0.1.0")
    report.tell(plan, made, 1.0, as_json=False)
    printed = capsys.readouterr().out
    for wanted in ("http://localhost:9000", "11111111-1", plan.citizens[0].password, "key-to-copy", str(plan.staff[0].totp_secret)):
        assert wanted in printed


def test_the_environment_moves_the_sandbox(tmp_path):
    found = from_environment({"SANDBOX_DIR": str(tmp_path / "x"), "SANDBOX_PORT": "9000", "ANDAMIO_REDIS_URL": "redis://host/"})
    assert found == SandboxSettings(tmp_path / "x", Ports(9000), "", "redis://host")
    assert from_environment({}).folder == Path("var/sandbox").absolute()
    assert (from_environment({}).processes, from_environment({"SANDBOX_PROCESSES": "4"}).processes) == (1, 4)


@pytest.mark.parametrize("number", ["0", "17", "-1", "two", "٣"])
def test_a_number_of_processes_that_is_none_is_named(number):
    with pytest.raises(CannotStart, match="SANDBOX_PROCESSES"):
        from_environment({"SANDBOX_PROCESSES": number})


def test_more_processes_share_the_work(plan):
    found = {program.name: program for program in programs.running(plan, 2)}
    assert {"notify-worker", "notify-worker-2", "wallet-worker-2"} <= set(found)
    assert found["notify-worker-2"].command[-4:-2] == ("--name", "notify-2")
    assert "--workers 2" in " ".join(found["pay"].command)


def test_a_setting_can_be_another(plan, monkeypatch):
    monkeypatch.setenv("SANDBOX_NOTIFY_SMTP_PORT", "2525")
    assert plan.environment("notify")["NOTIFY_SMTP_PORT"] == "2525"
    assert "NOTIFY_SMTP_PORT" not in plan.environment("pay")


def test_a_fresh_start_forgets_everything_but_its_lock(tmp_path):
    settings = SandboxSettings(tmp_path, Ports(9000))
    first = plans.load_or_make(tmp_path, settings.ports)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "pay.log").touch()
    with start.locked(tmp_path):
        start._forget(settings)
        assert [entry.name for entry in tmp_path.iterdir()] == ["lock"]
    assert plans.load_or_make(tmp_path, settings.ports).seed != first.seed
