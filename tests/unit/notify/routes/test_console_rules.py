"""What a team says of its service without code: what it sends, for how long it is kept, where to ask about files, from whom."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text

from notify.context import Notify
from notify.models import LetterFile, Notification, Service
from notify.models.service import DEFAULT_PERMISSIONS
from notify.operations.received_texts import give_number
from notify.operations.retention import keep_days
from notify.operations.shorter_retention import forget_for_shorter
from notify.providers.memory import MemoryEmail
from shared.clock import FixedClock
from tests.factories.notify import ADDRESS, VALUES, World, add_notification, add_sender
from tests.factories.notify_console import soup, submit
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§20", "NO-3")
FILE = {"file": "YSxi", "filename": "a.csv"}
DAYS = {"days-email": "90", "days-sms": "3", "days-letter": "7", "days-mailbox": "7"}


def settings_of(world: World) -> str:
    return f"/services/{world.service_id}/settings"


def send(client: FlaskClient, world: World, channel: str, **more: Any) -> Any:
    to = {"sms": {"phone_number": "07700900003"}, "email": {"email_address": "camila@example.com"}, "letter": {}}[channel]
    values = VALUES | (ADDRESS if channel == "letter" else {})
    body = {"template_id": str(world.templates[channel]), "personalisation": values} | to | more
    return client.post(f"/v2/notifications/{channel}", json=body, headers=world.headers())


def test_what_a_service_may_send_is_chosen_and_the_rest_is_refused(
    client: FlaskClient, team: Callable[..., FlaskClient], world: World, notify: Notify
) -> None:
    owner, path = team("owner"), settings_of(world) + "/channels"
    marked = [str(box["value"]) for box in soup(owner.get(path)).select("input[checked]")]
    assert marked == list(DEFAULT_PERMISSIONS)
    assert submit(owner, path, {"permissions": ["email", "letter"]}).status_code == 303
    notify.catalogue.forget()
    refused = send(client, world, "sms")
    assert (refused.status_code, refused.get_json()["errors"][0]["message"]) == (400, "Service is not allowed to send text messages")
    assert send(client, world, "email").status_code == 201
    for wrong in ([], ["international_sms"], ["email", "fax"], ["email\x00"]):
        assert submit(owner, path, {"permissions": wrong}).status_code == 422
    assert [str(box["value"]) for box in soup(owner.get(path)).select("input[checked]")] == ["email", "letter"]


def test_files_by_email_are_set_up_at_the_address_that_the_refusal_names(
    client: FlaskClient, team: Callable[..., FlaskClient], world: World, notify: Notify
) -> None:
    owner = team("owner")
    with_file = {"personalisation": VALUES | {"amount": FILE}}
    refused = send(client, world, "email", **with_file).get_json()["errors"][0]["message"]
    named = refused.rpartition(" ")[2].removeprefix("http://localhost")
    path = owner.get(named).headers["Location"]
    for wrong in ("", "  ", "x" * 501):
        assert submit(owner, path, {"contact": wrong}).status_code == 422
    assert submit(owner, path, {"contact": "+56 2 2345 6789"}).status_code == 303
    notify.catalogue.forget()
    assert send(client, world, "email", **with_file).status_code == 201
    assert soup(owner.get(path)).select_one("#contact")["value"] == "+56 2 2345 6789"  # type: ignore[index]  # it is there


def test_messages_are_kept_as_long_as_their_channel_says(
    client: FlaskClient, team: Callable[..., FlaskClient], world: World, notify: Notify, clock: FixedClock
) -> None:
    owner, path = team("owner"), settings_of(world) + "/retention"
    assert [str(box["value"]) for box in soup(owner.get(path)).select("main input.govuk-input")] == ["7"] * 4
    assert submit(owner, path, DAYS).status_code == 303
    made = {channel: add_notification(world, channel, to="07700900001") for channel in ("email", "sms", "letter")}
    clock.advance(seconds=timedelta(days=4).total_seconds())
    owner = team("owner")  # the session has ended long ago

    def shown() -> dict[str, int]:
        return {channel: client.get(f"/v2/notifications/{key}", headers=world.headers()).status_code for channel, key in made.items()}

    assert shown() == {"email": 200, "sms": 404, "letter": 200}
    listed = client.get("/v2/notifications", headers=world.headers()).get_json()["notifications"]
    assert {each["type"] for each in listed} == {"email", "letter"}
    assert client.get(f"/v2/notifications?older_than={made['sms']}", headers=world.headers()).get_json()["notifications"] == []
    messages = f"/services/{world.service_id}/messages"
    assert len(soup(owner.get(messages)).select("tbody tr")) == 2
    assert owner.get(f"{messages}/{made['sms']}").status_code == 404


def test_what_is_kept_for_less_goes_with_its_pages_and_the_rest_stays(
    team: Callable[..., FlaskClient], world: World, notify: Notify, clock: FixedClock
) -> None:
    assert submit(team("owner"), settings_of(world) + "/retention", DAYS | {"days-letter": "3"}).status_code == 303
    keep_days(notify)
    made = {channel: new_id(notify) for channel in ("email", "sms", "letter")}
    for channel, key in made.items():
        add_notification(world, channel, id=key, to="07700900001")
    with notify.db.begin() as connection:
        row = {"notification_id": made["letter"], "pdf_sealed": b"x", "pages": 1, "created_at": clock.now()}
        connection.execute(insert(LetterFile), row)
    clock.advance(seconds=timedelta(days=5, hours=14).total_seconds())  # two in the morning in Santiago
    keep_days(notify)
    forget_for_shorter(notify)
    with notify.reading() as tx:
        assert list(tx.connection.execute(select(Notification.id)).scalars()) == [made["email"]]
        assert list(tx.connection.execute(select(LetterFile.notification_id)).scalars()) == []
        counts = tx.connection.execute(text("select channel, messages from message_counts order by channel")).all()
    assert [tuple(row) for row in counts] == [("letter", 1), ("sms", 1)]


def new_id(notify: Notify) -> uuid.UUID:
    """An id of the moment that the test's clock shows."""
    return uuid.UUID(int=(int(notify.clock.now().timestamp() * 1000) << 80) + uuid.uuid4().int % 2**62)


