"""Beyond the payment itself: limits, several beneficiaries, surcharges, more tries, disputes, health."""

import pytest
from redis.exceptions import ConnectionError as RedisAway

from pay.models.ledger import ledger_accounts
from pay.operations.disputes import DisputeNews, take_news
from pay.operations.proofs import prove
from pay.standards.dispute_states import DisputeState
from pay.standards.identifiers import PaymentId
from tests.factories.pay import BODY, DECLINED_CARD, GOOD_CARD, World

SHARES = [{"beneficiary": "org-a", "amount": 10000, "purpose": "Permiso"}, {"beneficiary": "org-b", "amount": 4500}]


def posted(world: World) -> dict[str, int]:
    with world.pay.db.begin() as connection:
        return {row.code.replace(world.till.account_id, "{a}"): row.posted_minor for row in connection.execute(ledger_accounts.select())}


def assert_books_agree(world: World) -> None:
    with world.pay.db.begin() as connection:
        assert prove(connection).faults == ()


@pytest.mark.rule("pay", "A16", "§21", "§3", "§25")
def test_the_sixteenth_post_in_a_second_is_refused_and_creates_are_counted_apart(world: World) -> None:
    till = world.add_account(posts_per_second=15, others_per_second=75)
    answers = [world.post("/v1/payments", BODY, till=till) for _ in range(16)]
    assert [answer.status_code for answer in answers] == [201] * 15 + [429]
    assert answers[-1].get_json() == {"code": "P0900", "description": "Too many requests"}
    assert answers[-1].headers["Retry-After"] == answers[-1].headers["RateLimit-Reset"] == "1"
    assert (answers[-1].headers["RateLimit-Limit"], answers[-1].headers["RateLimit-Policy"]) == ("15", "15;w=1")
    assert world.post("/v1/agreements", {}, till=till).status_code == 400
    reads = [world.get("/v1/payments?display_size=1", till=till).status_code for _ in range(76)]
    assert reads == [200] * 75 + [429]
    assert world.post("/v1/payments", BODY).status_code == 201, "another account is not touched"
    world.pay.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the clock of tests
    assert world.post("/v1/payments", BODY, till=till).status_code == 201


@pytest.mark.rule("pay", "§21")
def test_without_the_counter_each_process_counts_by_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_key: str) -> int:
        raise RedisAway

    monkeypatch.setattr(world.pay.counter_redis, "incr", away)
    assert [world.post("/v1/payments", BODY).status_code for _ in range(6)] == [201] * 5 + [429]


@pytest.mark.rule("pay", "§25", "I2", "pay-design §3")
def test_a_payment_is_owed_to_several_bodies_and_refunded_by_each_in_proportion(world: World) -> None:
    payment_id = world.paid(allocations=SHARES)
    assert world.read(payment_id)["allocations"] == SHARES
    assert posted(world)["beneficiary_payable:org-a"] == -10000
    assert posted(world)["beneficiary_payable:org-b"] == -4500
    for amount in (1, 7249, 7250):
        assert world.post(f"/v1/payments/{payment_id}/refunds", {"amount": amount}).get_json()["status"] == "success"
        assert_books_agree(world)
    assert posted(world) == dict.fromkeys(posted(world), 0)


@pytest.mark.rule("pay", "§25", "§5.2")
@pytest.mark.parametrize(
    ("allocations", "status"),
    [
        ("org-a", 400),
        ([], 400),
        ([{"beneficiary": "org-a", "amount": "14500"}], 400),
        ([{"amount": 14500}], 400),
        ([{"beneficiary": "surcharge", "amount": 14500}], 400),
        ([{"beneficiary": "org-a", "amount": 14499}], 422),
        ([{"beneficiary": "org-a", "amount": 0}, {"beneficiary": "org-b", "amount": 14500}], 422),
        ([{"beneficiary": "org-a", "amount": 7250}, {"beneficiary": "org-a", "amount": 7250}], 422),
        ([{"beneficiary": f"org-{n}", "amount": 2900 if n else 0} for n in range(6)], 422),
    ],
)
def test_shares_that_do_not_make_up_the_amount_are_refused(world: World, allocations: object, status: int) -> None:
    assert world.post("/v1/payments", BODY | {"allocations": allocations}).status_code == status


