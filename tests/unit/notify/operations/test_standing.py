"""Bounces and complaints warn a service, then pause its e-mails; the operator lets them go on.  Spec: docs/notify/standing.md."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text, update

from notify.context import Notify
from notify.models import MailTrouble, Service
from notify.models.standing import Standing
from notify.models.team import Member
from notify.operations import channels
from notify.operations.delivery import deliver
from notify.operations.mail_reports import return_token
from notify.operations.standing import Measured, judge, pause, resume, show_standing, watch_standings
from notify.standards.statuses import Status
from shared.clock import FixedClock
from shared.states import WrongState
from shared.tasks import RetryLater
from tests.factories.notify import RECEIPT_SECRET, World, add_notification, add_sender
from tests.factories.notify_console import ORG, sign_in, soup, submit
from tests.factories.notify_fixtures import RunJobs
from tests.unit.notify.standards.test_mail_reports import ID, arf, dsn

pytestmark = pytest.mark.rule("notify", "§20")
REPORT = {"X-Receipt-Secret": RECEIPT_SECRET, "Content-Type": "message/rfc822"}
BODY = {"email_address": "jose@example.com", "personalisation": {"name": "José", "amount": "$1"}}


@pytest.fixture
def operator(notify: Notify, app: Flask) -> FlaskClient:
    notify.settings = replace(notify.settings, operator_email="operator@example.com", mail_care_messages_min=20)
    return sign_in(app, "operator")


def mails(world: World, count: int) -> list[uuid.UUID]:
    """E-mails that the relay took."""
    now = world.notify.clock.now()
    return [add_notification(world, "email", to=f"p{n}@example.com", status="delivered", sent_at=now) for n in range(count)]


def troubles(world: World, made: list[uuid.UUID], kind: str) -> None:
    rows = [{"notification_id": key, "kind": kind, "service_id": world.service_id, "at": world.notify.clock.now()} for key in made]
    with world.notify.db.begin() as connection:
        connection.execute(insert(MailTrouble), rows)


def audit(notify: Notify, action: str) -> int:
    with notify.reading() as tx:
        cores = tx.connection.execute(text("select core from audit_entries")).scalars()
        return sum(action in str(core) for core in cores)


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (Measured(1000, 0, 0), Standing.GOOD),
        (Measured(1000, 49, 0), Standing.GOOD),
        (Measured(1000, 50, 0), Standing.WARNED),
        (Measured(1000, 99, 0), Standing.WARNED),
        (Measured(1000, 100, 0), Standing.PAUSED),
        (Measured(3000, 0, 2), Standing.GOOD),
        (Measured(3000, 0, 3), Standing.WARNED),
        (Measured(1000, 0, 5), Standing.PAUSED),
        (Measured(99, 99, 99), Standing.GOOD),
        (Measured(100, 9, 2), Standing.GOOD),
        (Measured(100, 10, 0), Standing.PAUSED),
        (Measured(0, 0, 0), Standing.GOOD),
    ],
)
def test_where_figures_put_a_service(notify: Notify, measured: Measured, expected: Standing) -> None:
    assert judge(notify, measured) is expected


def test_real_reports_count_once_each_and_only_for_live_messages(client: FlaskClient, notify: Notify, world: World) -> None:
    notify.email.status = Status.SENDING  # type: ignore[attr-defined]  # the one in memory
    made, tried = add_notification(world, "email", to="camila@example.com"), add_notification(world, "email", to="camila@example.com")
    test = add_notification(world, "email", to="camila@example.com", kind="test")
    deliver(notify, made, channels.send_email)
    for key, raw in ((made, dsn()), (made, dsn()), (made, arf()), (test, arf()), (tried, dsn(status="5.7.1"))):
        came_to = f"bounces+{return_token(notify, key)('memory')}@example.com".encode()
        back = raw.replace(b"bounces@example.com", came_to).replace(b"quejas@example.com", came_to)
        answer = client.post("/receipts/email", data=back.replace(str(ID).encode(), str(key).encode()), headers=REPORT)
        assert answer.status_code == 200
    assert show_standing(notify, world.service_id).lately == Measured(1, 1, 1)


def test_a_service_is_warned_then_paused_then_let_go_on(
    client: FlaskClient, operator: FlaskClient, notify: Notify, world: World, run_jobs: RunJobs, clock: FixedClock
) -> None:
    add_sender(world, "email", "equipo@example.com", is_default=True)
    made = mails(world, 120)
    troubles(world, made[:10], "bounce")
    assert watch_standings(notify) == [world.service_id]
    assert watch_standings(notify) == []
    run_jobs()
    assert [mail.to for mail in notify.email.messages] == ["equipo@example.com", "operator@example.com"]  # type: ignore[attr-defined]
    assert "Colegio Las Araucarias" in notify.email.messages[0].subject  # type: ignore[attr-defined]
    assert client.post("/v2/notifications/email", json=body(world), headers=world.headers()).status_code == 201

    troubles(world, made[10:12], "bounce")
    watch_standings(notify)
    run_jobs()
    before = len(notify.email.messages)  # type: ignore[attr-defined]
    refused = client.post("/v2/notifications/email", json=body(world), headers=world.headers())
    assert (refused.status_code, refused.get_json()["errors"][0]["error"]) == (403, "BadRequestError")
    assert "paused" in refused.get_json()["errors"][0]["message"]
    assert client.post("/v2/notifications/email", json=body(world), headers=world.headers("test")).status_code == 201
    text_body = {"phone_number": "07700900003", "template_id": str(world.templates["sms"]), "personalisation": BODY["personalisation"]}
    assert client.post("/v2/notifications/sms", json=text_body, headers=world.headers()).status_code == 201
    waiting = add_notification(world, "email", to="ines@example.com")
    with pytest.raises(RetryLater) as later:
        deliver(notify, waiting, channels.send_email)
    assert later.value.seconds == 3600
    assert len(notify.email.messages) == before  # type: ignore[attr-defined]

    page = f"/services/{world.service_id}/standing"
    assert "12" in soup(operator.get(page)).select_one("table").text  # type: ignore[union-attr]
    assert world.notify.catalogue.find_service(world.service_id).mail_paused  # type: ignore[union-attr]
    assert "Colegio Las Araucarias" in operator.get("/standings").text
    assert submit(operator, page, {"act": "resume"}).status_code == 303
    assert watch_standings(notify) == []  # what was counted is forgiven
    clock.advance(seconds=1)
    assert client.post("/v2/notifications/email", json=body(world), headers=world.headers()).status_code == 201
    clock.advance(seconds=60)
    deliver(notify, waiting, channels.send_email)
    assert notify.email.messages[-1].to == "ines@example.com"  # type: ignore[attr-defined]
    assert [audit(notify, f"notify:service:{word}") for word in ("warned", "paused", "resumed")] == [1, 1, 1]


def body(world: World) -> dict[str, object]:
    return BODY | {"template_id": str(world.templates["email"])}


def test_a_bulk_job_waits_while_its_service_is_paused(
    client: FlaskClient, operator: FlaskClient, notify: Notify, world: World, run_jobs: RunJobs, clock: FixedClock
) -> None:
    job = {"template_id": str(world.templates["email"]), "rows": [["email address", "name", "amount"], ["a@example.com", "Ana", "$1"]]}
    made = client.post("/v2/notifications/bulk", json=job, headers=world.headers())
    assert made.status_code == 201
    submit(operator, f"/services/{world.service_id}/standing", {"act": "pause"})
    assert client.post("/v2/notifications/bulk", json=job, headers=world.headers()).status_code == 403
    run_jobs()
    at = f"/v2/notifications/bulk/{made.get_json()['id']}"
    assert client.get(at, headers=world.headers()).get_json()["messages"] == 0
    submit(operator, f"/services/{world.service_id}/standing", {"act": "resume"})
    clock.advance(seconds=301)
    run_jobs()
    shown = client.get(at, headers=world.headers()).get_json()
    assert (shown["messages"], shown["failed"]) == (1, 0)


def test_a_warned_service_calms_down_by_itself_and_a_paused_one_does_not(
    operator: FlaskClient, notify: Notify, world: World, clock: FixedClock
) -> None:
    made = mails(world, 100)
    troubles(world, made[:5], "complaint")
    notify.settings = replace(notify.settings, mail_complaint_pause_percent="50")
    assert watch_standings(notify) == [world.service_id]
    clock.advance(seconds=25 * 3600)
    assert watch_standings(notify) == [world.service_id]
    assert show_standing(notify, world.service_id).state is Standing.GOOD
    person = member()
    pause(notify, person, world.service_id)
    clock.advance(seconds=25 * 3600)
    assert watch_standings(notify) == []
    with pytest.raises(WrongState):
        pause(notify, person, world.service_id)
    resume(notify, person, world.service_id)
    with pytest.raises(WrongState):
        resume(notify, person, world.service_id)


def member() -> Member:
    return Member("staff-1", "Rosa", ("operator",))


def test_the_team_sees_where_it_stands_and_only_the_operator_changes_it(
    app: Flask, world: World, notify: Notify, operator: Callable[..., FlaskClient]
) -> None:
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(org_id=ORG))
    pause(notify, member(), world.service_id)
    agent = sign_in(app, f"{ORG}:agent")
    page = f"/services/{world.service_id}/standing"
    assert agent.get(page).status_code == 200
    assert page in agent.get(f"/services/{world.service_id}").text
    assert (
        submit(agent, page, {"act": "resume"}, page=f"/services/{world.service_id}/templates/{world.templates['sms']}/send").status_code
        == 403
    )
    assert agent.get("/standings").status_code == 403


def test_those_whom_the_managers_named_are_told_else_the_address_for_replies(
    app: Flask, operator: FlaskClient, notify: Notify, world: World, run_jobs: RunJobs, clock: FixedClock
) -> None:
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(org_id=ORG))
    add_sender(world, "email", "equipo@example.com", is_default=True)
    path = f"/services/{world.service_id}/settings/notices"
    assert sign_in(app, f"{ORG}:agent").get(path).status_code == 403
    assert sign_in(app, "org-another:owner").get(path).status_code == 404
    owner = sign_in(app, f"{ORG}:owner")
    assert "equipo@example.com" in owner.get(path).text
    for wrong in ("nobody", "a@example.com\nrosa@example.com>\r\nBcc: x@example.com", "a@" + "b" * 400 + ".com", "\x00@example.com"):
        assert submit(owner, path, {"addresses": wrong}).status_code == 422
    six = "\n".join(f"p{number}@example.com" for number in range(6))
    assert "a lo más cinco" in submit(owner, path, {"addresses": six}).text
    assert submit(owner, path, {"addresses": " rosa@example.com \n\njuan@ñandú.cl\nrosa@example.com"}).status_code == 303
    assert "rosa@example.com\njuan@" in owner.get(path).text
    pause(notify, member(), world.service_id)
    run_jobs()
    told = notify.email.messages  # type: ignore[attr-defined]  # the one in memory
    assert {mail.to for mail in told} == {"rosa@example.com", "juan@ñandú.cl", "operator@example.com"}
    with notify.reading() as tx:
        sealed = tx.connection.execute(select(Service.notices_sealed).where(Service.id == world.service_id)).scalar_one()
        assert sealed is not None
        assert b"rosa" not in sealed
    assert audit(notify, "rosa@") == 0
    resume(notify, member(), world.service_id)
    assert submit(owner, path, {"addresses": ""}).status_code == 303
    clock.advance(seconds=60)
    pause(notify, member(), world.service_id)
    run_jobs()
    assert {mail.to for mail in told[3:]} == {"equipo@example.com", "operator@example.com"}
