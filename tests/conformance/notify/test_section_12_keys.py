"""Key types, trial mode and magic recipients, notify-api §12."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from notify.context import Notify
from notify.errors import MessageRefused
from notify.models import Notification
from notify.operations.services import create_api_key, set_guest_list
from notify.providers.memory import MemoryEmail, MemoryPrint, MemorySms
from shared.http import Reply
from tests.factories.notify import ADDRESS, VALUES, World, add_callback, add_guest, make_world
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§12")
TEAM_ONLY = "Can’t send to this recipient using a team-only API key"
TRIAL = "Can’t send to this recipient when service is in trial mode – see https://www.notifications.service.gov.uk/trial-mode"


def send(client: FlaskClient, world: World, channel: str, to: str, kind: str) -> Any:
    name = {"sms": "phone_number", "email": "email_address", "mailbox": "recipient"}.get(channel)
    values = VALUES | (ADDRESS if channel == "letter" else {})
    body = {"template_id": str(world.templates[channel]), "personalisation": values} | ({name: to} if name else {})
    return client.post(f"/v2/notifications/{channel}", json=body, headers=world.headers(kind))


def error(answer: Any) -> tuple[int, str, str]:
    (entry,) = answer.json["errors"]
    return answer.status_code, entry["error"], entry["message"]


@pytest.mark.parametrize(("channel", "to"), [("sms", "07700900010"), ("email", "a@b.com"), ("mailbox", "11111111-1")])
def test_a_team_key_writes_to_team_and_guests_only(client: FlaskClient, world: World, notify: Notify, channel: str, to: str) -> None:
    assert error(send(client, world, channel, to, "team")) == (400, "BadRequestError", TEAM_ONLY)
    set_guest_list(
        notify, world.service_id, [{"sms": "+44 7700 900010", "email": "A@B.com", "mailbox": "11.111.111-1"}[channel]], actor="x"
    )
    notify.catalogue.forget()
    assert send(client, world, channel, to, "team").status_code == 201
    set_guest_list(notify, world.service_id, [], actor="x")
    notify.catalogue.forget()
    assert send(client, world, channel, to, "team").status_code == 400


def test_a_service_on_trial_is_restricted_with_any_key_but_test(client: FlaskClient, notify: Notify) -> None:
    world = make_world(notify, restricted=True)
    assert error(send(client, world, "sms", "07700900010", "normal")) == (400, "BadRequestError", TRIAL)
    assert error(send(client, world, "sms", "07700900010", "team")) == (400, "BadRequestError", TEAM_ONLY)
    assert send(client, world, "sms", "07700900010", "test").status_code == 201
    add_guest(world, "447700900010")
    assert send(client, world, "sms", "07700900010", "normal").status_code == 201


def test_letters_need_a_live_service_or_a_test_key(client: FlaskClient, world: World, notify: Notify) -> None:
    assert error(send(client, world, "letter", "", "team")) == (403, "BadRequestError", "Cannot send letters with a team api key")
    trial = make_world(notify, restricted=True)
    assert error(send(client, trial, "letter", "", "normal")) == (
        403,
        "BadRequestError",
        "Cannot send letters when service is in trial mode",
    )
    assert send(client, trial, "letter", "", "test").status_code == 201


def test_a_service_on_trial_gets_no_live_key(notify: Notify) -> None:
    world = make_world(notify, restricted=True)
    with pytest.raises(MessageRefused):
        create_api_key(notify, world.service_id, name="k", kind="normal", actor="x")


def test_a_key_is_given_once_in_the_clients_form(client: FlaskClient, world: World, notify: Notify) -> None:
    from notify.standards.service_jwt import sign

    text = create_api_key(notify, world.service_id, name="my key", kind="test", actor="x").text
    notify.catalogue.forget()
    assert text.startswith("my key-")
    assert text[-73:-37] == str(world.service_id)
    token = sign(text[-73:-37], text[-36:], notify.clock.now().timestamp())
    assert client.get("/v2/templates", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.rule("notify", "§18")
@pytest.mark.parametrize(
    ("channel", "to", "status"),
    [
        ("sms", "07700900003", "temporary-failure"),
        ("email", "temp-fail@simulator.notify", "temporary-failure"),
        ("sms", "07700900002", "permanent-failure"),
        ("email", "Perm-Fail@simulator.notify", "permanent-failure"),
        ("sms", "07700900001", "delivered"),
        ("email", "delivered@simulator.notify", "delivered"),
        ("sms", "+56912345678", "delivered"),
        ("letter", "", "received"),
    ],
)
def test_a_test_key_never_sends_and_has_its_outcome(
    client: FlaskClient,
    world: World,
    notify: Notify,
    run_jobs: RunJobs,
    monkeypatch: pytest.MonkeyPatch,
    channel: str,
    to: str,
    status: str,
) -> None:
    told: list[dict[str, Any]] = []

    def take(_method: str, _url: str, **call: Any) -> Reply:
        told.append(json.loads(call["body"]))
        return Reply(204, {}, b"")

    monkeypatch.setattr(notify.http, "request", take)
    add_callback(world, "https://example.com/told")
    made = send(client, world, channel, to, "test").json["id"]
    run_jobs()
    assert client.get(f"/v2/notifications/{made}", headers=world.headers()).json["status"] == status
    for provider in (notify.sms, notify.email, notify.printer):
        assert isinstance(provider, MemorySms | MemoryEmail | MemoryPrint)
        assert provider.calls == 0
    assert [call["status"] for call in told] == [status]


@pytest.mark.parametrize("kind", ["normal", "test"])
@pytest.mark.parametrize(
    ("channel", "to"),
    [
        *(("sms", number) for number in ("07700900000", "07700900111", "+447700900222")),
        *(("email", f"simulate-delivered{n}@notifications.service.gov.uk") for n in ("", "-2", "-3")),
    ],
)
def test_smoke_recipients_are_answered_and_nothing_is_kept(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, channel: str, to: str, kind: str
) -> None:
    answer = send(client, world, channel, to, kind)
    assert answer.status_code == 201
    assert run_jobs() == 0
    assert client.get(f"/v2/notifications/{answer.json['id']}", headers=world.headers()).status_code == 404
    with notify.reading() as tx:
        assert tx.connection.execute(select(func.count()).select_from(Notification)).scalar_one() == 0