@pytest.mark.rule("pay", "§19", "§6", "§9")
@pytest.mark.parametrize(
    ("card", "surcharge"),
    [("4111111111111111", 500), ("4988080000000000", 300), ("4131840000000003", 200), (GOOD_CARD, 0), ("4000160000000004", 0)],
)
def test_a_company_card_may_cost_more_and_is_refunded_in_full(world: World, card: str, surcharge: int) -> None:
    world.change_account(surcharge_credit_minor=500, surcharge_debit_minor=300, surcharge_prepaid_minor=200)
    payer = world.payer(world.create()["payment_id"])
    assert 'id="surcharge-notice"' in payer.html
    payer.enter(card)
    assert ('id="surcharge"' in payer.html) == bool(surcharge)
    payer.press("confirm")
    world.run_jobs()
    payment_id = world.get("/v1/payments").get_json()["results"][0]["payment_id"]
    read = world.read(payment_id)
    assert (read.get("corporate_card_surcharge"), read.get("total_amount")) == (
        (surcharge, 14500 + surcharge) if surcharge else (None, None)
    )
    assert read["amount"] == 14500
    assert world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 14501 + surcharge}).status_code == 400
    assert world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 14500 + surcharge}).status_code == 202
    assert posted(world) == dict.fromkeys(posted(world), 0)
    assert_books_agree(world)


@pytest.mark.rule("pay", "§25", "I3", "I4")
def test_a_declined_payer_tries_again_within_the_payment_where_the_account_allows_it(world: World) -> None:
    world.change_account(attempts_max=3)
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    for _ in range(2):
        payer.enter(DECLINED_CARD)
        assert world.status(payment_id) == "started"
        assert 'id="declined"' in payer.html
    payer.enter(GOOD_CARD)
    payer.press("confirm")
    world.run_jobs()
    assert world.status(payment_id) == "success"
    events = [event["state"]["status"] for event in world.get(f"/v1/payments/{payment_id}/events").get_json()["events"]]
    assert events == ["created", "started", "submitted", "success"]
    assert_books_agree(world)


@pytest.mark.rule("pay", "§25", "§7")
def test_after_the_last_try_the_payment_is_rejected(world: World) -> None:
    world.change_account(attempts_max=2)
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    payer.enter(DECLINED_CARD)
    payer.enter(DECLINED_CARD)
    assert world.status(payment_id) == "P0010"


@pytest.mark.rule("pay", "§11", "§9", "pay-design §3")
@pytest.mark.parametrize("end", [DisputeState.LOST, DisputeState.WON])
def test_a_dispute_holds_the_money_and_ends_once(world: World, end: DisputeState) -> None:
    payment_id = PaymentId(world.paid())

    def news(state: DisputeState) -> DisputeNews:
        return DisputeNews("sandbox", "dp_1", payment_id, state, 14500, "fraudulent", fee_minor=1500)

    take_news(world.pay, news(DisputeState.NEEDS_RESPONSE))
    refused = world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 1})
    assert refused.get_json() == {"code": "P0603", "description": "The payment is disputed and cannot be refunded"}
    for state in (DisputeState.UNDER_REVIEW, end, end, DisputeState.UNDER_REVIEW, DisputeState.NEEDS_RESPONSE):
        take_news(world.pay, news(state))
    page = world.get(f"/v1/disputes?status={end}").get_json()
    (dispute,) = page["results"]
    assert page["links"] == page["_links"]
    is_lost = end is DisputeState.LOST
    assert (dispute["status"], dispute["amount"], dispute.get("net_amount")) == (end, 14500, -16000 if is_lost else None)
    assert dispute["_links"]["payment"]["href"].endswith(payment_id)
    owed = {name: amount for name, amount in posted(world).items() if amount}
    kept = {"channel_receivable:sandbox:{a}": 14500, "beneficiary_payable:org-municipalidad-quilpalin": -14500}
    assert owed == ({} if is_lost else kept)
    assert world.get("/v1/disputes", till=world.add_account()).get_json()["total"] == 0


@pytest.mark.rule("pay", "§11")
def test_dispute_searches_name_what_is_wrong(world: World) -> None:
    answer = world.get("/v1/disputes?page=0&status=x&from_date=x&to_settled_date=2026-13-01")
    assert answer.status_code == 422
    assert "from_date, to_settled_date, status, page" in answer.get_json()["description"]
    assert world.get("/v1/disputes?page=2").get_json() == {"code": "P0402", "description": "Page not found"}


@pytest.mark.rule("pay", "§1")
def test_health_and_security_have_their_addresses(world: World) -> None:
    health = world.client().get("/healthcheck")
    assert (health.status_code, health.get_json()) == (200, {"ping": {"healthy": True}, "database": {"healthy": True}})
    assert [world.client().get(path).status_code for path in ("/security.txt", "/.well-known/security.txt")] == [302, 302]
