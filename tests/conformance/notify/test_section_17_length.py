"""Letters from templates have ten pages at most; a longer one ends before it is printed, and says why.  Spec: notify-api §11, §17."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from notify.providers.memory import MemoryPrint
from tests.conformance.notify.test_section_18_callbacks import URL, Service
from tests.factories.notify import ADDRESS, World, add_callback, add_template
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§11", "§17")
PAGE = "Una página\n\n***\n\n"


def send(client: FlaskClient, world: World, words: str) -> str:
    template = add_template(world, "letter", body="((words))", subject="Carta")
    body = {"template_id": str(template), "personalisation": ADDRESS | {"words": words}}
    answer = client.post("/v2/notifications/letter", json=body, headers=world.headers())
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def printed(notify: Notify) -> int:
    assert isinstance(notify.printer, MemoryPrint)
    return len(notify.printer.messages)


def test_ten_pages_are_printed(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    made = send(client, world, PAGE * 9 + "Fin")
    run_jobs()
    read: Any = client.get(f"/v2/notifications/{made}", headers=world.headers()).get_json()
    assert (read["status"], read["cost_details"]["billable_sheets_of_paper"], printed(notify)) == ("accepted", 5, 1)


def test_what_could_never_have_ten_is_not_even_set_and_its_service_is_told(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    monkeypatch.setattr(notify.http, "request", service.request)
    add_callback(world, URL)
    made = send(client, world, "x" * 2_000_000)
    run_jobs()
    read: Any = client.get(f"/v2/notifications/{made}", headers=world.headers()).get_json()
    assert (read["status"], read["validation_error"], read["cost_in_pounds"]) == ("validation-failed", "letter-too-long", 0.0)
    assert read["cost_details"] == {"billable_sheets_of_paper": 0, "postage": "second"}
    assert printed(notify) == 0
    refused: Any = client.get(f"/v2/notifications/{made}/pdf", headers=world.headers()).get_json()
    assert refused["errors"][0]["message"] == "PDF not available for letters in status validation-failed"
    told = [json.loads(call["body"]) for _, call in service.calls]
    assert [(said["id"], said["status"]) for said in told] == [(made, "validation-failed")]
