"""Delivery and receipts, notify-api §10 and §19: retries, crashes, repeats, early, late and unknown receipts."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from notify.context import Notify
from notify.models import MailboxMessage, Notification
from notify.operations import channels, receipts
from notify.operations.delivery import ATTEMPTS_MAX, deliver
from notify.operations.receipt_addresses import receipt_token, receipt_url
from notify.operations.receipts import Applied, apply_receipt, expire_unanswered
from notify.providers.base import HandOver, ProviderRefused, ProviderUnavailable, RecipientRefused
from notify.providers.memory import MemoryEmail, MemoryMailbox, MemorySms
from notify.standards.statuses import Channel
from shared.clock import FixedClock
from shared.tasks import RetryLater
from tests.factories.notify import PUBLIC_URL, RECEIPT_SECRET, World, add_notification, make_world
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§10")


def status_of(notify: Notify, notification_id: uuid.UUID) -> str:
    with notify.reading() as tx:
        return str(tx.connection.execute(select(Notification.status).where(Notification.id == notification_id)).scalar_one())


def memory(notify: Notify) -> MemorySms:
    assert isinstance(notify.sms, MemorySms)
    return notify.sms


def deliver_sms(notify: Notify, notification_id: uuid.UUID) -> None:
    deliver(notify, notification_id, channels.send_sms, billable_units=channels.sms_fragments)


@pytest.mark.parametrize(
    ("fault", "status"),
    [(RecipientRefused("x"), "permanent-failure"), (ProviderRefused("x"), "technical-failure")],
    ids=["recipient", "message"],
)
def test_a_no_for_good_is_final(notify: Notify, world: World, fault: RecipientRefused | ProviderRefused, status: str) -> None:
    made = add_notification(world)
    memory(notify).faults.append(fault)
    deliver_sms(notify, made)
    assert status_of(notify, made) == status
    deliver_sms(notify, made)
    assert memory(notify).calls == 1


def test_not_now_is_tried_again_and_ends_after_the_last_try(notify: Notify, world: World) -> None:
    made = add_notification(world)
    memory(notify).faults.append(ProviderUnavailable("away"))
    with pytest.raises(RetryLater):
        deliver_sms(notify, made)
    assert status_of(notify, made) == "created"
    deliver_sms(notify, made)
    assert status_of(notify, made) == "sending"
    tired = add_notification(world, attempts=ATTEMPTS_MAX - 1)
    memory(notify).faults.append(ProviderUnavailable("away"))
    deliver_sms(notify, tired)
    assert status_of(notify, tired) == "technical-failure"


def test_a_claim_keeps_others_away_until_it_runs_out(notify: Notify, world: World, clock: FixedClock) -> None:
    made = add_notification(world, claimed_until=clock.now() + timedelta(seconds=20))
    with pytest.raises(RetryLater):
        deliver_sms(notify, made)
    assert memory(notify).calls == 0
    clock.advance(seconds=20)
    deliver_sms(notify, made)
    assert memory(notify).calls == 1


def test_killed_between_the_providers_yes_and_our_commit_is_neither_lost_nor_doubled(
    notify: Notify, world: World, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The process ends here."""

    def die(*_args: object) -> None:
        raise Killed

    made = add_notification(world)
    with monkeypatch.context() as patch:
        patch.setattr("notify.operations.delivery.settle", die)
        with pytest.raises(Killed):
            deliver_sms(notify, made)
    assert (len(memory(notify).messages), status_of(notify, made)) == (1, "created")
    clock.advance(seconds=60)
    deliver_sms(notify, made)
    assert (len(memory(notify).messages), memory(notify).calls, status_of(notify, made)) == (1, 2, "sending")


def test_the_job_survives_a_provider_that_is_away(
    client: FlaskClient, world: World, notify: Notify, clock: FixedClock, run_jobs: RunJobs
) -> None:
    memory(notify).faults += [ProviderUnavailable("away"), ProviderUnavailable("away")]
    body = {"phone_number": "07700900001", "template_id": str(world.templates["sms"]), "personalisation": {"name": "a", "amount": 1}}
    made = uuid.UUID(client.post("/v2/notifications/sms", json=body, headers=world.headers()).json["id"])
    for _ in range(3):
        run_jobs()
        clock.advance(seconds=10)
    assert (status_of(notify, made), len(memory(notify).messages)) == ("sending", 1)
    with notify.reading() as tx:
        assert tx.connection.execute(text("select count(*) from outbox")).scalar_one() == 0


