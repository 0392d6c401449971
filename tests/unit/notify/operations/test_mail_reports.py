"""What bounces and complaints change.  Spec: notify-api §10, §19; issue: suppression list with reasons and removal."""

import uuid
from email import message_from_bytes
from email.policy import default

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from notify.context import Notify
from notify.models.suppression import Reason
from notify.operations import channels
from notify.operations.delivery import deliver
from notify.operations.mail_reports import return_token
from notify.operations.standing import show_standing
from notify.operations.suppressions import list_suppressed, suppress
from notify.providers.base import RecipientRefused
from notify.standards.mime import message
from notify.standards.return_token import find_token
from notify.standards.statuses import Status
from tests.factories.notify import RECEIPT_SECRET, World, add_notification
from tests.unit.notify.standards.test_mail_reports import ID, arf, dsn

HEADERS = {"X-Receipt-Secret": RECEIPT_SECRET, "Content-Type": "message/rfc822"}


@pytest.fixture
def sent(notify: Notify, world: World) -> uuid.UUID:
    """An e-mail that the relay took, whose delivery is still to be reported."""
    notify.email.status = Status.SENDING  # type: ignore[attr-defined]  # the one in memory
    made = add_notification(world, "email", to="camila@example.com")
    deliver(notify, made, channels.send_email)
    return made


def report(client: FlaskClient, raw: bytes, made: uuid.UUID, *, relay: str = "memory") -> list[str]:
    """Hand over what came back to the address that the message had at a relay."""
    notify: Notify = client.application.extensions["andamio"].context
    came_to = b"bounces+" + return_token(notify, made)(relay).encode() + b"@example.com"
    raw = raw.replace(str(ID).encode(), str(made).encode()).replace(b"bounces@example.com", came_to).replace(b"quejas@example.com", came_to)
    answer = client.post("/receipts/email", data=raw, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    applied: list[str] = answer.get_json()["applied"]
    return applied


def status_of(notify: Notify, made: uuid.UUID) -> str:
    with notify.reading() as tx:
        return str(tx.connection.execute(text("select status from notifications where id = :id"), {"id": made}).scalar_one())


@pytest.mark.rule("notify", "§19")
def test_an_address_that_nobody_has_fails_for_good_and_is_not_written_to_again(
    client: FlaskClient, notify: Notify, world: World, sent: uuid.UUID
) -> None:
    assert report(client, dsn(), sent) == ["changed"]
    assert status_of(notify, sent) == "permanent-failure"
    assert report(client, dsn(), sent) == ["repeated"]
    (listed,) = list_suppressed(notify, world.service_id)
    assert (listed.address, listed.reason, listed.detail) == ("camila@example.com", "bounce", "5.1.1")
    taken = len(notify.email.messages)  # type: ignore[attr-defined]
    again = add_notification(world, "email", to="Camila@example.com")
    deliver(notify, again, channels.send_email)
    assert status_of(notify, again) == "permanent-failure"
    assert len(notify.email.messages) == taken  # type: ignore[attr-defined]


@pytest.mark.rule("notify", "§19")
@pytest.mark.parametrize(("status", "listed"), [("5.1.1", ["a@example.com"]), ("5.7.1", []), ("", [])])
def test_what_a_relay_refuses_at_once_counts_as_what_it_reports_later(notify: Notify, world: World, status: str, listed: list[str]) -> None:
    notify.email.faults.append(RecipientRefused("550", status=status))  # type: ignore[attr-defined]  # the one in memory
    made = add_notification(world, "email", to="a@example.com")
    deliver(notify, made, channels.send_email)
    assert status_of(notify, made) == "permanent-failure"
    assert [each.address for each in list_suppressed(notify, world.service_id)] == listed
    measured = show_standing(notify, world.service_id).lately
    assert (measured.mails, measured.bounces) == (len(listed), len(listed))


@pytest.mark.rule("notify", "§19")
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (dsn(status="4.2.2"), "temporary-failure"),
        (dsn(status="5.7.1"), "permanent-failure"),
        (dsn(action="delivered", status="2.0.0"), "delivered"),
        (dsn(action="delayed", status="4.4.1"), "sending"),
    ],
)
def test_other_reports_give_the_outcome_and_suppress_nobody(
    client: FlaskClient, notify: Notify, world: World, sent: uuid.UUID, raw: bytes, status: str
) -> None:
    report(client, raw, sent)
    assert status_of(notify, sent) == status
    assert list_suppressed(notify, world.service_id) == []


@pytest.mark.rule("notify", "§19")
def test_a_complaint_ends_the_mail_of_that_service_alone(client: FlaskClient, notify: Notify, world: World, sent: uuid.UUID) -> None:
    assert report(client, arf(), sent) == ["changed"]
    assert [one.reason for one in list_suppressed(notify, world.service_id)] == ["complaint"]
    assert list_suppressed(notify, uuid.uuid4()) == []
    assert status_of(notify, sent) == "sending"
    assert report(client, arf(), sent) == ["repeated"]
    with notify.reading() as tx:
        told = tx.connection.execute(text("select count(*) from audit_entries where core like '%notification:complained%'")).scalar_one()
    assert told == 1


def test_a_bounce_of_another_address_suppresses_nobody(client: FlaskClient, notify: Notify, world: World, sent: uuid.UUID) -> None:
    report(client, dsn().replace(b"Camila@Example.com", b"victim@example.com"), sent)
    assert list_suppressed(notify, world.service_id) == []


def test_strangers_and_nonsense_are_refused(client: FlaskClient, sent: uuid.UUID) -> None:
    assert client.post("/receipts/email", data=dsn(), headers={"Content-Type": "message/rfc822"}).status_code == 401
    assert client.post("/receipts/email", data=dsn(), headers=HEADERS | {"X-Receipt-Secret": "wrong"}).status_code == 401
    assert client.post("/receipts/email", data=b"hola", headers=HEADERS).status_code == 400
    assert client.post("/receipts/email", data=b"x" * 600_000, headers=HEADERS).status_code == 413
    assert client.post("/receipts/email", data=dsn(), headers=HEADERS).get_json()["applied"] == ["unknown"]


def test_an_address_stands_on_the_list_once_with_its_first_reason(notify: Notify, world: World) -> None:
    with notify.transaction() as tx:
        assert suppress(notify, tx, world.service_id, "a@b.com", Reason.BOUNCE, detail="5.1.1")
        assert not suppress(notify, tx, world.service_id, "a@b.com", Reason.COMPLAINT)
    assert [one.reason for one in list_suppressed(notify, world.service_id)] == ["bounce"]


def test_each_message_has_a_token_of_its_own_at_each_relay_and_its_date(notify: Notify, sent: uuid.UUID) -> None:
    mail = notify.email.messages[-1]  # type: ignore[attr-defined]
    tokens = {relay: find_token(mail.return_token(relay)) for relay in ("uno", "dos")}
    assert all(token is not None and token.notification_id == sent for token in tokens.values())
    assert tokens["uno"] != tokens["dos"]
    built = message_from_bytes(message(mail, mail.return_token("uno")).as_bytes(), policy=default)
    assert built["X-Notification-Return"] == mail.return_token("uno")
    assert built["Date"].datetime == notify.clock.now()
