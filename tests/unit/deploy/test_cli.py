"""The command line: quick to help, one sentence when it cannot, JSON when asked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import cli
from deploy.commands import trying

ROOT = Path(__file__).resolve().parents[3]
HELP = """
import contextlib, sys
from deploy import cli
with contextlib.suppress(SystemExit):
    cli.main(["--help"])
print(sorted({"flask", "sqlalchemy", "celery", "rich", "cryptography", "granian"} & set(sys.modules)))
"""


def test_help_loads_nothing_weighty():
    answer = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments", [[], ["serve"], ["serve", "tax"], ["worker", "pay", "--port", "x"], ["audit"], ["outbox", "replay", "pay", "one"]]
)
def test_bad_arguments_end_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: andamio" in capsys.readouterr().err


def test_what_cannot_start_is_one_sentence_and_ends_with_1(capsys, monkeypatch):
    monkeypatch.setenv("SANDBOX_PORT", "eighty")
    assert cli.main(["sandbox"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "andamio: SANDBOX_PORT is 'eighty': it must be a whole number from 1024 to 65500.\n"


def test_and_with_json_a_document(capsys, monkeypatch):
    monkeypatch.setenv("SANDBOX_PORT", "eighty")
    assert cli.main(["sandbox", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "ready": False,
        "error": "SANDBOX_PORT is 'eighty': it must be a whole number from 1024 to 65500.",
    }


def test_windows_is_refused_with_a_way_out(capsys, monkeypatch):
    monkeypatch.setattr(trying.os, "name", "nt")
    assert cli.main(["sandbox"]) == 1
    assert "WSL 2" in capsys.readouterr().err


def test_a_command_for_services_wants_one_named(capsys):
    assert cli.main(["relay"]) == 1
    assert "No service was named" in capsys.readouterr().err
    assert cli.main(["migrate", "pay", "tax"]) == 1
    assert "There is no service tax" in capsys.readouterr().err


def test_settings_are_listed_for_people_and_programs(capsys):
    assert cli.main(["settings", "pay"]) == 0
    assert "PAY_DATABASE_URL  (secret, required)" in capsys.readouterr().out
    assert cli.main(["settings", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"identity", "notify", "pay", "wallet"}
    assert found["wallet"][0].keys() == {"variable", "help", "kind", "default"}
