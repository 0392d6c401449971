"""The journey, over HTTP, with real clients, against the whole suite."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from deploy.sandbox.people import CITIZENS
from tests.end_to_end.canary import found_in_clear
from tests.sandboxes import ROOT, RunningSandbox

pytestmark = pytest.mark.timeout(360)
GRANT = (
    "discovery", "sign_in", "ask", "grant", "exchange", "pay", "webhook", "receipt_email", "receipt_sms", "receipt_letter",
    "receipt_mailbox", "access_log", "withdraw", "read_again", "audit",
)  # fmt: skip
REFUSE = ("discovery", "sign_in", "ask", "refuse", "exchange_refused", "access_log", "audit")


def walk(sandbox: RunningSandbox, *options: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "journey", "--json", *options],
        cwd=ROOT,
        env=sandbox.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize(("options", "steps"), [((), GRANT), (("--refuse",), REFUSE)], ids=["grant", "refuse"])
def test_each_step_of_the_journey_is_as_promised(
    sandbox: RunningSandbox, language: str, options: tuple[str, ...], steps: tuple[str, ...]
) -> None:
    status, document, error = walk(sandbox, "--lang", language, *options)
    assert document["fault"] is None, error
    assert [step["name"] for step in document["steps"]] == list(steps)
    assert all(step["ok"] for step in document["steps"])
    assert status == 0
    assert found_in_clear(sandbox) == [], "what names the person stands nowhere for anybody to read"


def test_the_search_finds_what_is_there(sandbox: RunningSandbox) -> None:
    """A word that stands everywhere: whatever of a person stood there would be found too."""
    found = set(found_in_clear(sandbox, replace(CITIZENS[0], email="identity")))
    assert {"table identity.clients", "log identity", "metrics of identity"} <= found


def test_the_journey_fails_where_a_promise_is_broken(sandbox: RunningSandbox, tmp_path: Any) -> None:
    """The same sandbox, described with a wrong key: the journey stops there, says so in one sentence, and exits non-zero."""
    facts = json.loads(json.dumps(sandbox.facts))
    facts["pay"]["webhook_signing_key"] = "webhook_test_" + "0" * 26
    (tmp_path / "sandbox.json").write_text(json.dumps(facts))
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "journey", "--lang", "en"],
        cwd=ROOT,
        env={**sandbox.environment, "SANDBOX_DIR": str(tmp_path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert "the webhook's Pay-Signature is not made with the account's signing key" in done.stdout
    assert "receipt" not in done.stdout
