"""What a service's system is told, without code: each kind of news, an example, what came back, once more.  Spec: notify-api §18; NO-3."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text, update

from notify.context import Notify
from notify.models import Service
from notify.models.callback import KINDS
from shared.clock import FixedClock
from shared.http import OutboundError, Reply
from tests.factories.notify import World
from tests.factories.notify_console import ORG, sign_in, soup, submit
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§18", "NO-3")
FIELDS = {
    "delivery_status": "id reference to status created_at completed_at sent_at notification_type template_id template_version",
    "inbound_sms": "id source_number destination_number message date_received",
    "complaint": "notification_id complaint_id reference to complaint_date",
    "returned_letter": "notification_id reference date_sent sent_by template_name template_id template_version spreadsheet_file_name "
    "spreadsheet_row_number upload_letter_file_name",
}


class System:
    """The service's own system: keeps what it is told, answers as it is set."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, object]]] = []
        self.status = 200

    def request(self, method: str, url: str, *, body: bytes, headers: dict[str, str], timeout_seconds: float) -> Reply:
        if self.status == 0:
            raise OutboundError("away")
        self.told.append((headers["webhook-id"], json.loads(body)))
        return Reply(self.status, {}, b"")


@pytest.fixture
def owner(app: Flask, world: World) -> FlaskClient:
    with world.notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(org_id=ORG))
    return sign_in(app, f"{ORG}:owner")


@pytest.fixture
def system(notify: Notify, owner: FlaskClient) -> System:
    made = System()
    notify.http = made  # type: ignore[assignment]  # of what it can, callbacks use this much
    return made


def page_of(world: World) -> str:
    return f"/services/{world.service_id}/settings/callback"


def set_up(owner: FlaskClient, world: World, kind: str) -> str:
    kept = submit(owner, f"{page_of(world)}/{kind}", {"url": f"https://example.com/{kind}", "bearer": "long-enough-token"})
    secret = soup(kept).select_one("main code")
    assert secret is not None
    return secret.text


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_of_each_kind_arrives_as_it_would_in_earnest(
    owner: FlaskClient, world: World, system: System, run_jobs: RunJobs, kind: str
) -> None:
    assert set_up(owner, world, kind).startswith("whsec_")
    assert submit(owner, f"{page_of(world)}/{kind}/try", page=page_of(world)).status_code == 303
    run_jobs()
    [(_, body)] = system.told
    assert list(body) == FIELDS[kind].split()
    shown = owner.get(page_of(world)).text
    assert f"https://example.com/{kind}" in shown
    assert "respondió 200" in shown


def test_who_did_not_answer_is_shown_and_told_again_under_the_same_id(
    owner: FlaskClient, world: World, system: System, run_jobs: RunJobs, clock: FixedClock
) -> None:
    set_up(owner, world, "complaint")
    system.status = 410
    submit(owner, f"{page_of(world)}/complaint/try", page=page_of(world))
    run_jobs()
    refused = soup(owner.get(page_of(world) + "?state=refused"))
    form = refused.select_one("form[action$=replay]")
    assert form is not None
    assert "respondió 410" in refused.text
    assert "No se avisó nada" in owner.get(page_of(world) + "?state=taken").text
    system.status = 200
    assert submit(owner, str(form["action"]), page=page_of(world)).status_code == 303
    run_jobs()
    assert len({event for event, _ in system.told}) == 1
    assert len(system.told) == 2
    assert "respondió 200" in owner.get(page_of(world) + "?state=taken").text


def test_a_kind_is_told_no_more_and_unknown_ones_are_not_there(owner: FlaskClient, world: World, system: System) -> None:
    set_up(owner, world, "inbound_sms")
    assert submit(owner, f"{page_of(world)}/inbound_sms/end", page=page_of(world)).status_code == 303
    assert "https://example.com/inbound_sms" not in owner.get(page_of(world)).text
    assert submit(owner, f"{page_of(world)}/inbound_sms/try", page=page_of(world)).status_code == 422
    assert owner.get(f"{page_of(world)}/everything").status_code == 404
    assert owner.get(page_of(world) + "?older_than=x").status_code == 404


def test_what_waits_is_given_up_with_its_kind_and_not_told_again_to_nobody(
    owner: FlaskClient, world: World, system: System, notify: Notify, run_jobs: RunJobs
) -> None:
    set_up(owner, world, "complaint")
    system.status = 503
    submit(owner, f"{page_of(world)}/complaint/try", page=page_of(world))
    run_jobs()
    assert submit(owner, f"{page_of(world)}/complaint/end", page=page_of(world)).status_code == 303
    assert soup(owner.get(page_of(world) + "?state=waiting")).select_one("form[action$=replay]") is None
    form = soup(owner.get(page_of(world) + "?state=given_up")).select_one("form[action$=replay]")
    assert form is not None
    refused = submit(owner, str(form["action"]), page=page_of(world))
    assert refused.status_code == 422
    assert "Ya no se avisa de esto a nadie" in refused.text
    set_up(owner, world, "complaint")
    assert submit(owner, str(form["action"]), page=page_of(world)).status_code == 303
    with notify.reading() as tx:
        said = tx.connection.execute(text("SELECT core::jsonb->>'action', core::jsonb->>'channel' FROM audit_entries")).all()
    assert {channel for action, channel in said if "callback" in action} == {"console"}
