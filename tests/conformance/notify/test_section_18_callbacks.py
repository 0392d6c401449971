"""Callbacks to the service, notify-api §18."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import text

from notify.context import Notify
from notify.errors import MessageRefused
from notify.operations.receipts import apply_receipt
from notify.operations.services import set_callback
from shared.clock import FixedClock
from shared.http import OutboundFailed, OutboundTimeout, Reply
from tests.factories.notify import World, add_callback, add_notification, settings
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§18")
URL = "https://service.example.com/told"
Answer = Callable[[], Reply]


class Service:
    """The service's own server: answers in turn, then 204."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, Mapping[str, Any]]] = []

    def request(self, _method: str, url: str, **call: Any) -> Reply:
        self.calls.append((url, call))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, {}, b"")


def told(world: World, notify: Notify, service: Service, monkeypatch: pytest.MonkeyPatch, channel: str = "sms") -> uuid.UUID:
    monkeypatch.setattr(notify.http, "request", service.request)
    add_callback(world, URL)
    made = add_notification(world, channel, to="07700900001" if channel == "sms" else "A@b.com", status="sending", reference="r-1")
    apply_receipt(notify, made, "delivered", provider="x")
    return made


def outbox_states(notify: Notify) -> list[str]:
    with notify.reading() as tx:
        return list(tx.connection.execute(text("select state from outbox order by id")).scalars())


def test_the_body_and_the_bearer(world: World, notify: Notify, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    made = told(world, notify, service, monkeypatch)
    run_jobs()
    ((url, call),) = service.calls
    assert (url, call["headers"], call["timeout_seconds"]) == (URL, {"Authorization": "Bearer bearer-of-tests"}, 5)
    assert call["json"] == {
        "id": str(made),
        "reference": "r-1",
        "to": "07700900001",
        "status": "delivered",
        "created_at": "2026-06-08T16:00:00.000000Z",
        "completed_at": "2026-06-08T16:00:00.000000Z",
        "sent_at": None,
        "notification_type": "sms",
        "template_id": str(world.templates["sms"]),
        "template_version": 1,
    }


@pytest.mark.parametrize("answer", [500, 503, 429, OutboundTimeout("x"), OutboundFailed("x", sent=False)])
def test_what_passes_is_repeated_five_times_300_seconds_apart(
    world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, answer: int | Exception
) -> None:
    service = Service(*[answer] * 10)
    told(world, notify, service, monkeypatch)
    for expected in range(1, 7):
        run_jobs()
        assert len(service.calls) == expected
        clock.advance(seconds=299)
        run_jobs()
        assert len(service.calls) == expected
        clock.advance(seconds=1)
    run_jobs()
    assert (len(service.calls), outbox_states(notify)) == (6, ["dead"])  # kept, seen, and can be replayed


@pytest.mark.parametrize("status", [400, 401, 404, 302])
def test_another_no_is_given_up(world: World, notify: Notify, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    service = Service(status)
    told(world, notify, service, monkeypatch)
    run_jobs()
    assert (len(service.calls), outbox_states(notify)) == (1, [])


def test_letters_and_services_that_did_not_ask_are_not_told(world: World, notify: Notify, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = add_notification(world, "letter", status="sending")
    apply_receipt(notify, letter, "delivered", provider="x")
    silent = add_notification(world, status="sending")
    apply_receipt(notify, silent, "delivered", provider="x")
    add_callback(world, URL)
    apply_receipt(notify, add_notification(world, "letter", status="sending"), "delivered", provider="x")
    assert outbox_states(notify) == []


def test_a_callback_needs_https_and_a_long_bearer(world: World, notify: Notify) -> None:
    with pytest.raises(MessageRefused):
        set_callback(notify, world.service_id, url=URL, bearer="short", actor="x")
    notify.settings = settings("postgresql://x/y", "redis://x", environment="production")
    with pytest.raises(MessageRefused):
        set_callback(notify, world.service_id, url="http://service.example.com", bearer="long-enough-bearer", actor="x")
