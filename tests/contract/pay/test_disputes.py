"""An office answers disputes at Stripe: accepts, or sends evidence in time; the answer arrives once and the books say how it ended."""

import pytest
from sqlalchemy import select, update

from deploy.sandbox.banks.stripe import DISPUTED_CARD
from pay.models.dispute import disputes
from pay.models.dispute_answer import dispute_answers
from pay.models.ledger import ledger_accounts
from pay.operations.disputes import DisputeNews, take_news
from pay.operations.proofs import prove
from pay.operations.settlements import import_settlement
from pay.standards.dispute_states import DisputeState
from pay.standards.identifiers import PaymentId
from tests.conformance.pay.test_console import Desk
from tests.factories.banks import Banks, make_banks
from tests.factories.pay import GOOD_CARD, World

BODY, HELD = "beneficiary_payable:org-municipalidad-quilpalin", "dispute_hold"


@pytest.fixture
def banks(world: World) -> Banks:
    made = make_banks(world)
    made.account("stripe")
    return made


def disputed(banks: Banks) -> tuple[str, str]:
    """A payment whose card holder went to the bank; the payment's id, and where the office finds the dispute."""
    payment_id = banks.world.create()["payment_id"]
    payer = banks.world.payer(payment_id)
    token = banks.leave(payer)
    banks.stripe.pay(token, DISPUTED_CARD)
    banks.back(payer, banks.stripe.sessions[token]["success_url"])
    banks.world.run_jobs()
    (dispute,) = banks.world.get("/v1/disputes").get_json()["results"]
    assert dispute["status"] == "needs_response"
    return payment_id, f"/console/accounts/{banks.world.till.account_id}/disputes/{dispute['dispute_id']}"


def status(banks: Banks) -> str:
    (dispute,) = banks.world.get("/v1/disputes").get_json()["results"]
    found: str = dispute["status"]
    return found


def books(world: World) -> dict[str, int]:
    with world.pay.db.begin() as connection:
        assert prove(connection).faults == ()
        rows = connection.execute(select(ledger_accounts)).all()
    return {row.code.removesuffix(":" + world.till.account_id): row.posted_minor for row in rows if row.posted_minor}


def answers(banks: Banks) -> list[tuple[str, str]]:
    with banks.world.pay.db.begin() as connection:
        return [(row.kind, row.state) for row in connection.execute(select(dispute_answers).order_by(dispute_answers.c.created_at))]


@pytest.mark.rule("pay", "§11", "pay-design §3", "pay-design §4.2")
def test_a_dispute_that_is_accepted_is_lost_once_even_where_the_answer_got_lost(banks: Banks) -> None:
    _, own = disputed(banks)
    assert books(banks.world) == {HELD: 14500, BODY: -14500}
    ana = Desk(banks.world, "ana")
    banks.wire.deaf = True
    assert ana.send(own + "/accept", own + "/accept").status_code == 303
    assert ana.send(own + "/accept", own + "/accept").status_code == 409, "one answer is on its way"
    banks.world.run_jobs()
    assert (status(banks), answers(banks)) == ("needs_response", [("accept", "approved")])
    assert "En camino al banco" in ana.page(own).get_text()
    banks.wire.deaf = False
    banks.stripe.answers.clear()  # its key is forgotten: what was done is found by asking
    banks.world.pay.clock.advance(seconds=86_400)  # type: ignore[attr-defined]  # the clock of tests
    banks.world.run_jobs()
    assert (status(banks), answers(banks)) == ("lost", [("accept", "sent")])
    (dispute,) = banks.world.get("/v1/disputes").get_json()["results"]
    assert (dispute["net_amount"], dispute["fee"]) == (-16000, 1500)
    (at_stripe,) = banks.stripe.disputes.values()
    banks.stripe.tell("charge.dispute.closed", at_stripe)
    assert books(banks.world) == {}


@pytest.mark.rule("pay", "§11", "pay-design §3")
@pytest.mark.parametrize(
    ("words", "end"), [("winning_evidence", "won"), ("losing_evidence", "lost"), ("Tenemos el recibo.", "under_review")]
)
def test_evidence_goes_to_the_bank_once_and_the_bank_decides(banks: Banks, words: str, end: str) -> None:
    _, own = disputed(banks)
    ana = Desk(banks.world, "ana")
    assert ana.send(own + "/evidence", own + "/evidence", words=words).status_code == 303
    banks.world.run_jobs()
    assert (status(banks), answers(banks)) == (end, [("evidence", "sent")])
    assert words in ana.page(own).get_text()
    assert words not in Desk(banks.world, "eva").page(own).get_text(), "who may not decide does not read it"
    assert ana.send(own + "/evidence", own, words=words).status_code == 409
    left = {"won": {"channel_receivable:stripe": 14500, BODY: -14500}, "lost": {}, "under_review": {HELD: 14500, BODY: -14500}}
    assert books(banks.world) == left[end]


