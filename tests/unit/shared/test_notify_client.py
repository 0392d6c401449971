"""The one client of notify's public API that the other services use."""

from typing import Any

import pytest
import structlog

from identity.providers.notify_sender import NotifySender
from notify.standards.service_jwt import read
from pay.providers.messages import Email, NotifyMessages
from shared.clock import FixedClock
from shared.http import OutboundTimeout, Reply
from shared.notify_client import NotifyAway, NotifyClient, NotifyRefused
from shared.settings import Secret
from wallet.providers.notices import Letter, NotifyNotices

SERVICE, SECRET = "0190a7c0-0000-7000-8000-000000000001", "0190a7c0-0000-7000-8000-000000000002"


class Answering:
    """Stands for the HTTP client: one answer, or one fault, for all calls."""

    def __init__(self, status: int, fault: Exception | None = None) -> None:
        self.status, self.fault = status, fault
        self.asked: list[tuple[str, Any, dict[str, str]]] = []

    def request(self, _method: str, url: str, *, json: Any, headers: dict[str, str], timeout_seconds: float) -> Reply:
        assert timeout_seconds > 0
        self.asked.append((url, json, headers))
        if self.fault is not None:
            raise self.fault
        return Reply(self.status, {}, b"{}")


def client(http: Answering, clock: FixedClock, key: str = f"pay-{SERVICE}-{SECRET}") -> NotifyClient:
    return NotifyClient(http, clock, url="http://notify.example", api_key=Secret(key))  # type: ignore[arg-type]  # it stands for one


def test_a_message_is_asked_for_with_a_token_that_notify_accepts(clock: FixedClock) -> None:
    http = Answering(201)
    client(http, clock).send("email", {"email_address": "a@example.com"})
    ((url, document, headers),) = http.asked
    assert (url, document) == ("http://notify.example/v2/notifications/email", {"email_address": "a@example.com"})
    token = read(headers["Authorization"].removeprefix("Bearer "))
    assert (token.claims["iss"], token.issued_at) == (SERVICE, int(clock.now().timestamp()))
    assert token.fits(SECRET)


@pytest.mark.parametrize("status", [200, 302, 401, 403, 408, 429, 503])
def test_another_answer_is_not_now(clock: FixedClock, status: int) -> None:
    with pytest.raises(NotifyAway, match=str(status)):
        client(Answering(status), clock).send("sms", {})


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_what_will_never_be_taken_is_not_tried_again(clock: FixedClock, status: int) -> None:
    with pytest.raises(NotifyRefused, match=str(status)):
        client(Answering(status), clock).send("sms", {})


@pytest.mark.parametrize("status", [400, 422])
def test_the_services_let_a_refused_message_go_without_naming_its_receiver(clock: FixedClock, status: int) -> None:
    key = {"url": "http://notify.example", "api_key": Secret(f"a-{SERVICE}-{SECRET}")}
    http: Any = Answering(status)
    with structlog.testing.capture_logs() as logs:
        NotifyMessages(http, clock, template="t", **key).send(Email("ana@example.cl", "s", "b", "r-1"))
        NotifyNotices(http, clock, template="t", **key).send("11.111.111-1", Letter("s", "b", "r-2"))
        NotifySender(http, clock, email_template="t", sms_template="t", **key).send_email("ana@example.cl", "s", "b", "r-3")
    assert [entry["reference"] for entry in logs] == ["r-1", "r-2", "r-3"]
    assert not any(secret in str(logs) for secret in ("ana@", "11.111"))


def test_no_answer_is_not_now(clock: FixedClock) -> None:
    with pytest.raises(NotifyAway, match="OutboundTimeout"):
        client(Answering(201, OutboundTimeout("x")), clock).send("sms", {})


def test_without_a_key_nothing_is_asked(clock: FixedClock) -> None:
    http = Answering(201)
    with pytest.raises(NotifyAway, match="no key"):
        client(http, clock, key="").send("sms", {})
    assert http.asked == []
