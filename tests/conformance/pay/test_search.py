"""Search: filters, pages, refusals."""

import json

import pytest
from redis import RedisError
from sqlalchemy import select

from pay.models.payment import payments
from pay.operations import searches
from pay.operations.proofs import prove_and_log
from pay.operations.retention import forget_payers
from tests.factories.counted import forgotten
from tests.factories.pay import DECLINED_CARD, World


def found(world: World, query: str) -> list[str]:
    response = world.get(f"/v1/payments?{query}")
    assert response.status_code == 200, response.get_data(as_text=True)
    return [payment["payment_id"] for payment in response.get_json()["results"]]


@pytest.mark.rule("pay", "A12", "§10")
def test_each_filter_finds_its_payments(world: World) -> None:
    first = world.create(reference="Perm-1")["payment_id"]
    world.pay.clock.advance(seconds=60)
    paid, declined = world.paid(reference="PERM-2"), world.paid(DECLINED_CARD)
    assert found(world, "") == found(world, "state=") == [*sorted([paid, declined], reverse=True), first]
    assert found(world, "reference=perm-1") == [first]
    assert [found(world, f"state={state}") for state in ("created", "success", "failed")] == [[first], [paid], [declined]]
    assert found(world, "card_brand=VISA&last_digits_card_number=4242&first_digits_card_number=424242") == [paid]
    assert found(world, "to_date=2026-06-08T16:01:00Z") == [first]
    assert first not in found(world, "from_date=2026-06-08T16:00:30Z")


@pytest.mark.rule("pay", "A12", "§10")
def test_pages_lead_on_and_end(world: World) -> None:
    ids = []
    for _ in range(3):
        ids.insert(0, world.create(reference="many")["payment_id"])
        world.pay.clock.advance(seconds=1)
    page = world.get("/v1/payments?reference=many&display_size=2").get_json()
    base = "http://localhost/v1/payments?reference=many"
    assert (page["total"], page["count"], page["page"]) == (3, 2, 1)
    assert [payment["payment_id"] for payment in page["results"]] == ids[:2]
    assert page["_links"] == {
        "self": {"href": f"{base}&page=1&display_size=2"},
        "first_page": {"href": f"{base}&page=1&display_size=2"},
        "last_page": {"href": f"{base}&page=2&display_size=2"},
        "next_page": {"href": f"{base}&page=2&display_size=2"},
    }
    assert found(world, "reference=many&display_size=2&page=2") == ids[2:]
    past = world.get("/v1/payments?reference=many&display_size=2&page=3")
    assert (past.status_code, past.get_json()) == (404, {"code": "P0402", "description": "Page not found"})
    empty = world.get("/v1/payments?reference=none").get_json()
    assert (empty["total"], empty["results"]) == (0, [])


@pytest.mark.rule("pay", "A12", "§10")
def test_all_bad_parameters_are_named_in_order(standing_world: World) -> None:
    query = (
        "last_digits_card_number=1&page=0&to_date=x&from_date=2026-01-01&state=x&card_brand=x&display_size=501&first_digits_card_number=a"
    )
    response = standing_world.get("/v1/payments?" + query)
    names = "state, card_brand, from_date, to_date, page, display_size, first_digits_card_number, last_digits_card_number"
    assert (response.status_code, response.get_json()) == (
        422,
        {"code": "P0401", "description": f"Invalid parameters: {names}. See Public API documentation for the correct data formats"},
    )


@pytest.mark.rule("pay", "§1", "§6", "§10")
def test_results_show_links_that_do_not_apply_as_null(world: World) -> None:
    world.create()
    (payment,) = world.get("/v1/payments").get_json()["results"]
    assert set(payment["_links"]) == {"self", "events", "refunds", "cancel", "capture"}
    assert payment["_links"]["capture"] is None
    assert payment["_links"]["cancel"]["method"] == "POST"


@pytest.mark.rule("pay", "A12", "§10")
@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("email=JOSE@EXAMPLE", True),
        ("email=j", True),
        ("email=e@ex", True),
        ("email=example.com", False),
        ("cardholder_name=ñancu", True),
        ("cardholder_name=JOSÉ ÑANCUPIL", True),
        ("cardholder_name=example", False),
        ("email=jose&cardholder_name=cupil", True),
        ("email=jose&cardholder_name=soto", False),
        ("metadata[folio]=77", True),
        ("metadata[folio]=78", False),
    ],
)
def test_payers_are_found_by_parts_of_their_name_and_address(standing_world: World, query: str, is_found: bool) -> None:
    world = standing_world
    till, before = world.add_account(), world.till
    world.till = till
    paid = world.paid(metadata={"folio": 77})
    world.create(email="otra@example.org")
    assert found(world, query) == ([paid] if is_found else [])
    world.till = before


