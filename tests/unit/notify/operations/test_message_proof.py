"""The proof of one message: what is in it, that the log's part can be checked offline, and whom it is given to."""

import hashlib
from typing import Any

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from shared.audit.proofs import check_proof
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.clock import SystemClock
from tests.factories.notify import VALUES, World, make_world
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§5")


def proof(client: FlaskClient, world: World, made: str, kind: str = "normal") -> Any:
    return client.get(f"/v2/notifications/{made}/proof", headers=world.headers(kind))


def test_every_entry_of_a_message_is_proven_offline(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    notify.clock = SystemClock()
    body = {"email_address": "a@b.com", "template_id": str(world.templates["email"]), "personalisation": VALUES}
    made = client.post("/v2/notifications/email", json=body, headers=world.headers()).json
    run_jobs()
    assert proof(client, world, made["id"]).json["log"]["complete"] is False
    with notify.db.begin() as connection:
        while sequence_pending(connection):
            pass
        sign_checkpoint(connection, notify.audit_signer, notify.clock)
    given = proof(client, world, made["id"]).json
    assert (given["message"]["status"], given["message"]["email_address"]) == ("delivered", "a@b.com")
    words = f"{made['content']['subject']}\n{made['content']['body']}"
    assert given["content_sha256"] == hashlib.sha256(words.encode()).hexdigest()
    actions = {entry["core"]["action"] for entry in given["log"]["entries"]}
    assert {f"notify:notification:{word}" for word in ("accepted", "handed_over", "delivered")} <= actions
    for entry in given["log"]["entries"]:
        check_proof(entry, given["log"]["verifier_key"])
        assert entry["core"]["object"] == made["id"]


def test_nobody_elses_and_not_with_a_test_key(client: FlaskClient, world: World, notify: Notify) -> None:
    body = {"email_address": "a@b.com", "template_id": str(world.templates["email"]), "personalisation": VALUES}
    made = client.post("/v2/notifications/email", json=body, headers=world.headers()).json["id"]
    assert proof(client, make_world(notify), made).status_code == 404
    assert proof(client, world, made, "test").status_code == 403
