"""Payment links: made without code, paid by anybody.  Spec: pay-api.md §17."""

import io
import re
from typing import Any

import pytest
import typst
import zxingcpp
from bs4 import BeautifulSoup
from PIL import Image

from pay.standards.link_reference import DIGITS, LETTERS, holds_real_card_number, make_reference
from tests.conformance.pay.test_console import Desk
from tests.factories.pay import Browser, World


def make(world: World, **values: Any) -> str:
    dora, base = Desk(world, "dora"), f"/console/accounts/{world.till.account_id}/links"
    form = {"name": "Permiso de circulación", "service_path": "quilpalin", "product_path": "permiso", "reference_label": "Patente"} | values
    assert dora.send(base, base, **form).status_code == 303
    return f"/redirect/{form['service_path']}/{form['product_path']}"


class Walker(Browser):
    """Somebody who walks through the pages of a link, button by button."""

    def __init__(self, world: World, address: str) -> None:
        self.client = world.client()
        self.page = self.client.get(address, follow_redirects=True)

    def next(self, **typed: str) -> "Walker":
        form = BeautifulSoup(self.html, "html.parser").select_one("main form")
        assert form is not None, self.html
        values = {str(field["name"]): str(field.get("value", "")) for field in form.select("input")}
        assert form.select_one(".govuk-button") is not None
        self.page = self.client.post(str(form["action"]), data=values | typed)
        while self.page.status_code in {302, 303}:
            self.page = self.client.get(self.page.headers["Location"])
        return self


@pytest.mark.rule("pay", "§17")
def test_a_fixed_price_is_paid_with_the_payers_reference(world: World) -> None:
    walker = Walker(world, make(world, price="14.500") + "?lang=en")
    walker.next().next(reference="ABCD12")
    assert "$14.500" in walker.html
    assert "ABCD12" in walker.html
    walker.next()
    assert "Enter card details" in walker.html
    walker.enter()
    walker.press("confirm")
    assert "Payment complete" in walker.html
    found = world.get("/v1/payments?reference=ABCD12").get_json()["results"]
    assert [(p["amount"], p["description"], p["state"]["status"]) for p in found] == [(14500, "Permiso de circulación", "success")]


@pytest.mark.rule("pay", "§17")
def test_a_free_amount_and_a_reference_of_ours(world: World) -> None:
    walker = Walker(world, make(world, reference_label="") + "?lang=en&amount=3000")
    walker.next()
    assert 'id="payment-amount"' in walker.html
    assert 'value="3000"' in walker.html
    walker.next(amount="no")
    assert walker.page.status_code == 422
    walker.next(amount="3.500").next()
    walker.enter()
    walker.press("confirm")
    (payment,) = world.get("/v1/payments").get_json()["results"]
    assert payment["amount"] == 3500
    assert re.fullmatch("[A-HJKLMNP-Z2-9]{10}", payment["reference"])


@pytest.mark.rule("pay", "§17")
def test_the_price_is_the_offices_whatever_the_form_says(world: World) -> None:
    walker = Walker(world, make(world, price="14500"))
    walker.next().next(reference="ABCD12").next(amount="1")
    (payment,) = world.get("/v1/payments").get_json()["results"]
    assert payment["amount"] == 14500


@pytest.mark.rule("pay", "§17")
def test_what_the_address_prefills_stays(world: World) -> None:
    walker = Walker(world, make(world) + "?reference=AB_12&amount=1050")
    walker.next()
    assert 'value="AB 12"' in walker.html
    walker.next()
    assert 'value="1050"' in walker.html


@pytest.mark.rule("pay", "§17", "I8")
@pytest.mark.parametrize("typed", ["4242424242424242", "4242 4242 4242 4242", "patente 4242-4242-4242-4242"])
def test_a_card_number_is_no_reference_and_is_not_shown_again(world: World, typed: str) -> None:
    walker = Walker(world, make(world, price="100"))
    walker.next().next(reference=typed)
    assert walker.page.status_code == 422
    assert "4242" not in walker.html
    assert world.get("/v1/payments").get_json()["total"] == 0


@pytest.mark.rule("pay", "§17")
@pytest.mark.parametrize("typed", ["", "<b>", "x" * 51, "a|b"])
def test_a_wrong_reference_is_explained(world: World, typed: str) -> None:
    walker = Walker(world, make(world, price="100"))
    assert walker.next().next(reference=typed).page.status_code == 422


@pytest.mark.rule("pay", "§17")
def test_a_link_that_is_off_or_unknown_leads_nowhere(world: World) -> None:
    address = make(world)
    dora, base = Desk(world, "dora"), f"/console/accounts/{world.till.account_id}/links"
    path = str(dora.page(base).select_one("form[action*=switch]")["action"])  # type: ignore[index]  # it is there
    assert dora.send(path, base, on="no").status_code == 303
    for gone in (address, "/redirect/no/where", "/pay/" + "0" * 26, "/pay/x"):
        assert world.client().get(gone).status_code == 404
    assert Desk(world, "eva").send(path, base, on="yes").status_code == 403


@pytest.mark.rule("pay", "§17")
def test_two_links_never_share_an_address_and_bad_ones_are_explained(world: World) -> None:
    make(world)
    dora, base = Desk(world, "dora"), f"/console/accounts/{world.till.account_id}/links"
    good = {"name": "Otro", "service_path": "quilpalin", "product_path": "otro"}
    for change in (
        {"product_path": "permiso"},
        {"product_path": "Con Espacio"},
        {"price": "x"},
        {"price": "0"},
        {"name": ""},
        {"name": "<b>"},
    ):
        assert dora.send(base, base, **good | change).status_code == 422, change


@pytest.mark.rule("pay", "§17")
def test_the_qr_code_leads_to_the_link(world: World) -> None:
    address = make(world)
    dora, base = Desk(world, "dora"), f"/console/accounts/{world.till.account_id}/links"
    source = next(str(a["href"]) for a in dora.page(base).select("section a") if "qr.svg" in str(a["href"]))
    svg = dora.get(source)
    assert svg.content_type.startswith("image/svg+xml")
    sheet = b'#set page(width: 60mm, height: 60mm)\n#image(bytes(sys.inputs.svg), format: "svg", width: 40mm)'
    picture = Image.open(io.BytesIO(typst.compile(sheet, format="png", ppi=150, sys_inputs={"svg": svg.get_data(as_text=True)})))
    assert [code.text for code in zxingcpp.read_barcodes(picture.convert("L"))] == ["http://localhost" + address]


@pytest.mark.rule("pay", "§17")
def test_references_of_ours_make_no_word(world: World) -> None:
    for _ in range(50):
        reference = make_reference(world.pay.ids.pick)
        assert len(reference) == 10
        assert set(reference) <= set(LETTERS + DIGITS)
        assert {reference[3], reference[7]} <= set(DIGITS)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("4242424242424242", True),
        ("4242424242424241", False),
        ("123456789012", False),
        ("Orden 2026-000042", False),
        ("6759649826438453", True),
    ],
)
def test_card_numbers_are_known_by_luhn_and_range(text: str, answer: bool) -> None:
    assert holds_real_card_number(text) is answer
