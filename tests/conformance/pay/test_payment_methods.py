"""A service says how its payment may be paid, until when, and who owes it.  Spec: pay-api.md §25, pay-design.md §8; PA-2, PA-8."""

from datetime import timedelta

import pytest

from tests.conformance.pay.test_counters import Counter, agree
from tests.conformance.pay.test_notices import DAY, go_and_pay, look
from tests.conformance.pay.test_transfers import US
from tests.factories.banks import make_banks
from tests.factories.pay import BODY, Browser, World, card_form

PAYER = {"identifier": "12.345.678-5", "name": "Rosa Ñancupil"}


def number_of(made: dict[str, object]) -> str:
    link = made["_links"]["notice"]  # type: ignore[index]  # a JSON object
    assert link["method"] == "GET"
    return str(link["href"]).rpartition("/notice/")[2]


def send(payer: Browser, path: str, form: dict[str, str]) -> None:
    """Post a form that no page offers, with a good mark."""
    payer.page = payer.client.get("/receipt")
    payer.send(path, form)


@pytest.mark.rule("pay", "§25", "pay-design §8", "PA-8", "I10")
def test_what_may_be_paid_at_a_counter_has_its_notice_at_once_and_waits(world: World) -> None:
    until = (world.pay.clock.now() + timedelta(days=20)).isoformat()
    made = world.create(payment_methods=["cash"], expires_at=until, payer=PAYER)
    number = number_of(made)
    assert (made["payment_methods"], made["currency"], made["state"]["status"]) == (["cash"], "CLP", "created")
    notice = look(world, number)
    assert (notice["payment_id"], notice["due_date"]) == (made["payment_id"], "2026-06-28")
    assert notice["payer"] == PAYER | {"identifier": "12345678-5"}
    world.pay.clock.advance(seconds=19 * DAY)  # type: ignore[attr-defined]  # the clock of tests
    world.sweep()
    assert Counter(world).confirm(number).get_json()["outcome"] == "applied"
    assert world.status(made["payment_id"]) == "success"
    assert number_of(world.read(made["payment_id"])) == number
    agree(world)


@pytest.mark.rule("pay", "§25", "§20")
def test_without_a_day_it_waits_three_and_then_ends(world: World) -> None:
    payment_id = world.create(payment_methods=["card", "cash"])["payment_id"]
    card_only = world.create()["payment_id"]
    for days, ends in ((1, ("created", "P0020")), (3, ("P0020", "P0020"))):
        world.pay.clock.advance(seconds=days * DAY)  # type: ignore[attr-defined]  # the clock of tests
        world.sweep()
        assert (world.status(payment_id), world.status(card_only)) == ends


@pytest.mark.rule("pay", "§25", "§16", "PA-2")
def test_the_pages_offer_what_the_service_allows_and_nothing_else(world: World) -> None:
    cash = world.create(payment_methods=["cash"])
    payer = world.payer(cash["payment_id"])
    assert payer.path.endswith("/cash")
    send(payer, f"/card_details/{cash['payment_id']}", card_form())
    assert payer.path.endswith("/cash"), "a card that is sent all the same moves nothing"
    send(payer, f"/card_details/{cash['payment_id']}/methods", {"method": "card"})
    assert payer.page.status_code == 422
    assert world.status(cash["payment_id"]) == "started"
    assert go_and_pay(world, number_of(cash)).path.endswith("/cash")
    card = world.payer(world.create(payment_methods=["card"])["payment_id"])
    assert 'id="card-no"' in card.html
    assert "other-methods" not in card.html, "though the account issues notices now"
    both = world.payer(world.create(payment_methods=["cash", "card"])["payment_id"])
    assert 'id="other-methods"' in both.html
    both.enter()
    both.press("confirm")
    world.run_jobs()
    agree(world)