@pytest.mark.rule("pay", "A12", "§10")
def test_refunds_are_searched_by_day_and_page(world: World) -> None:
    payment_id = world.paid()
    ids = []
    for _ in range(3):
        ids.insert(0, world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 100}).get_json()["refund_id"])
        world.pay.clock.advance(seconds=60)
    page = world.get("/v1/refunds?display_size=2").get_json()
    assert (page["total"], page["count"]) == (3, 2)
    assert [refund["refund_id"] for refund in page["results"]] == ids[:2]
    assert {refund["payment_id"] for refund in page["results"]} == {payment_id}
    assert set(page["results"][0]["_links"]) == {"self", "payment"}
    later = world.get("/v1/refunds?from_date=2026-06-08T16:02:00Z").get_json()
    assert [refund["refund_id"] for refund in later["results"]] == ids[:1]
    assert world.get("/v1/refunds?from_settled_date=2026-06-08").get_json()["total"] == 0
    bad = world.get("/v1/refunds?to_date=x&page=0")
    assert (bad.status_code, bad.get_json()["code"]) == (422, "P1101")
    past = world.get("/v1/refunds?page=3&display_size=2")
    assert (past.status_code, past.get_json()) == (404, {"code": "P1100", "description": "Page not found"})
    assert world.get("/v1/refunds", till=world.add_account()).get_json()["total"] == 0


@pytest.mark.rule("pay", "§10", "§22")
def test_a_total_of_many_is_counted_once_in_a_while_and_never_less_than_what_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "COUNTED_MAX", 2)
    first = world.create()["payment_id"]
    assert world.get("/v1/payments").get_json()["total"] == 1
    for _ in range(2):
        world.pay.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the clock of tests
        world.create()
    assert world.get("/v1/payments").get_json()["total"] == 3
    world.pay.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the clock of tests
    world.create()
    page = world.get("/v1/payments").get_json()
    assert (page["total"], page["count"]) == (4, 4), "what is on the page counts, whatever was remembered"
    assert world.get("/v1/payments?display_size=1").get_json()["total"] == 3
    world.pay.redis.flushdb()
    assert world.get("/v1/payments?display_size=1").get_json()["total"] == 4
    assert found(world, "display_size=1&page=4") == [first]
    assert world.get("/v1/payments", till=world.add_account()).get_json()["total"] == 0


@pytest.mark.rule("pay", "§10", "§22")
def test_totals_are_counted_while_redis_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def get(self, _key: str) -> None:
            raise RedisError

        def set(self, _key: str, _value: int, *, ex: int) -> None:
            assert ex > 0
            raise RedisError

        def close(self) -> None: ...

    monkeypatch.setattr(searches, "COUNTED_MAX", 1)
    world.pay.__dict__["redis"] = Away()
    for _ in range(3):
        world.create()
    assert world.get("/v1/payments").get_json()["total"] == 3


@pytest.mark.rule("pay", "§10")
def test_a_payer_with_many_payments_is_found_without_reading_them_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "READ_MAX", 2)
    monkeypatch.setattr(searches, "CHUNK", 2)
    ids = []
    for number in range(5):
        ids.insert(0, world.create(email="ana.soto@example.cl" if number else "sotana@example.cl")["payment_id"])
        world.pay.clock.advance(seconds=1)
    page = world.get("/v1/payments?email=a.soto&display_size=2").get_json()
    assert [payment["payment_id"] for payment in page["results"]] == ids[:2]
    assert page["total"] == 4
    assert found(world, "email=a.soto&display_size=2&page=2") == ids[2:4]
    assert found(world, "email=a.soto") == ids[:4]


@pytest.mark.rule("pay", "A12", "§10")
def test_after_the_years_a_payment_does_not_say_who_paid_and_its_sums_stay(world: World) -> None:
    old = world.paid()
    world.pay.clock.advance(seconds=60)
    young = world.paid()

    def said(payment_id: str) -> str:
        return json.dumps(world.get(f"/v1/payments/{payment_id}").get_json())

    assert "jose" in said(old)
    world.pay.clock.advance(seconds=2557 * 86_400 - 60)
    forget_payers(world.pay)
    assert "jose" in said(old)
    world.pay.clock.advance(seconds=1)
    with forgotten("pay") as gone:
        forget_payers(world.pay)
        forget_payers(world.pay)
    assert gone == {"payments": 1}
    assert ("jose" in said(old), "jose" in said(young)) == (False, True)
    with world.pay.reading() as tx:
        columns = (payments.c.payer_sealed, payments.c.payer_grams)
        assert tx.connection.execute(select(*columns).where(payments.c.id == old)).one() == (None, None)
    left = world.get(f"/v1/payments/{old}").get_json()
    assert (left["amount"], left["state"]["status"]) == (14500, "success")
    assert prove_and_log(world.pay).holds
