"""Templates, notify-api §6."""

import uuid

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from notify.operations.templates import TemplateText, save_template
from notify.standards.statuses import Channel
from tests.factories.notify import VALUES, World, add_template, make_world

pytestmark = pytest.mark.rule("notify", "§6")


def test_a_template_object(client: FlaskClient, world: World) -> None:
    template = world.templates["email"]
    assert client.get(f"/v2/template/{template}", headers=world.headers()).json == {
        "id": str(template),
        "type": "email",
        "created_at": "2026-06-08T16:00:00.000000Z",
        "updated_at": None,
        "created_by": "editor@example.com",
        "version": 1,
        "body": "# Hola ((name))\r\n\r\nRecibimos su pago de ((amount)).",
        "subject": "Recibo de ((name))",
        "name": "Recibo por correo",
        "personalisation": {"name": {"required": True}, "amount": {"required": True}},
        "postage": None,
        "letter_contact_block": None,
    }


def test_every_edit_is_a_version_and_old_ones_stay(client: FlaskClient, world: World, notify: Notify) -> None:
    template = world.templates["sms"]
    words = TemplateText(channel=Channel.SMS, name="n", body="second ((b))")
    assert save_template(notify, world.service_id, template, words, actor="x") == 2
    assert save_template(notify, world.service_id, template, words, actor="x") == 2  # nothing changed
    present = client.get(f"/v2/template/{template}", headers=world.headers()).json
    assert (present["version"], present["body"], present["updated_at"] is None) == (2, "second ((b))", False)
    first = client.get(f"/v2/template/{template}/version/1", headers=world.headers()).json
    assert (first["version"], first["name"]) == (1, "Recibo por mensaje")


@pytest.mark.parametrize("suffix", ["", "/version/1", "/version/9", "/version/99999999999999999999"])
def test_not_found(client: FlaskClient, world: World, notify: Notify, suffix: str) -> None:
    for template in (uuid.uuid4(), make_world(notify).templates["sms"]):
        answer = client.get(f"/v2/template/{template}{suffix}", headers=world.headers())
        assert answer.json == {"status_code": 404, "errors": [{"error": "NoResultFound", "message": "No result found"}]}


@pytest.mark.parametrize("suffix", ["", "/version/1"])
def test_a_bad_id(client: FlaskClient, world: World, suffix: str) -> None:
    answer = client.get(f"/v2/template/x{suffix}", headers=world.headers())
    assert answer.json["errors"] == [{"error": "ValidationError", "message": "id is not a valid UUID"}]


def test_the_list_is_by_name_without_archived_ones(client: FlaskClient, world: World) -> None:
    archived = add_template(world, "sms", archived=True, name="A")
    add_template(world, "sms", name="B")
    found = client.get("/v2/templates", headers=world.headers()).json["templates"]
    assert [template["name"] for template in found] == sorted(template["name"] for template in found)
    assert str(archived) not in {template["id"] for template in found}
    assert {template["type"] for template in client.get("/v2/templates?type=sms", headers=world.headers()).json["templates"]} == {"sms"}
    assert client.get(f"/v2/template/{archived}", headers=world.headers()).status_code == 200


@pytest.mark.rule("notify", "§3")
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?type=coconut", "type coconut is not one of [sms, email, letter]"),
        ("?x=1", "Additional properties are not allowed (x was unexpected)"),
    ],
)
def test_a_bad_query(client: FlaskClient, world: World, query: str, message: str) -> None:
    answer = client.get("/v2/templates" + query, headers=world.headers())
    assert answer.json == {"status_code": 400, "errors": [{"error": "ValidationError", "message": message}]}


def test_preview(client: FlaskClient, world: World) -> None:
    url = f"/v2/template/{world.templates['email']}/preview"
    made = client.post(url, json={"personalisation": VALUES, "extra": 1}, headers=world.headers()).json
    assert {name: made[name] for name in ("type", "version", "subject", "postage")} == {
        "type": "email",
        "version": 1,
        "subject": "Recibo de Camila",
        "postage": None,
    }
    assert "<h2>Hola Camila</h2>" in made["html"]
    sms = client.post(f"/v2/template/{world.templates['sms']}/preview", json={"personalisation": VALUES}, headers=world.headers()).json
    assert (sms["html"], sms["subject"]) == (None, None)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"personalisation": {}}'])
def test_preview_misses_values(client: FlaskClient, world: World, body: bytes) -> None:
    answer = client.post(f"/v2/template/{world.templates['sms']}/preview", data=body, headers=world.headers())
    assert answer.json["errors"] == [{"error": "BadRequestError", "message": "Missing personalisation: name, amount"}]


def test_preview_of_wrong_types(client: FlaskClient, world: World) -> None:
    url = f"/v2/template/{world.templates['sms']}/preview"
    assert client.post(url, json={"personalisation": "x"}, headers=world.headers()).status_code == 400
    assert client.post(url, json="x", headers=world.headers()).status_code == 400
