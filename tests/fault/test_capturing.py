"""Pay's processes die between the payer's yes and the money: each accepted payment is taken once, and told."""

import contextlib
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest
from sqlalchemy import create_engine

from deploy.journey.pages import Page
from deploy.journey.person import Person
from deploy.sandbox.clients import PayClient
from pay.operations.proofs import prove
from tests.fault.conftest import Note
from tests.fault.people import browser_client, insist, person
from tests.fault.suite import Suite, until

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("fault")]
PAYMENTS = 8
AMOUNT_CLP = 3_500


@dataclass(frozen=True)
class Payer:
    """Somebody before the page that asks whether to pay."""

    person: Person
    payment_id: str
    confirm_page: Page

    def confirm(self) -> Page:
        """Press the button."""
        return self.person.confirm(self.confirm_page)


@pytest.fixture
def payers(suite: Suite) -> Iterator[list[Payer]]:
    """People who have typed in their cards."""
    with contextlib.ExitStack() as stack:
        yield [_arrive(suite, stack.enter_context(browser_client())) for _ in range(PAYMENTS)]


def _client(suite: Suite) -> PayClient:
    return PayClient(suite.url("pay"), suite.sandbox.text("pay", "api_keys", "test"), suite.http)


def _arrive(suite: Suite, client: httpx.Client) -> Payer:
    payer, return_url = person(suite, client), f"{suite.facts['example']}/pay/return"
    answer = _client(suite).create(
        amount_minor=AMOUNT_CLP,
        reference=f"fault-{uuid.uuid4()}",
        description="Postulación",
        return_url=return_url,
        language="es",
        email=payer.citizen.email,
    )
    assert answer.status == 201, answer
    page = payer.give_card(answer.body["_links"]["next_url"]["href"], return_url=return_url, email=payer.citizen.email)
    return Payer(payer, answer.body["payment_id"], page)


@pytest.mark.rule("pay", "§7.1", "§8")
def test_a_payment_confirmed_while_the_web_process_dies_is_taken_once(suite: Suite, payers: list[Payer], since: str, note: Note) -> None:
    """All press at once, the process dies with their presses half done, and they press again."""
    with ThreadPoolExecutor(PAYMENTS) as pool:
        with suite.held("pay", "payment_events"):
            pressed: list[Future[Page]] = [pool.submit(payer.confirm) for payer in payers]
            until(lambda: suite.is_waited_for("pay", "payment_events"), "a confirmation is half done")
            death = suite.kill("pay")
        for one in pressed:
            assert isinstance(one.exception(), httpx.TransportError)
    for payer in payers:
        insist(payer.confirm)
    note("pay web back after kill -9", death.recovered())
    check_taken_once(suite, payers, since)


@pytest.mark.rule("pay", "§20")
def test_a_worker_that_dies_after_the_gateways_yes_does_not_take_twice(suite: Suite, payers: list[Payer], since: str, note: Note) -> None:
    """The worst moment: the gateway has booked the capture, and the process that would have posted it is gone."""
    with suite.held("pay", "ledger_transactions"):
        for payer in payers:
            payer.confirm()
        until(lambda: suite.is_waited_for("pay", "ledger_transactions"), "the worker is about to post a capture")
        assert sum(_captures(suite, payers).values()) >= 1
        death = suite.kill("pay-worker")
    check_taken_once(suite, payers, since)
    note(f"{PAYMENTS} captures finished after their worker's death", death.seconds)


@pytest.mark.rule("pay", "§20")
def test_captures_go_on_when_both_processes_die_again_and_again(suite: Suite, payers: list[Payer], since: str) -> None:
    with ThreadPoolExecutor(PAYMENTS) as pool:
        pressed = [pool.submit(insist, payer.confirm) for payer in payers]
        for _ in range(2):
            suite.kill("pay-worker", "pay").recovered()
        for one in pressed:
            one.result()
    check_taken_once(suite, payers, since)


def check_taken_once(suite: Suite, payers: list[Payer], since: str) -> None:
    """Each payment is captured, booked by the gateway once, posted once and told of; and the books agree."""
    wanted = {payer.payment_id for payer in payers}
    once = dict.fromkeys(wanted, 1)
    until(lambda: set(_states(suite, payers)) == {"CAPTURED"}, "every payment is captured")
    for payer in payers:
        payment = _client(suite).get(payer.payment_id)
        assert (payment.status, payment.body["state"]["status"]) == (200, "success")
    assert _captures(suite, payers) == once
    posted = suite.rows("pay", "SELECT payment_id, count(*) FROM ledger_transactions WHERE source = 'payment:captured' GROUP BY 1")
    assert {payment_id: count for payment_id, count in posted if payment_id in wanted} == once
    until(lambda: _told(suite, since, wanted) == once, "every capture was told by webhook")
    engine = create_engine(suite.database("pay").replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            assert prove(connection).faults == ()
    finally:
        engine.dispose()


def _states(suite: Suite, payers: list[Payer]) -> list[str]:
    ids = [payer.payment_id for payer in payers]
    return [state for (state,) in suite.rows("pay", "SELECT state FROM payments WHERE id = ANY(%s)", ids)]


def _captures(suite: Suite, payers: list[Payer]) -> dict[str, int]:
    """How often the gateway booked a capture of each payment."""
    ids = [payer.payment_id for payer in payers]
    query = "SELECT payment_id, count(*) FROM sandbox_bookings WHERE action = 'capture' AND payment_id = ANY(%s) GROUP BY 1"
    return dict(suite.rows("pay", query, ids))


def _told(suite: Suite, since: str, wanted: set[str]) -> dict[str, int]:
    """How many messages told of each capture: a message that came twice has one id."""
    bodies = [json.loads(message["body"]) for message in suite.messages("webhook", since) if "webhook_message_id" in message["body"]]
    captured = {(body["resource_id"], body["webhook_message_id"]) for body in bodies if body["event_type"] == "card_payment_captured"}
    return dict(Counter(payment_id for payment_id, _ in captured if payment_id in wanted))