def test_international_texts_are_sent_and_wait_for_nothing(notify: Notify, world: World) -> None:
    made = add_notification(world, international=True)
    deliver_sms(notify, made)
    assert status_of(notify, made) == "sent"


@pytest.mark.rule("notify", "§19")
@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("delivered", "delivered"),
        ("pending", "pending"),
        ("temporary-failure", "temporary-failure"),
        ("permanent-failure", "permanent-failure"),
        ("DELIVERED", "delivered"),
        ("gibberish", "technical-failure"),
        ("", "technical-failure"),
    ],
)
@pytest.mark.parametrize("present", ["created", "sending", "sent"])
def test_receipts(notify: Notify, world: World, word: str, status: str, present: str) -> None:
    made = add_notification(world, status=present, attempts=1)
    assert apply_receipt(notify, made, word, provider="gateway", channel=Channel.SMS) is Applied.CHANGED
    assert status_of(notify, made) == status


def test_declined_after_pending_is_temporary(notify: Notify, world: World) -> None:
    made = add_notification(world, status="pending")
    apply_receipt(notify, made, "permanent-failure", provider="gateway", channel=Channel.SMS)
    assert status_of(notify, made) == "temporary-failure"


@pytest.mark.rule("notify", "§19")
@pytest.mark.parametrize("present", ["delivered", "temporary-failure", "permanent-failure", "technical-failure"])
def test_a_late_or_repeated_receipt_changes_nothing(notify: Notify, world: World, present: str) -> None:
    made = add_notification(world, status=present)
    for word in ("delivered", "permanent-failure", "pending"):
        assert apply_receipt(notify, made, word, provider="gateway", channel=Channel.SMS) is Applied.REPEATED
    assert status_of(notify, made) == present


def test_a_receipt_may_overtake_the_worker(notify: Notify, world: World) -> None:
    made = add_notification(world)

    class Hasty(MemorySms):
        def send(self, handed: Any) -> HandOver:
            apply_receipt(notify, made, "delivered", provider="gateway", channel=Channel.SMS)
            return super().send(handed)

    notify.sms = Hasty()
    deliver_sms(notify, made)
    with notify.reading() as tx:
        row = tx.connection.execute(select(Notification.__table__).where(Notification.id == made)).one()
    assert (row.status, row.sent_at is None, row.billable_units) == ("delivered", False, 1)


def test_silence_for_72_hours_is_a_temporary_failure(notify: Notify, world: World, clock: FixedClock) -> None:
    sending, pending = add_notification(world, status="sending"), add_notification(world, status="pending")
    letter, sent = add_notification(world, "letter", status="sending"), add_notification(world, status="sent")
    clock.advance(seconds=72 * 3600)
    assert expire_unanswered(notify) == 0
    clock.advance(seconds=1)
    assert expire_unanswered(notify) == 2
    assert [status_of(notify, made) for made in (sending, pending, letter, sent)] == [
        "temporary-failure",
        "temporary-failure",
        "sending",
        "sent",
    ]


def test_the_72_hours_begin_when_it_was_handed_over(notify: Notify, world: World, clock: FixedClock) -> None:
    """A message may have waited for its moment, for a provider or for its sender's cap before."""
    late = add_notification(world, status="sending", sent_at=clock.now() + timedelta(hours=60))
    clock.advance(seconds=73 * 3600)
    assert expire_unanswered(notify) == 0
    clock.advance(seconds=60 * 3600)
    assert expire_unanswered(notify) == 1
    assert status_of(notify, late) == "temporary-failure"


def test_however_many_are_silent_all_are_given_up(notify: Notify, world: World, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "EXPIRED_AT_ONCE", 2)
    made = [add_notification(world, status="sending") for _ in range(5)]
    clock.advance(seconds=72 * 3600 + 1)
    assert expire_unanswered(notify) == 5
    assert {status_of(notify, each) for each in made} == {"temporary-failure"}


