"""Reminders of the mailbox by e-mail that come back: on by text where the number is known, noted for the person.  Spec: NO-13."""

import uuid

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from notify.context import Notify
from notify.operations import channels
from notify.operations.delivery import deliver
from notify.operations.mailbox import mark_read
from notify.operations.mailbox_reminders import Wish, find_wish, keep_wish
from notify.operations.preferences import Preference, keep_preference
from notify.providers.base import RecipientRefused
from notify.standards.statuses import Channel
from shared.auth import Caller
from shared.clock import FixedClock
from tests.factories.notify import World, add_notification
from tests.factories.notify_fixtures import RunJobs
from tests.unit.notify.operations.test_mail_reports import report
from tests.unit.notify.standards.test_mail_reports import arf, dsn

pytestmark = pytest.mark.rule("notify", "NO-13", "§19")
CAMILA = Caller("portal", "abcdefgh12345678", frozenset({"notify:mailbox"}), {"run": "11111111-1"})
PHONE, RELAY = "+447700900003", "smtp"


class Person:
    """A person with a wish to be reminded by e-mail, and what reached her."""

    def __init__(self, notify: Notify, world: World, clock: FixedClock, run_jobs: RunJobs, *, phone: str = PHONE) -> None:
        self.notify, self.world, self.clock, self.run_jobs = notify, world, clock, run_jobs
        keep_wish(notify, CAMILA, Wish("email", "Camila@example.com"))
        if phone:
            keep_preference(notify, CAMILA, Preference((Channel.MAILBOX,), phone=phone))

    def gets(self) -> uuid.UUID:
        """A message that stays unread until she is reminded."""
        made = add_notification(self.world, "mailbox", to="run:11111111-1")
        deliver(self.notify, made, channels.send_mailbox)
        self.clock.advance(seconds=24 * 3600 + 1)
        self.run_jobs()
        return made

    @property
    def reached(self) -> tuple[int, list[str]]:
        """How many e-mails, and the numbers that texts went to."""
        mails, texts = self.notify.email.messages, self.notify.sms.messages  # type: ignore[attr-defined]  # those in memory
        return len(mails), [each.to for each in texts]

    @property
    def returned(self) -> bool:
        found = find_wish(self.notify, CAMILA)
        return found is not None and found.returned_at is not None


@pytest.fixture
def camila(notify: Notify, world: World, clock: FixedClock, run_jobs: RunJobs) -> Person:
    return Person(notify, world, clock, run_jobs)


def test_mail_that_came_back_is_followed_by_one_text_and_the_next_goes_by_text_at_once(client: FlaskClient, camila: Person) -> None:
    made = camila.gets()
    assert camila.reached == (1, [])
    assert report(client, dsn(), made, relay=RELAY) == ["changed"]
    for _ in range(2):
        camila.run_jobs()
        assert camila.reached == (1, [PHONE.removeprefix("+")])
        assert report(client, dsn(), made, relay=RELAY) == ["repeated"]
    assert camila.returned
    camila.gets()
    assert camila.reached == (1, [PHONE.removeprefix("+")] * 2)
    keep_wish(camila.notify, CAMILA, Wish("email", "camila@example.org"))
    assert not camila.returned
    camila.gets()
    assert camila.reached[0] == 2


def test_without_a_number_it_is_noted_and_the_message_waits(
    client: FlaskClient, notify: Notify, world: World, clock: FixedClock, run_jobs: RunJobs
) -> None:
    camila = Person(notify, world, clock, run_jobs, phone="")
    assert report(client, dsn(), camila.gets(), relay=RELAY) == ["changed"]
    camila.gets()
    assert camila.returned
    assert camila.reached == (1, [])
    with notify.reading() as tx:
        assert tx.connection.execute(text("select count(*) from outbox")).scalar_one() == 0
        noted = "select count(*) from audit_entries where core like '%notify:mailbox_reminder:returned%'"
        assert tx.connection.execute(text(noted)).scalar_one() == 1


def test_an_address_that_the_relay_refuses_at_once_is_passed_over(camila: Person) -> None:
    camila.notify.email.faults.append(RecipientRefused("nobody"))  # type: ignore[attr-defined]  # the one in memory
    camila.gets()
    assert camila.reached == (0, [PHONE.removeprefix("+")])
    assert camila.returned


@pytest.mark.parametrize(
    ("raw", "applied", "texts", "is_noted"),
    [
        (dsn(status="5.7.1"), "changed", 1, False),
        (dsn(status="4.2.2"), "repeated", 0, False),
        (dsn(action="delivered", status="2.0.0"), "repeated", 0, False),
        (arf(), "changed", 0, True),
        (dsn().replace(b"Camila@", b"another@"), "changed", 1, False),
    ],
    ids=["refused for another reason", "for now", "delivered", "unwanted", "of an address before"],
)
def test_what_each_report_leads_to(client: FlaskClient, camila: Person, raw: bytes, applied: str, texts: int, is_noted: bool) -> None:
    assert report(client, raw, camila.gets(), relay=RELAY) == [applied]
    camila.run_jobs()
    assert (len(camila.reached[1]), camila.returned) == (texts, is_noted)


def test_who_read_it_meanwhile_hears_nothing_more(client: FlaskClient, camila: Person) -> None:
    made = camila.gets()
    mark_read(camila.notify, CAMILA, made)
    report(client, dsn(), made, relay=RELAY)
    camila.run_jobs()
    assert camila.reached == (1, [])


def test_a_report_that_no_relay_of_ours_can_have_changes_nothing(client: FlaskClient, camila: Person) -> None:
    made = camila.gets()
    assert report(client, dsn(), made, relay="another") == ["unknown"]
    assert report(client, dsn(), uuid.uuid4(), relay=RELAY) == ["unknown"]
    camila.run_jobs()
    assert camila.reached == (1, [])
    assert not camila.returned
