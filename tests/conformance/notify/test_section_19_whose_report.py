"""A report about an e-mail counts from the relay that took the message: forged, foreign, replayed and early ones do not; notify-api §19."""

import uuid
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from notify.operations import channels
from notify.operations.delivery import deliver
from notify.operations.suppressions import list_suppressed
from notify.providers.base import HandOver
from notify.providers.memory import MemoryEmail
from notify.providers.routing import Breaker, Route, Router
from notify.standards.mime import Mail
from notify.standards.return_token import make_token
from notify.standards.statuses import Status
from shared.clock import FixedClock
from tests.conformance.notify.test_section_19_whose_receipt import refused, row_of
from tests.factories.notify import RECEIPT_SECRET, World, add_notification
from tests.factories.notify_fixtures import RunJobs
from tests.unit.notify.standards.test_mail_reports import ID, arf, dsn

pytestmark = pytest.mark.rule("notify", "§19")
UNO, DOS = "uno", "dos"
Tell = Callable[..., str]


@pytest.fixture
def relays(notify: Notify) -> dict[str, MemoryEmail]:
    made = {name: MemoryEmail(name, Status.SENDING) for name in (UNO, DOS)}
    notify.email_routes = tuple(Route[Mail](name, one, Breaker(notify.clock)) for name, one in made.items())
    notify.email = Router[Mail](notify.email_routes)
    return made


@pytest.fixture
def tell(client: FlaskClient, notify: Notify) -> Tell:
    """`tell(raw, made, relay)` hands a report over as it comes back to the address that a relay had for the message."""

    def posted(raw: bytes, made: uuid.UUID, relay: str = "", *, key: bytes = b"") -> str:
        came_to = f"bounces+{make_token(key or notify.return_key, made, relay)}@notify.example.com" if relay else "bounces@example.com"
        raw = raw.replace(str(ID).encode(), str(made).encode())
        raw = raw.replace(b"bounces@example.com", came_to.encode()).replace(b"quejas@example.com", came_to.encode())
        headers = {"X-Receipt-Secret": RECEIPT_SECRET, "Content-Type": "message/rfc822"}
        answer = client.post("/receipts/email", data=raw, headers=headers)
        assert answer.status_code == 200, answer.text
        (applied,) = answer.get_json()["applied"]
        return str(applied)

    return posted


@pytest.fixture
def sent(notify: Notify, world: World, relays: dict[str, MemoryEmail]) -> uuid.UUID:
    made = add_notification(world, "email", to="camila@example.com")
    deliver(notify, made, channels.send_email)
    return made


@pytest.mark.parametrize("raw", [dsn(), dsn(action="delivered", status="2.0.0")], ids=["bounce", "delivery"])
def test_a_report_of_another_relay_changes_nothing(
    notify: Notify, world: World, relays: dict[str, MemoryEmail], sent: uuid.UUID, tell: Tell, raw: bytes
) -> None:
    taker = row_of(notify, sent).provider
    other = {UNO: DOS, DOS: UNO}[taker]
    assert tell(raw, sent, other) == "unknown"
    assert (row_of(notify, sent).status, list_suppressed(notify, world.service_id)) == ("sending", [])
    assert refused(notify) == [("provider:mail-report", str(sent))]
    assert [tell(raw, sent, taker), tell(raw, sent, taker)] == ["changed", "repeated"]
    assert row_of(notify, sent).status != "sending"


@pytest.mark.parametrize("raw", [dsn(), arf()], ids=["bounce", "complaint"])
def test_what_no_relay_of_ours_had_is_forged(notify: Notify, world: World, sent: uuid.UUID, tell: Tell, raw: bytes) -> None:
    """A token of another installation, of a relay that is none, of another message, and no token at all."""
    taker = row_of(notify, sent).provider
    forged = raw.replace(str(ID).encode(), str(uuid.uuid4()).encode())
    assert [tell(raw, sent, taker, key=b"of another installation"), tell(raw, sent, "tres"), tell(raw, sent)] == ["unknown"] * 3
    assert tell(forged, uuid.uuid4(), taker) == "unknown"
    assert (row_of(notify, sent).status, list_suppressed(notify, world.service_id)) == ("sending", [])
    assert len(refused(notify)) == 3


def test_a_complaint_counts_whichever_relay_it_came_through_and_once(notify: Notify, world: World, sent: uuid.UUID, tell: Tell) -> None:
    other = {UNO: DOS, DOS: UNO}[row_of(notify, sent).provider]
    assert [tell(arf(), sent, other), tell(arf(), sent, other)] == ["changed", "repeated"]
    assert [one.reason for one in list_suppressed(notify, world.service_id)] == ["complaint"]
    assert refused(notify) == []


def test_a_bounce_that_comes_before_the_relays_yes_is_written_down_waits(
    notify: Notify, world: World, relays: dict[str, MemoryEmail], tell: Tell, run_jobs: RunJobs, clock: FixedClock
) -> None:
    made, said = add_notification(world, "email", to="camila@example.com"), []

    class Hasty(MemoryEmail):
        def send(self, handed: Mail) -> HandOver:
            said.append(tell(dsn(), made, self.name))
            return super().send(handed)

    for route in notify.email_routes:
        route.provider = Hasty(route.name, Status.SENDING)
    deliver(notify, made, channels.send_email)
    assert (said, row_of(notify, made).status) == (["waiting"], "sending")
    clock.advance(seconds=10)
    run_jobs()
    assert row_of(notify, made).status == "permanent-failure"


def test_a_relay_that_was_taken_away_is_still_heard(notify: Notify, sent: uuid.UUID, tell: Tell) -> None:
    taker = row_of(notify, sent).provider
    notify.email_routes = tuple(route for route in notify.email_routes if route.name != taker)
    assert tell(dsn(), sent, taker) == "changed"


def test_what_the_release_before_sent_is_reported_about_without_a_token(notify: Notify, world: World, tell: Tell) -> None:
    made = add_notification(
        world, "email", to="camila@example.com", status="sending", provider=UNO, provider_reference="<x@notify.example.com>"
    )
    assert tell(dsn(), made) == "changed"
    assert row_of(notify, made).status == "permanent-failure"
