"""Search: filters, pages, refusals."""

import pytest

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