def test_days_that_are_none_are_told_at_their_field(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    owner = team("owner")
    for days in ("2", "91", "", "-5", "7.5", "٧", "9" * 30, "x"):
        refused = submit(owner, settings_of(world) + "/retention", DAYS | {"days-sms": days})
        assert refused.status_code == 422, days
        assert [link["href"] for link in soup(refused).select(".govuk-error-summary a")] == ["#days-sms"]
    with notify.reading() as tx:
        assert tx.connection.execute(select(Service.retention)).scalar_one() == {}


def test_a_person_chooses_where_answers_go(team: Callable[..., FlaskClient], world: World, notify: Notify, run_jobs: RunJobs) -> None:
    path = f"/services/{world.service_id}/templates/{world.templates['email']}/send"
    form = {"recipient": "camila@example.com", "value-name": "Camila", "value-amount": "$1"}
    add_sender(world, "email", "mesa@example.com", is_default=True)
    client = team("agent")
    assert soup(submit(client, path, form)).select("#sender") == []  # there is nothing to choose
    other = add_sender(world, "email", "reclamos@example.com")
    texts = add_sender(world, "sms", "COLEGIO")
    options = [str(option["value"]) for option in soup(submit(client, path, form)).select("#sender option")]
    assert options[1:] == [str(other)]
    assert submit(client, path, form | {"send": "1", "sender": str(other)}).status_code == 303
    run_jobs()
    assert isinstance(notify.email, MemoryEmail)
    assert notify.email.messages[-1].reply_to == "reclamos@example.com"
    for wrong in (str(texts), str(uuid.uuid4()), "x"):
        refused = submit(client, path, form | {"send": "1", "sender": wrong})
        assert (refused.status_code, "remitente" in refused.text) == (422, True)


@pytest.mark.rule("notify", "§15")
def test_texts_may_come_from_a_number_that_people_can_write_to(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    owner, path = team("owner"), settings_of(world) + "/senders"
    form = {"channel": "sms", "value": "+44 7700 900555"}
    give_number(notify, world.service_id, "07700900556")
    assert submit(owner, path, form).status_code == 422
    give_number(notify, world.service_id, "07700900555")
    assert submit(owner, path, form).status_code == 303
    notify.catalogue.forget()
    known = notify.catalogue.find_service(world.service_id)
    assert known is not None
    assert [sender.value for sender in known.senders] == ["447700900555"]
