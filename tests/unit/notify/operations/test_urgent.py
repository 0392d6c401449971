"""Messages of an urgent template go ahead of what waits, and nobody's many messages go ahead of another's one."""

import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text, update

from notify.context import Notify
from notify.models import Service
from notify.operations.delivery import Due, Work, deliver_many
from notify.operations.receipts import apply_receipt
from notify.providers.base import HandOver, ProviderUnavailable
from shared import outbox
from shared.clock import FixedClock
from shared.outbox import BULK, URGENT
from tests.factories.notify import VALUES, World, add_callback, add_notification, make_world
from tests.factories.notify_console import ORG, sign_in, submit

pytestmark = pytest.mark.rule("notify", "§20")


def one(client: FlaskClient, world: World) -> uuid.UUID:
    body = {"phone_number": "07700900003", "template_id": str(world.templates["sms"]), "personalisation": VALUES}
    answer = client.post("/v2/notifications/sms", json=body, headers=world.headers())
    assert answer.status_code == 201
    return uuid.UUID(answer.get_json()["id"])


def claims(notify: Notify) -> list[tuple[str, list[str]]]:
    """Give the delivery jobs in the order in which the relay takes them, one at a time: queue, and messages."""
    found: list[tuple[str, list[str]]] = []
    while True:
        with notify.db.begin() as connection:
            rows = outbox.lease_due(connection, notify.clock.now(), limit=1)
            if not rows:
                return found
            payload: Any = connection.execute(text("select payload from outbox where id = :id"), {"id": rows[0].id}).scalar_one()
        if rows[0].job == "deliver_sms":
            found.append((rows[0].queue, [message[0] for message in payload["messages"]]))


def left_in_outbox(notify: Notify) -> dict[tuple[str, str], str]:
    """Give the queue of each piece of work by its job and message."""
    with notify.reading() as tx:
        rows = tx.connection.execute(text("select job, queue, payload from outbox")).all()
    return {(job, payload.get("notification_id") or payload["messages"][0][0]): queue for job, queue, payload in rows}


def test_an_urgent_text_is_claimed_before_what_came_earlier(
    app: Flask, client: FlaskClient, world: World, notify: Notify, clock: FixedClock
) -> None:
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(org_id=ORG))
    other = make_world(notify)
    usual = []
    for _ in range(5):
        usual.append(one(client, other))
        clock.advance(seconds=1)
    owner, template = sign_in(app, f"{ORG}:owner"), f"/services/{world.service_id}/templates/{world.templates['sms']}"
    assert submit(owner, template + "/urgent", {"urgent": "1"}, page=template).status_code == 303
    urgent = one(client, world)
    order = claims(notify)
    assert order[0] == (URGENT, [str(urgent)])
    assert [messages for _, messages in order[1:]] == [[str(each)] for each in usual]
    assert submit(owner, template + "/urgent", {"urgent": "0"}, page=template).status_code == 303
    one(client, world)
    assert [queue for queue, _ in claims(notify)] == [""]


def test_rows_of_a_job_go_by_their_own_queue_and_ahead_of_nobody(app: Flask, client: FlaskClient, world: World, notify: Notify) -> None:
    with notify.db.begin() as connection:
        connection.execute(text("update templates set urgent = true where id = :id"), {"id": world.templates["sms"]})
    notify.catalogue.forget()
    rows = [["phone number", "name", "amount"], *(["07700900003", f"P{n}", "$1"] for n in range(30))]
    job = {"template_id": str(world.templates["sms"]), "rows": rows}
    assert client.post("/v2/notifications/bulk", json=job, headers=world.headers()).status_code == 201
    from notify.operations.bulk_run import run_bulk

    with notify.reading() as tx:
        bulk_id = tx.connection.execute(text("select id from bulk_jobs")).scalar_one()
    for _ in range(2):
        run_bulk(notify, bulk_id, 0)
    alone = one(client, make_world(notify))
    found = claims(notify)
    assert sum(len(messages) for queue, messages in found if queue == BULK) == 30
    assert [messages for queue, messages in found if queue != BULK] == [[str(alone)]]


def test_what_follows_for_a_row_of_a_job_goes_by_the_queue_of_jobs_too(world: World, notify: Notify) -> None:
    """The next try of a message, and what its service is told."""
    add_callback(world, "https://office.example/told")
    later, taken = (add_notification(world, bulk_id=uuid.uuid4()) for _ in range(2))
    alone = add_notification(world)

    def send(_notify: Notify, work: Work) -> HandOver:
        if work.message.id == later:
            raise ProviderUnavailable("away")
        return HandOver("memory", "theirs")

    deliver_many(notify, "deliver_sms", [Due(later), Due(taken), Due(alone)], send)
    for each in (taken, alone):
        apply_receipt(notify, each, "delivered", provider="memory")
    left = left_in_outbox(notify)
    assert left == {("deliver_sms", str(later)): BULK, ("tell_service", str(taken)): BULK, ("tell_service", str(alone)): ""}


def test_only_who_manages_a_service_makes_a_template_urgent(app: Flask, world: World, notify: Notify) -> None:
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(org_id=ORG))
    agent, template = sign_in(app, f"{ORG}:agent"), f"/services/{world.service_id}/templates/{world.templates['sms']}"
    assert submit(agent, template + "/urgent", {"urgent": "1"}, page=template + "/send").status_code == 403
