"""What a printer over HTTP says became of a letter; notify-api §19."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from notify.operations.receipt_addresses import letter_event_url
from notify.providers.memory import MemoryPrint
from tests.factories.notify import ADDRESS, PUBLIC_URL, RECEIPT_SECRET, VALUES, World, add_notification
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§19")
NOBODY = "6f1b4f3e-0000-4000-8000-000000000000"


def event(reference: object, status: object = "DESPATCHED") -> dict[str, Any]:
    data = {
        "jobId": "j-1",
        "jobStatus": status,
        "transitionDate": "2026-06-09",
        "despatchProperties": [{"key": "totalSheets", "value": "1"}],
    }
    return {"id": "e-1", "time": "2026-06-09T10:00:00Z", "data": data, "metadata": {"correlationId": reference}}


def status_of(client: FlaskClient, world: World, made: object) -> str:
    return str(client.get(f"/v2/notifications/{made}", headers=world.headers()).json["status"])  # type: ignore[index]


@pytest.mark.parametrize(("word", "shown"), [("DESPATCHED", "received"), ("REJECTED", "technical-failure")])
def test_the_address_that_came_with_the_letter_takes_its_outcome_once(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, word: str, shown: str
) -> None:
    sent = {"template_id": str(world.templates["letter"]), "personalisation": VALUES | ADDRESS}
    made = client.post("/v2/notifications/letter", json=sent, headers=world.headers()).json["id"]  # type: ignore[index]
    run_jobs()
    assert isinstance(notify.printer, MemoryPrint)
    address = notify.printer.messages[0].callback_url("memory").removeprefix(PUBLIC_URL)
    assert status_of(client, world, made) == "accepted"
    for said in (word, word, "REJECTED"):
        answer = client.post(address, json=event(made, said))
        assert (answer.status_code, answer.json) == (200, {"result": "success"})
    assert status_of(client, world, made) == shown


def test_nobody_else_and_no_other_letter(client: FlaskClient, world: World, notify: Notify) -> None:
    made, other = (add_notification(world, "letter", status="sending") for _ in range(2))
    address = letter_event_url(notify, made)("print").removeprefix(PUBLIC_URL)
    bare = address.partition("?")[0]
    for path, reference in (
        (address, other),
        (bare, made),
        (bare + "?token=x", made),
        (address, NOBODY),
        (address, None),
        (address, ["x"]),
    ):
        assert client.post(path, json=event(reference if isinstance(reference, list | None) else str(reference))).status_code == 401
    assert {status_of(client, world, each) for each in (made, other)} == {"accepted"}


@pytest.mark.parametrize("data", [None, [], {}, {"jobStatus": None}, {"jobStatus": ["DESPATCHED"]}, {"jobStatus": "LOST"}])
def test_an_event_that_says_nothing_is_refused(client: FlaskClient, world: World, notify: Notify, data: object) -> None:
    made = add_notification(world, "letter", status="sending")
    address = letter_event_url(notify, made)("print").removeprefix(PUBLIC_URL)
    assert client.post(address, json=event(str(made)) | {"data": data}).status_code == 400
    assert client.post(address, json=[]).status_code == 400
    assert status_of(client, world, made) == "accepted"


@pytest.mark.parametrize("body", [{"status": [], "CID": {}}, {"status": {"a": 1}, "CID": NOBODY}])
def test_a_network_that_sends_lists_for_words_is_answered(client: FlaskClient, body: dict[str, object]) -> None:
    answer = client.post("/notifications/sms/mmg", json=body, auth=("notify", RECEIPT_SECRET))
    assert answer.status_code == 200
