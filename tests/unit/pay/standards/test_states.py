"""The state tables against the text of the contract, and the document drawn from them."""

import re
from pathlib import Path

import pytest

from pay.events import PaymentEvent
from pay.operations.announcements import ON_ENTERING, WebhookEvent
from pay.standards import ledger
from pay.standards.drawing import states_document
from pay.standards.payment_states import LOCKS, PAYMENT_TABLE, PUBLIC, PaymentState
from pay.standards.refund_states import Refundable, refundable
from shared.states import WrongState

S = PaymentState
ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.rule("pay", "§7.1")
def test_every_state_can_be_reached_and_has_one_public_face() -> None:
    reached = {target for _, target in PAYMENT_TABLE.moves} | set(PAYMENT_TABLE.initial)
    assert reached == set(S) == set(PUBLIC)
    retries = {move for move, action in PAYMENT_TABLE.moves.items() if action is PaymentEvent.TRIED_AGAIN}
    assert len(PAYMENT_TABLE.moves) - len(retries) == 100  # counted in the table of the contract
    assert {after for _, after in retries} == {S.ENTERING_CARD_DETAILS}


@pytest.mark.rule("pay", "§7", "I4")
def test_a_finished_payment_stays_as_it_is_but_for_a_capture_that_fails() -> None:
    changes = {
        (PUBLIC[before].status, PUBLIC[after].status)
        for before, after in PAYMENT_TABLE.moves
        if PUBLIC[before].finished and PUBLIC[before] != PUBLIC[after] and before is not S.AUTHORISATION_SUBMITTED
    }
    assert changes == {("success", "error")}


@pytest.mark.rule("pay", "§7.1", "I4")
@pytest.mark.parametrize(
    ("before", "after"),
    [(S.CREATED, S.CAPTURED), (S.CAPTURED, S.SYSTEM_CANCELLED), (S.EXPIRED, S.CREATED), (S.ENTERING_CARD_DETAILS, S.AUTHORISATION_SUCCESS)],
)
def test_a_move_outside_the_table_is_refused(before: PaymentState, after: PaymentState) -> None:
    with pytest.raises(WrongState):
        PAYMENT_TABLE.check(before, after)


@pytest.mark.rule("pay", "§7.1", "I7")
def test_every_lock_leads_on() -> None:
    assert {state for state in S if state.endswith("_READY")} == LOCKS
    assert all(PAYMENT_TABLE.targets(state) for state in LOCKS)


def test_every_move_has_its_audit_action() -> None:
    assert set(PAYMENT_TABLE.moves.values()) | {PaymentEvent.CREATED, PaymentEvent.NOTIFIED} == set(PaymentEvent)
    assert all(re.fullmatch(r"pay:payment:[a-z0-9-]+", action) for action in PaymentEvent)


@pytest.mark.rule("pay", "§15")
def test_every_webhook_event_but_three_follows_from_a_state() -> None:
    not_of_a_state = {WebhookEvent.REFUNDED, WebhookEvent.REFUND_FAILED, WebhookEvent.SETTLED}
    assert set(ON_ENTERING.values()) == {event for event in WebhookEvent if event.startswith("card_payment_")} - not_of_a_state


@pytest.mark.rule("pay", "§9")
@pytest.mark.parametrize(
    ("state", "refunded", "expected"),
    [
        (S.CREATED, 0, "pending"),
        (S.CAPTURE_APPROVED, 0, "pending"),
        (S.CAPTURE_READY, 0, "pending"),
        (S.AWAITING_CAPTURE_REQUEST, 0, "unavailable"),
        (S.CAPTURE_QUEUED, 0, "unavailable"),
        (S.AUTHORISATION_USER_NOT_PRESENT_QUEUED, 0, "unavailable"),
        (S.CAPTURED, 0, "available"),
        (S.CAPTURED, 99, "available"),
        (S.CAPTURED, 100, "full"),
        (S.EXPIRED, 0, "unavailable"),
        (S.SYSTEM_CANCELLED, 0, "unavailable"),
        (S.CAPTURE_ERROR, 0, "unavailable"),
    ],
)
def test_the_refund_status_of_each_state(state: PaymentState, refunded: int, expected: str) -> None:
    assert refundable(state, 100, refunded) is Refundable(expected)


@pytest.mark.rule("pay", "pay-design §3")
def test_every_state_says_which_postings_may_stand_beside_it() -> None:
    for state in S:
        assert ledger.lawful_sources(state)
    assert ledger.lawful_sources(S.CAPTURED) == {frozenset({ledger.Source.AUTHORISED, ledger.Source.CAPTURED})}


def test_the_drawing_is_current() -> None:
    assert (ROOT / "docs/pay/states.md").read_text(encoding="utf-8") == states_document(), (
        "run `flask --app pay.app pay states > docs/pay/states.md`"
    )