@pytest.mark.rule("pay", "§25", "PA-2", "CH-1")
def test_who_pays_at_a_providers_page_may_choose_another_way(world: World) -> None:
    make_banks(world).account("webpay")
    made = world.create(payment_methods=["card", "cash"])
    payer = world.payer(made["payment_id"])
    assert 'id="leave"' in payer.html
    assert 'id="other-methods"' in payer.html
    send(payer, f"/card_details/{made['payment_id']}/methods", {"method": "cash"})
    assert payer.path.endswith("/cash")
    assert Counter(world).confirm(number_of(made)).get_json()["outcome"] == "applied"
    assert world.read(made["payment_id"])["payment_provider"] == "cash"
    cash = world.create(payment_methods=["cash"])["payment_id"]
    visitor = world.payer(cash)
    send(visitor, f"/card_details/{cash}/leave", {})
    assert visitor.page.status_code == 200
    assert world.status(cash) == "started", "nobody is sent to the bank"


@pytest.mark.rule("pay", "§25")
def test_a_transfer_waits_for_the_bank_and_needs_an_account_that_takes_them(world: World) -> None:
    asked = BODY | {"payment_methods": ["transfer"]}
    refused = world.post("/v1/payments", asked)
    assert (refused.status_code, refused.get_json()["field"]) == (422, "payment_methods")
    object.__setattr__(world.pay.settings, "transfer_account", US)
    world.change_account(allow_transfer=True)
    payment_id = world.create(payment_methods=["transfer"])["payment_id"]
    payer = world.payer(payment_id)
    assert payer.path.endswith("/transfer")
    assert US[4] in payer.html
    world.pay.clock.advance(seconds=7 * DAY)  # type: ignore[attr-defined]  # the clock of tests
    world.sweep()
    assert world.status(payment_id) == "started"


@pytest.mark.rule("pay", "§25", "§3", "§5.2", "CH-2")
@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"payment_methods": "cash"}, 400, "payment_methods"),
        ({"payment_methods": [1]}, 400, "payment_methods"),
        ({"payment_methods": []}, 422, "payment_methods"),
        ({"payment_methods": ["cheque"]}, 422, "payment_methods"),
        ({"payment_methods": ["cash", "cash"]}, 422, "payment_methods"),
        ({"expires_at": "tomorrow"}, 400, "expires_at"),
        ({"expires_at": "2026-06-20T10:00:00"}, 400, "expires_at"),
        ({"expires_at": 7}, 400, "expires_at"),
        ({"expires_at": "2026-06-08T16:01:00Z"}, 422, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59+14:00"}, 422, "expires_at"),
        ({"payer": "Rosa"}, 400, "payer"),
        ({"payer": {"name": 7}}, 400, "payer"),
        ({"payer": {"name": "x" * 71}}, 422, "name"),
        ({"payer": {"identifier": "12.345.678-9"}}, 422, "identifier"),
    ],
)
def test_what_cannot_be_is_refused_by_name(world: World, changes: dict[str, object], status: int, field: str) -> None:
    answer = world.post("/v1/payments", BODY | {"payment_methods": ["cash"]} | changes)
    assert (answer.status_code, answer.get_json()["code"], answer.get_json()["field"]) == (status, "P0102", field)


@pytest.mark.rule("pay", "§25", "§1", "I5")
def test_without_methods_the_others_are_unknown_members_and_a_replay_makes_no_second_notice(world: World) -> None:
    made = world.create(expires_at="tomorrow", payer="Rosa")
    assert not {"payment_methods", "payer"} & set(made)
    assert "notice" not in made["_links"]
    moto = {name: value for name, value in BODY.items() if name != "return_url"} | {"authorisation_mode": "moto_api"}
    world.change_account(allow_moto_api=True)
    assert world.post("/v1/payments", moto | {"payment_methods": ["card"]}).get_json()["code"] == "P0104"
    asked = BODY | {"payment_methods": ["cash"]}
    first, again = (world.post("/v1/payments", asked, Idempotency_Key="k-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert number_of(first.get_json()) == number_of(again.get_json())
