"""The payer pages: entry, form, errors, languages, and who may see them."""

import pytest
from bs4 import BeautifulSoup

from tests.factories.pay import BODY, DECLINED_CARD, PUBLIC_URL, Browser, World, card_form

IDS = [
    "card-no",
    "expiry-month",
    "expiry-year",
    "cardholder-name",
    "cvc",
    "address-line-1",
    "address-line-2",
    "address-city",
    "address-postcode",
    "email",
]
NAMES = [
    "cardNo",
    "expiryMonth",
    "expiryYear",
    "cardholderName",
    "cvc",
    "addressLine1",
    "addressLine2",
    "addressCity",
    "addressPostcode",
    "email",
]


@pytest.mark.rule("pay", "A8", "§6", "§16")
def test_a_link_opens_once_and_reading_the_payment_gives_another(world: World) -> None:
    made = world.create()
    path = made["_links"]["next_url"]["href"].removeprefix(PUBLIC_URL)
    assert world.client().get(path).status_code == 303
    used = world.client().get(path)
    assert used.status_code == 404
    assert "payment link" in used.get_data(as_text=True) or "enlace" in used.get_data(as_text=True)
    assert world.payer(made["payment_id"]).page.status_code == 200


@pytest.mark.rule("pay", "A8", "§6")
def test_the_token_also_opens_by_form_from_another_site_and_only_once(world: World) -> None:
    form = world.create()["_links"]["next_url_post"]
    statuses = [world.client().post("/secure", data=form["params"]).status_code for _ in range(2)]
    assert statuses == [303, 404]


@pytest.mark.rule("pay", "§6", "§20")
def test_a_link_is_good_for_seven_days(world: World) -> None:
    old, older = (world.create()["_links"]["next_url"]["href"].removeprefix(PUBLIC_URL) for _ in range(2))
    world.pay.clock.advance(seconds=7 * 86400 - 1)
    assert world.client().get(old).status_code == 303
    world.pay.clock.advance(seconds=1)
    assert world.client().get(older).status_code == 404


@pytest.mark.rule("pay", "§16")
def test_the_card_page_keeps_the_names_and_ids_of_the_contract(world: World) -> None:
    payer = world.payer(world.create()["payment_id"])
    page = BeautifulSoup(payer.html, "html.parser")
    assert page.title is not None
    assert page.title.text.startswith("Enter card details")
    for wanted, name in zip(IDS, NAMES, strict=True):
        found = page.select_one(f".charge-new__content > #card-details-wrap > #card-details #{wanted}")
        assert found is not None, wanted
        assert found["name"] == name
    assert page.select_one("#card-details #submit-card-details") is not None
    assert (page.select_one("#card-no") or {})["autocomplete"] == "cc-number"
    assert page.find("script") is None
    assert len(page.select("main")) == len(page.select("h1")) == 1
    payer.enter()
    page = BeautifulSoup(payer.html, "html.parser")
    assert page.select_one(".govuk-grid-row > #main-content #confirm") is not None
    assert "$14.500" in payer.html


@pytest.mark.rule("pay", "§16")
def test_pages_may_not_be_framed_scripted_or_kept(world: World) -> None:
    headers = world.payer(world.create()["payment_id"]).page.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.rule("pay", "§16")
def test_the_card_page_of_a_stranger_stays_shut(world: World) -> None:
    payment_id = world.create()["payment_id"]
    other = Browser(world.client(), world.create()["_links"]["next_url"]["href"])
    world.payer(payment_id)
    for client in (world.client(), other.client):
        for path in ("", "/confirm", "/status", "/auth_waiting"):
            assert client.get(f"/card_details/{payment_id}{path}").status_code == 403
        assert client.get(f"/return/{payment_id}").status_code == 403
        assert client.post(f"/card_details/{payment_id}", data=card_form()).status_code == 403


@pytest.mark.rule("pay", "§16")
def test_the_payers_session_ends_after_ninety_minutes(world: World) -> None:
    payer = world.payer(world.create()["payment_id"])
    world.pay.clock.advance(seconds=90 * 60)
    assert payer.client.get(payer.path).status_code == 403


@pytest.mark.rule("pay", "§16")
@pytest.mark.parametrize("path", ["", "/confirm", "/cancel"])
def test_a_form_without_our_mark_does_nothing(world: World, path: str) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    assert payer.client.post(f"/card_details/{payment_id}{path}", data=card_form()).status_code == 403
    assert world.status(payment_id) == "started"


