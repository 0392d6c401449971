"""Templates written by API: versions, differences, archive; what is refused, and whose templates nobody else sees."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from tests.factories.notify import World, make_world

pytestmark = pytest.mark.rule("notify", "§6")
NEW = {"type": "email", "name": "Recibo", "subject": "Recibo de ((name))", "body": "# Hola ((name))\n\nGracias."}


def create(client: FlaskClient, world: World, **changes: Any) -> Any:
    body = {name: value for name, value in (NEW | changes).items() if value is not None}
    return client.post("/v2/templates", json=body, headers=world.headers())


def test_a_template_is_made_edited_and_used(client: FlaskClient, world: World) -> None:
    made = create(client, world)
    assert made.status_code == 201
    assert (made.json["version"], made.json["personalisation"]) == (1, {"name": {"required": True}})
    address = f"/v2/template/{made.json['id']}"
    edited = client.post(address, json={"body": "# Hola ((name))\n\nMuchas gracias.", "version": 1}, headers=world.headers())
    assert (edited.status_code, edited.json["version"], edited.json["subject"]) == (200, 2, NEW["subject"])
    assert client.get(address, headers=world.headers()).json["body"].endswith("Muchas gracias.")
    assert client.get(f"{address}/version/1", headers=world.headers()).json["body"] == NEW["body"]
    body = {"email_address": "a@b.com", "template_id": made.json["id"], "personalisation": {"name": "Ana"}}
    assert client.post("/v2/notifications/email", json=body, headers=world.headers()).json["template"]["version"] == 2


def test_versions_and_what_changed(client: FlaskClient, world: World) -> None:
    address = f"/v2/template/{create(client, world).json['id']}"
    client.post(address, json={"body": "# Hola ((name))\n\nAdiós.", "name": "Recibo nuevo"}, headers=world.headers())
    found = client.get(f"{address}/versions", headers=world.headers()).json["versions"]
    assert [version["version"] for version in found] == [2, 1]
    changes = {part["field"]: part["lines"] for part in client.get(f"{address}/diff?from=1&to=2", headers=world.headers()).json["changes"]}
    assert changes["name"] == [{"change": "removed", "text": "Recibo"}, {"change": "added", "text": "Recibo nuevo"}]
    assert [line["change"] for line in changes["body"]] == ["same", "same", "removed", "added"]
    assert set(changes) == {"name", "body"}
    for wrong in ("?from=1&to=9", "?from=1&to=999999999"):
        assert client.get(f"{address}/diff{wrong}", headers=world.headers()).status_code == 404
    for wrong in ("", "?from=1", "?from=x&to=2", "?from=-1&to=2", "?from=9999999999&to=1"):
        assert client.get(f"{address}/diff{wrong}", headers=world.headers()).status_code == 400


def test_the_same_words_make_no_version(client: FlaskClient, world: World) -> None:
    made = create(client, world).json
    again = client.post(f"/v2/template/{made['id']}", json={"name": "Recibo"}, headers=world.headers())
    assert again.json["version"] == 1


def test_two_editors_do_not_overwrite_one_another(client: FlaskClient, world: World) -> None:
    address = f"/v2/template/{create(client, world).json['id']}"
    assert client.post(address, json={"body": "uno", "version": 1}, headers=world.headers()).status_code == 200
    late = client.post(address, json={"body": "dos", "version": 1}, headers=world.headers())
    assert (late.status_code, late.json["errors"][0]["error"]) == (409, "ConflictError")


def test_an_archived_template_is_read_and_not_sent_or_edited(client: FlaskClient, world: World) -> None:
    template_id = create(client, world).json["id"]
    for _ in range(2):
        assert client.delete(f"/v2/template/{template_id}", headers=world.headers()).status_code == 204
    assert client.get(f"/v2/template/{template_id}", headers=world.headers()).status_code == 200
    assert client.post(f"/v2/template/{template_id}", json={"body": "x"}, headers=world.headers()).status_code == 409
    listed = client.get("/v2/templates", headers=world.headers()).json["templates"]
    assert template_id not in [template["id"] for template in listed]
    body = {"email_address": "a@b.com", "template_id": template_id, "personalisation": {"name": "Ana"}}
    refused = client.post("/v2/notifications/email", json=body, headers=world.headers())
    assert refused.json["errors"] == [{"error": "BadRequestError", "message": "Template has been deleted"}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "fax"}, "type fax is not one of [email, sms, letter, mailbox]"),
        ({"type": None}, "type is a required property"),
        ({"name": " "}, "name must not be empty"),
        ({"name": "x" * 256}, "name is too long: at most 255 characters"),
        ({"body": ""}, "body must not be empty"),
        ({"subject": None}, "subject must not be empty"),
        ({"subject": "a\r\nBcc: x@y.com"}, "subject must be one line"),
        ({"body": "a\x07"}, "body must not contain control characters"),
        ({"postage": "first"}, "postage is for letters only"),
        ({"type": "sms"}, "subject is not used in a text message"),
        ({"type": "sms", "subject": None, "body": "a" * 919}, "body is too long: text messages cannot be longer than 918 characters"),
        ({"type": "letter", "postage": "pigeon"}, "postage invalid. It must be either first, second or economy."),
        ({"type": "letter", "has_unsubscribe_link": True}, "has_unsubscribe_link is for emails only"),
        ({"has_unsubscribe_link": 1}, "has_unsubscribe_link 1 is not of type boolean"),
        ({"colour": "red"}, "Additional properties are not allowed (colour was unexpected)"),
        ({"body": 5}, "body 5 is not of type string"),
    ],
)
def test_words_that_cannot_be_a_template(client: FlaskClient, world: World, changes: dict[str, Any], message: str) -> None:
    refused = create(client, world, **changes)
    assert (refused.status_code, refused.json["errors"]) == (400, [{"error": "ValidationError", "message": message}])


def test_nobody_elses_template(client: FlaskClient, world: World, notify: Notify) -> None:
    template_id = create(client, world).json["id"]
    other = make_world(notify)
    for method, tail in (("POST", ""), ("DELETE", ""), ("GET", "/versions"), ("GET", "/diff?from=1&to=1")):
        assert client.open(f"/v2/template/{template_id}{tail}", method=method, json={}, headers=other.headers()).status_code == 404
    own_form = f"/service/{other.service_id}/template/{template_id}/versions"
    assert client.get(own_form, headers=world.headers()).status_code == 404


def test_a_test_key_writes_nothing(client: FlaskClient, world: World) -> None:
    refused = client.post("/v2/templates", json=NEW, headers=world.headers("test"))
    assert (refused.status_code, refused.json["errors"][0]["error"]) == (403, "AuthError")
