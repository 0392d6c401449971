"""Every route of notify, and what happens to who may not use it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

SOME = "6f1b4f3e-0000-4000-8000-000000000000"
ROUTES = {
    "sends.send_sms": ("POST", "/v2/notifications/sms"),
    "sends.send_email": ("POST", "/v2/notifications/email"),
    "sends.send_letter": ("POST", "/v2/notifications/letter"),
    "sends.send_mailbox": ("POST", "/v2/notifications/mailbox"),
    "sends.send_nothing": ("POST", "/v2/notifications/fax"),
    "notifications.list_all": ("GET", "/v2/notifications"),
    "notifications.read_one": ("GET", f"/v2/notifications/{SOME}"),
    "notifications.read_pdf": ("GET", f"/v2/notifications/{SOME}/pdf"),
    "notifications.cancel_one": ("POST", f"/v2/notifications/{SOME}/cancel"),
    "bulk.create": ("POST", "/v2/notifications/bulk"),
    "bulk.list_all": ("GET", "/v2/notifications/bulk"),
    "bulk.read_one": ("GET", f"/v2/notifications/bulk/{SOME}"),
    "bulk.read_errors": ("GET", f"/v2/notifications/bulk/{SOME}/errors"),
    "bulk.cancel": ("POST", f"/v2/notifications/bulk/{SOME}/cancel"),
    "bulk.resume": ("POST", f"/v2/notifications/bulk/{SOME}/resume"),
    "callbacks.list_all": ("GET", "/v2/callbacks"),
    "callbacks.replay": ("POST", f"/v2/callbacks/{SOME}/replay"),
    "callbacks.settings": ("POST", "/v2/callbacks/settings"),
    "notifications.prove_one": ("GET", f"/v2/notifications/{SOME}/proof"),
    "received_texts.list_all": ("GET", "/v2/received-text-messages"),
    "unsubscribe.list_open": ("GET", "/v2/unsubscribe-requests"),
    "unsubscribe.mark": ("POST", "/v2/unsubscribe-requests/processed"),
    "documents.store": ("POST", f"/services/{SOME}/documents"),
    "templates.list_all": ("GET", "/v2/templates"),
    "templates.read_one": ("GET", f"/v2/template/{SOME}"),
    "templates.read_version": ("GET", f"/v2/template/{SOME}/version/1"),
    "templates.show_filled": ("POST", f"/v2/template/{SOME}/preview"),
    "template_edits.create": ("POST", "/v2/templates"),
    "template_edits.edit": ("POST", f"/v2/template/{SOME}"),
    "template_edits.archive": ("DELETE", f"/v2/template/{SOME}"),
    "template_edits.show_versions": ("GET", f"/v2/template/{SOME}/versions"),
    "template_edits.show_changes": ("GET", f"/v2/template/{SOME}/diff?from=1&to=2"),
    "template_edits.show_published_form": ("GET", f"/service/{SOME}/template/{SOME}/versions"),
    "letter_events.take": ("POST", "/notifications/letter/status"),
    "receipts.take_sms_receipt": ("POST", "/receipts/sms/gateway"),
    "receipts.take_email_report": ("POST", "/receipts/email"),
    "receipts.take_returned_letters": ("POST", "/receipts/letters/returned"),
    "people.send": ("POST", "/v2/notifications/person"),
    "people.remind": ("POST", "/v2/reminders"),
    "people.list_waiting": ("GET", "/v2/reminders"),
    "people.read_one": ("GET", f"/v2/reminders/{SOME}"),
    "people.cancel": ("POST", f"/v2/reminders/{SOME}/cancel"),
    "mailbox.show_preferences": ("GET", "/v1/mailbox/preferences"),
    "mailbox.set_preferences": ("PUT", "/v1/mailbox/preferences"),
    "mailbox.end_preferences": ("DELETE", "/v1/mailbox/preferences"),
    "mailbox.read_file": ("GET", f"/v1/mailbox/messages/{SOME}/attachments/0"),
    "mailbox.list_all": ("GET", "/v1/mailbox/messages"),
    "mailbox.show_one": ("GET", f"/v1/mailbox/messages/{SOME}"),
    "mailbox.prove_one": ("GET", f"/v1/mailbox/messages/{SOME}/proof"),
    "mailbox.show_reminders": ("GET", "/v1/mailbox/reminders"),
    "mailbox.set_reminders": ("PUT", "/v1/mailbox/reminders"),
    "mailbox.end_reminders": ("DELETE", "/v1/mailbox/reminders"),
    "mailbox.read_one": ("POST", f"/v1/mailbox/messages/{SOME}/read"),
}
OURS = (
    *("sends.", "notifications.", "templates.", "template_edits.", "receipts.", "mailbox."),
    *("received_texts.", "unsubscribe.", "documents.", "networks.", "letter_events.", "bulk.", "callbacks.", "people."),
)


@pytest.mark.rule("notify", "§2")
@pytest.mark.parametrize("endpoint", ROUTES)
def test_nobody_without_proof(client: FlaskClient, endpoint: str) -> None:
    method, path = ROUTES[endpoint]
    body = {"reference": SOME, "status": "delivered"} if endpoint.startswith("receipts.") else {}
    assert client.open(path, method=method, json=body).status_code == 401


@pytest.mark.rule("notify", "§2")
@pytest.mark.parametrize("endpoint", [name for name in ROUTES if not name.startswith("receipts.")])
def test_nobody_with_rubbish(client: FlaskClient, endpoint: str) -> None:
    method, path = ROUTES[endpoint]
    assert client.open(path, method=method, json={}, headers={"Authorization": "Bearer rubbish"}).status_code in {401, 403}


OPEN = {
    *("unsubscribe.from_mail", "unsubscribe.ask"),
    *("documents.show", "documents.confirm_address", "documents.download", "documents.check", "documents.authenticate"),
}
NETWORKS = {f"networks.{name}" for name in ("mmg", "firetext", "receive_mmg", "receive_firetext")}


@pytest.mark.rule("notify", "§19")
@pytest.mark.parametrize("address", ["mmg", "firetext", "receive/mmg", "receive/firetext"])
def test_networks_come_with_their_password(client: FlaskClient, address: str) -> None:
    path = f"/notifications/sms/{address}"
    assert client.post(path, json={}).status_code == 401
    assert client.post(path, json={}, auth=("notify", "wrong")).status_code == 403


def test_no_route_is_forgotten_here(app: Flask) -> None:
    rules = app.extensions["andamio"].access_rules
    assert {name for name in rules if name.startswith(OURS)} == set(ROUTES) | OPEN | NETWORKS