def test_a_failed_feed_is_repeated_and_the_mailbox_holds_one(notify: Notify, world: World, clock: FixedClock) -> None:
    made = add_notification(world, "mailbox", to="run:11111111-1")
    feed = notify.mailbox
    assert isinstance(feed, MemoryMailbox)
    feed.faults.append(ProviderUnavailable("away"))
    with pytest.raises(RetryLater):
        deliver(notify, made, channels.send_mailbox)
    deliver(notify, made, channels.send_mailbox)
    with notify.reading() as tx:
        assert len(tx.connection.execute(select(MailboxMessage.notification_id)).all()) == 1
        placed = "select count(*) from audit_entries where core like '%notify:mailbox_message:placed%'"
        assert tx.connection.execute(text(placed)).scalar_one() == 1
    assert (len(feed.messages), status_of(notify, made)) == (1, "delivered")


def test_a_message_that_is_gone_is_left_quietly(notify: Notify, world: World) -> None:
    deliver_sms(notify, uuid.uuid4())
    assert memory(notify).calls == 0


class TestReceiptRoute:
    """POST /receipts/sms/<provider>."""

    pytestmark = pytest.mark.rule("notify", "§19")

    def post(self, client: FlaskClient, body: object, *, token: str = "", secret: str | None = None) -> Any:
        headers = {} if secret is None else {"X-Receipt-Secret": secret}
        return client.post("/receipts/sms/gateway" + (f"?token={token}" if token else ""), json=body, headers=headers)

    def test_with_the_secret_and_with_the_token(self, client: FlaskClient, world: World, notify: Notify) -> None:
        one, two = add_notification(world, status="sending"), add_notification(world, status="sending")
        assert self.post(client, {"id": "x", "reference": str(one), "status": "delivered"}, secret=RECEIPT_SECRET).status_code == 200
        path = receipt_url(notify, two)("gateway").removeprefix(PUBLIC_URL)
        answer = client.post(path, json={"id": "x", "reference": str(two), "status": "delivered", "to": "x", "at": "y"})
        assert answer.json == {"result": "success", "applied": "changed"}
        assert [status_of(notify, made) for made in (one, two)] == ["delivered", "delivered"]

    def test_nobody_else(self, client: FlaskClient, world: World, notify: Notify) -> None:
        one, two = add_notification(world, status="sending"), add_notification(world, status="sending")
        body = {"reference": str(one), "status": "delivered"}
        for proof in (
            {},
            {"secret": "wrong"},
            {"secret": ""},
            {"token": "wrong"},
            {"token": receipt_token(notify, "gateway", two)},
            {"token": receipt_token(notify, "other", one)},
        ):
            assert self.post(client, body, **proof).status_code == 401  # type: ignore[arg-type]  # texts, by name
        assert status_of(notify, one) == "sending"

    @pytest.mark.parametrize("reference", ["6f1b4f3e-0000-4000-8000-000000000000", "not-ours", ""])
    def test_an_unknown_reference_is_answered(self, client: FlaskClient, reference: str) -> None:
        answer = self.post(client, {"reference": reference, "status": "delivered"}, secret=RECEIPT_SECRET)
        assert (answer.status_code, answer.json["applied"]) == (200, "unknown")

    @pytest.mark.parametrize("body", [[], "x", {}, {"reference": 1, "status": "x"}, {"reference": "x"}, {"status": "delivered"}])
    def test_what_is_no_receipt_is_refused(self, client: FlaskClient, body: object) -> None:
        assert self.post(client, body, secret=RECEIPT_SECRET).status_code == 400


def test_personal_values_stand_encrypted(notify: Notify, world: World) -> None:
    made = add_notification(world, "email", to="camila.secreta@example.com")
    with notify.reading() as tx:
        row = tx.connection.execute(text("select notifications::text from notifications where id = :id"), {"id": made}).scalar_one()
    assert "secreta" not in row
    assert "Camila" not in row
    assert b"secreta".hex() not in row


def test_another_services_key_cannot_open_them(notify: Notify, world: World) -> None:
    from notify.models import messages
    from shared.crypto import CannotDecrypt

    made, other = add_notification(world), make_world(notify)
    with notify.db.begin() as connection:
        connection.execute(update(Notification).where(Notification.id == made).values(service_id=other.service_id))
        row = messages.find_row(connection, made)
    assert row is not None
    with pytest.raises(CannotDecrypt):
        messages.open_row(row, notify.cipher)


def test_the_email_relay_is_final_only_where_it_says_so(notify: Notify, world: World) -> None:
    made = add_notification(world, "email", to="a@b.com")
    notify.email = MemoryEmail()
    deliver(notify, made, channels.send_email)
    assert status_of(notify, made) == "sending"
