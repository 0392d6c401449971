"""Several mail relays: shares, fail-over, what the operator sees and steers, and settings that are wrong."""

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from notify.app import create_context
from notify.context import Notify
from notify.models.team import Member
from notify.operations.providers import list_providers, set_weight
from notify.providers.base import RecipientRefused
from notify.standards.provider_list import read_relays
from shared import telemetry, trace
from shared.clock import FixedClock
from shared.problems import NotFound
from shared.settings import Secret
from tests.contract.notify.test_providers import MAIL, Sink, sink
from tests.factories.notify import settings

__all__ = ["sink"]
OPERATOR = Member("staff-1", "Rosa", ("operator",))


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def notify(database: Callable[[str], str], redis_url: str, clock: FixedClock, sink: tuple[Sink, int], closed_port: int) -> Iterator[Notify]:
    """A process with two relays: one that is not there and has nearly all of the messages, and one that works."""
    relays = [
        {"name": "uno", "host": "127.0.0.1", "port": closed_port, "starttls": False, "weight": 1000},
        {"name": "dos", "host": "127.0.0.1", "port": sink[1], "starttls": False, "per_minute": 2},
    ]
    made = create_context(settings(database("notify"), redis_url, smtp_relays=Secret(json.dumps(relays))), clock=clock)
    yield made
    made.close()


@pytest.mark.rule("notify", "§20")
def test_another_relay_takes_what_the_first_cannot(notify: Notify, sink: tuple[Sink, int]) -> None:
    done = notify.email.send(MAIL)
    assert done.provider == "dos"
    assert len(sink[0].taken) == 1


@pytest.mark.rule("notify", "§20")
def test_each_hand_over_is_a_span_of_the_journey_without_an_address(notify: Notify, sink: tuple[Sink, int]) -> None:
    exporter = InMemorySpanExporter()
    telemetry.start("notify", SimpleSpanProcessor(exporter), share=1.0)
    try:
        with trace.working_on("request-1", "journey-1"):
            notify.email.send(MAIL)
            sink[0].rcpt = "550 nobody here"
            with pytest.raises(RecipientRefused):
                notify.email.send(replace(MAIL, reference="0190a7c0-0000-7000-8000-000000000009"))
    finally:
        telemetry.stop()
    spans = exporter.get_finished_spans()
    assert [(span.name, span.status.description) for span in spans if span.name == "mail dos"] == [
        ("mail dos", None),
        ("mail dos", "SMTPRecipientsRefused"),
    ]
    assert {span.context.trace_id for span in spans} == {telemetry.trace_of("journey-1")}
    told = "".join(span.to_json() for span in spans)
    assert not any(part in told for part in ("camila", "nobody here", "Recibo", MAIL.reference))


@pytest.mark.rule("notify", "§20")
def test_the_operator_sees_and_steers_each(notify: Notify) -> None:
    shown = {(card.channel, card.name): card.weight for card in list_providers(notify) if card.can_be_weighted}
    assert shown == {("email", "uno"): 1000, ("email", "dos"): 1, ("sms", "gateway"): 1, ("letter", "print"): 1}
    set_weight(notify, OPERATOR, "email", "uno", 0)
    assert [route.name for route in notify.email_routes] == ["uno", "dos"]
    assert [route.name for route in notify.email.order(MAIL.reference)] == ["dos"]  # type: ignore[attr-defined]  # it is a router
    with pytest.raises(NotFound):
        set_weight(notify, OPERATOR, "mailbox", "mailbox", 1)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "must be a JSON list"),
        ("[]", "must be a JSON list of at least one provider"),
        ('["x"]', "provider 1 lacks host"),
        ('[{"name": "a"}]', "provider 1 lacks host"),
        ('[{"name": "a", "host": "h", "kind": "http"}]', "provider 1 has kind, which its kind does not know"),
        ('[{"name": "a", "host": "h", "port": "25"}]', "port of provider 1 is not right"),
        ('[{"name": "a", "host": "h", "starttls": 1}]', "starttls of provider 1 is not right"),
        ('[{"name": "", "host": "h"}]', "name of provider 1 is not right"),
        ('[{"name": "a", "host": "h"}, {"name": "a", "host": "h"}]', "two providers have the same name"),
    ],
)
def test_relays_that_are_not_described_right_are_found_at_start(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}$"):
        read_relays(text)
