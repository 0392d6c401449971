"""`Idempotency-Key` on what writes besides sends: the same request twice is done once and answered the same.  Ours, beside the contract."""

import base64
import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from notify.context import Notify
from notify.operations.callbacks import DELIVERY_STATUS, News, enqueue_event
from tests.factories.notify import World, add_callback

pytestmark = pytest.mark.rule("notify", "§6", "§9", "§18")
NEW = {"type": "email", "name": "Aviso", "subject": "Hola", "body": "Venga mañana."}


def post(client: FlaskClient, world: World, path: str, body: Any, key: str | None = "k-1") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(path, json=body, headers=world.headers() | headers)


def count(notify: Notify, table: str) -> int:
    with notify.reading() as tx:
        return int(tx.connection.execute(text(f"select count(*) from {table}")).scalar_one())


def test_a_template_is_made_once(client: FlaskClient, world: World, notify: Notify) -> None:
    before = count(notify, "templates")
    first, again = (post(client, world, "/v2/templates", NEW) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    assert count(notify, "templates") == before + 1
    assert post(client, world, "/v2/templates", NEW | {"name": "Otro"}).status_code == 409
    assert post(client, world, "/v2/templates", NEW, key=None).get_json()["id"] != first.get_json()["id"]
    assert post(client, world, "/v2/templates", NEW, key="x" * 256).status_code == 400


def test_a_change_that_is_said_twice_is_no_conflict(client: FlaskClient, world: World, notify: Notify) -> None:
    path = f"/v2/template/{world.templates['sms']}"
    change = {"body": "Hola ((name)).", "version": 1}
    first, again = (post(client, world, path, change) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.get_json()["version"] == again.get_json()["version"] == 2
    assert post(client, world, path, change, key="k-2").status_code == 409  # by version, as without a key
    with notify.reading() as tx:
        versions = tx.connection.execute(text("select max(version) from template_versions where template_id = :id"), {"id": path[-36:]})
        assert versions.scalar_one() == 2


def test_a_file_is_kept_once_under_one_link(client: FlaskClient, world: World, notify: Notify) -> None:
    body = {"document": base64.b64encode(b"a,b\n").decode(), "filename": "detalle.csv"}
    path = f"/services/{world.service_id}/documents"
    first, again = (post(client, world, path, body) for _ in range(2))
    assert (first.status_code, first.get_json()) == (201, again.get_json())
    assert client.get(first.get_json()["document"]["direct_file_url"].removeprefix("http://localhost")).data == b"a,b\n"
    assert count(notify, "documents") == 1
    with notify.reading() as tx:
        kept = str(tx.connection.execute(text("select result from idempotency_keys")).scalar_one())
    assert first.get_json()["document"]["url"].rpartition("=")[2] not in kept  # the link's key stands nowhere in the clear


def test_an_event_is_replayed_once(client: FlaskClient, world: World, notify: Notify) -> None:
    add_callback(world, "https://service.example.com/told")
    with notify.transaction() as tx:
        enqueue_event(notify, tx, News(world.service_id, DELIVERY_STATUS, uuid.uuid4(), {"a": 1}))
    with notify.reading() as tx:
        event = tx.connection.execute(text("select id from callback_calls")).scalar_one()
    before = count(notify, "outbox")
    for _ in range(2):
        assert post(client, world, f"/v2/callbacks/{event}/replay", {}).status_code == 202
    assert count(notify, "outbox") == before + 1