@pytest.mark.rule("pay", "§16")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("cardNo", value) for value in ("", "4242", "4242424242424241", "4242-4242-4242-4242", "abcd", "6759649826438453", "9" * 16)],
        *[("expiryMonth", value) for value in ("", "0", "13", "x")],
        *[("expiryYear", value) for value in ("", "25", "2100", "1", "x")],
        *[("cardholderName", value) for value in ("", "123", "1234", "4242424242424242")],
        *[("cvc", value) for value in ("", "12", "12345", "abc")],
        *[(name, "") for name in ("addressLine1", "addressCity", "addressPostcode", "addressCountry")],
        *[(name, "4242 4242 4242 4242") for name in ("addressLine1", "addressLine2", "addressCity", "addressPostcode")],
        *[("email", value) for value in ("", "nobody", "a@b", "a b@example.cl", "a@" + "b" * 254 + ".cl")],
    ],
)
def test_a_wrong_value_is_told_at_its_field_and_on_top(standing_world: World, name: str, value: str) -> None:
    payer = standing_world.payer(standing_world.create()["payment_id"])
    payer.enter(**{"number": "4242424242424242"} | ({} if name == "cardNo" else {name: value})) if name != "cardNo" else payer.enter(value)
    page = BeautifulSoup(payer.html, "html.parser")
    shown = "expiryMonth" if name == "expiryYear" else name
    field = page.select_one(f'[name="{shown}"]')
    assert field is not None
    assert page.select_one(f'.govuk-error-summary a[href="#{field["id"]}"]') is not None
    assert page.select_one(f"#{field['id']}-error") is not None
    for secret in ("card-no", "cvc"):
        assert not (page.select_one(f"#{secret}") or {}).get("value")
    kept = "addressCity" if name != "addressCity" else "addressLine1"
    assert (page.select_one(f'[name="{kept}"]') or {}).get("value") == card_form()[kept]


@pytest.mark.rule("pay", "§16")
@pytest.mark.parametrize(
    "changes",
    [{"expiryYear": "2029"}, {"expiryMonth": "6", "expiryYear": "26"}, {"expiryMonth": "06", "expiryYear": "26"}, {"cvc": "1234"}],
)
def test_the_forms_people_use_are_taken(standing_world: World, changes: dict[str, str]) -> None:
    payer = standing_world.payer(standing_world.create()["payment_id"])
    payer.enter("4242 4242 4242 4242", **changes)
    assert payer.path.endswith("/confirm")


@pytest.mark.rule("pay", "§16", "§5.1")
def test_the_pages_speak_the_language_of_the_payment(world: World) -> None:
    spanish, english = world.payer(world.create(language="es")["payment_id"]), world.payer(world.create(language="en")["payment_id"])
    assert '<html lang="es"' in spanish.html
    assert "Ingrese los datos de la tarjeta" in spanish.html
    assert "Enter card details" in english.html
    spanish.enter(DECLINED_CARD)
    assert "Su pago fue rechazado" in spanish.html


@pytest.mark.rule("pay", "§16", "§24.12")
def test_nothing_is_appended_to_the_return_url(world: World) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    assert payer.client.get(f"/return/{payment_id}").headers["Location"] == f"/card_details/{payment_id}"
    payer.enter(DECLINED_CARD)
    answer = payer.client.get(f"/return/{payment_id}")
    assert (answer.status_code, answer.headers["Location"]) == (302, BODY["return_url"])


@pytest.mark.rule("pay", "§16", "I3")
def test_pressing_twice_pays_once(world: World) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    payer.enter()
    confirm_page = payer.page
    payer.send(f"/card_details/{payment_id}", card_form())
    payer.page = confirm_page
    payer.press("confirm")
    payer.page = confirm_page
    payer.press("confirm")
    world.run_jobs()
    assert [action.value for action, _ in world.gateway.calls] == ["authorise", "capture"]


@pytest.mark.rule("pay", "pay-design §5", "§13")
def test_no_setting_opens_the_card_page_to_a_live_account(world: World) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    world.change_account(is_live=True, gateway="bank")
    assert payer.client.get(f"/card_details/{payment_id}").status_code == 403
    payer.enter()
    assert payer.page.status_code == 403
    assert world.gateway.calls == []
    assert world.status(payment_id) == "started"


@pytest.mark.rule("pay", "§20")
def test_a_payer_who_comes_too_late_is_told_so(world: World) -> None:
    payment_id = world.create()["payment_id"]
    world.pay.clock.advance(seconds=90 * 60)
    assert 'data-code="P0020"' in world.payer(payment_id).html
    assert world.status(payment_id) == "P0020"