@pytest.mark.rule("pay", "§11", "§23")
def test_over_the_limit_a_second_person_accepts_and_never_the_first(banks: Banks) -> None:
    _, own = disputed(banks)
    ana, beto = Desk(banks.world, "ana"), Desk(banks.world, "beto")
    limit = own.partition("/disputes")[0] + "/limit"
    ana.send(limit, limit, limit="1000")
    for decision, state in (("reject", "rejected"), ("approve", "sent")):
        ana.send(own + "/accept", own + "/accept")
        banks.world.run_jobs()
        assert status(banks) == "needs_response"
        path = str(beto.page(own).select_one("form[action*=answers]")["action"])  # type: ignore[index]  # it is there
        assert ana.page(own).select_one("form[action*=answers]") is None
        assert ana.send(path, own, decision=decision).status_code == 403
        assert beto.send(path, own, decision="maybe").status_code == 404
        assert beto.send(path, own, decision=decision).status_code == 303
        assert beto.send(path, own + "/accept", decision=decision).status_code == 409
        banks.world.pay.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the clock of tests
        banks.world.run_jobs()
        assert answers(banks)[-1] == ("accept", state)
    assert status(banks) == "lost"


@pytest.mark.rule("pay", "§11", "§23", "I9")
def test_who_may_not_answer_and_when_it_is_too_late(banks: Banks) -> None:
    _, own = disputed(banks)
    for who in ("eva", "dora", "iris"):
        desk = Desk(banks.world, who)
        assert desk.page(own).select("#accept, #evidence") == []
        assert [desk.get(own + path).status_code for path in ("/accept", "/evidence")] == [403, 403]
        assert desk.send(own + "/accept", "/receipt").status_code == 403
    zoe = Desk(banks.world, "zoe", "org-otra:owner")
    other = banks.world.add_account(organisation_id="org-otra")
    for path in (own, f"/console/accounts/{other.account_id}/disputes/{own.rpartition('/')[2]}"):
        assert zoe.get(path).status_code == 404
        assert zoe.get(path + "/accept").status_code == 404
        assert zoe.send(path + "/evidence", "/receipt", words="x").status_code == 404
    ana = Desk(banks.world, "ana")
    for words in ("", " \n", "x" * 5001, f"pagó con {GOOD_CARD}"):
        refused = ana.send(own + "/evidence", own + "/evidence", words=words)
        assert refused.status_code == 422
        assert GOOD_CARD not in refused.get_data(as_text=True)
    banks.world.pay.clock.advance(seconds=7 * 86_400)  # type: ignore[attr-defined]  # the clock of tests
    late = Desk(banks.world, "ana")
    assert late.page(own).select("#accept, #evidence") == []
    assert late.send(own + "/accept", "/receipt").status_code == 409
    banks.world.run_jobs()
    assert (status(banks), answers(banks)) == ("needs_response", [])


@pytest.mark.rule("pay", "§11")
def test_what_stripe_does_not_take_is_said_and_may_be_answered_again(banks: Banks) -> None:
    _, own = disputed(banks)
    ana = Desk(banks.world, "ana")
    (at_stripe,) = banks.stripe.disputes.values()
    at_stripe["status"] = "warning_closed"
    ana.send(own + "/evidence", own + "/evidence", words="Tenemos el recibo.")
    banks.world.run_jobs()
    assert (status(banks), answers(banks)) == ("needs_response", [("evidence", "refused")])
    assert "dispute_unexpected_state" in ana.page(own).get_text()
    assert ana.page(own).select_one("#evidence") is not None
    banks.stripe.tell("charge.dispute.closed", at_stripe)
    assert status(banks) == "won"


@pytest.mark.rule("pay", "§11", "pay-design §3")
def test_a_lost_dispute_over_what_was_refunded_before_is_borne_by_the_office(world: World) -> None:
    payment_id = world.paid()
    world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 5000})
    news = DisputeNews("sandbox", "dp_1", PaymentId(payment_id), DisputeState.LOST, 14500, "fraudulent")
    assert take_news(world.pay, news).state is DisputeState.LOST
    assert books(world) == {BODY: 5000, "channel_receivable:sandbox": -5000}
    with world.pay.db.begin() as connection:
        connection.execute(update(disputes).values(state="won"))
        (fault,) = prove(connection).faults
    assert "is won over 14500, has the postings dispute:lost,dispute:opened" in fault


@pytest.mark.rule("pay", "§11", "I11", "CH-6")
def test_the_channels_file_settles_a_dispute_and_what_came_back(world: World) -> None:
    payment_id = world.paid()

    def news(state: DisputeState) -> None:
        take_news(world.pay, DisputeNews("sandbox", "dp_1", PaymentId(payment_id), state, 14500, "fraudulent"))

    news(DisputeState.NEEDS_RESPONSE)
    head = "line,kind,reference,amount,fee,currency,date\n"
    rows = (
        f"L1,payment,{payment_id},14500,0,CLP,2026-06-10\n",
        f"L2,dispute,{payment_id},-14500,20000,CLP,2026-06-11\n",
        f"L3,reversal,{payment_id},14500,-20000,CLP,2026-06-20\n",
    )
    assert import_settlement(world.pay, "sandbox", "a.csv", (head + rows[0] + rows[1]).encode(), actor="tests").is_clean
    (dispute,) = world.get("/v1/disputes?from_settled_date=2026-06-11&to_settled_date=2026-06-11").get_json()["results"]
    assert dispute["settlement_summary"] == {"settled_date": "2026-06-11"}
    assert books(world) == {HELD: 14500, BODY: -14500, "bank:treasury": -20000, "fees:sandbox": 20000}
    news(DisputeState.WON)
    for _ in range(2):
        import_settlement(world.pay, "sandbox", "b.csv", (head + "".join(rows)).encode(), actor="tests")
    assert books(world) == {BODY: -14500, "bank:treasury": 14500}
