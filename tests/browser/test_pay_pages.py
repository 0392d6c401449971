"""The pages of pay in a real browser: by keyboard, wide and narrow, in both languages, with axe.  Spec: pages.md, pay-api.md §16, §17."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from pay.operations.disputes import DisputeNews, take_news
from pay.standards.dispute_states import DisputeState
from pay.standards.identifiers import PaymentId
from shared.clock import FixedClock
from shared.ids import SeededIds
from tests.browser.chromium import HEIGHTS, Looker
from tests.browser.test_gallery import serving
from tests.conformance.pay.test_console import Desk
from tests.conformance.pay.test_counters import Counter
from tests.conformance.pay.test_fees import RULE
from tests.conformance.pay.test_notices import issue
from tests.conformance.pay.test_payouts import CASH as CASH_PAYOUT
from tests.conformance.pay.test_payouts import ORDER as PAYOUT
from tests.factories.pay import BODY, PUBLIC_URL, World
from tests.factories.pay_fixtures import make_world

pytestmark = pytest.mark.browser
KINDS = [("es", 360), ("en", 1280)]


@contextmanager
def visiting(browser: Browser, *, language: str, width: int) -> Iterator[Page]:
    """A person with a language and a screen; a form that is refused (422) is no fault here."""
    faults: list[str] = []
    locale = "es-CL" if language == "es" else "en-GB"
    context = browser.new_context(locale=locale, viewport={"width": width, "height": HEIGHTS[width]})
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" and "status of 422" not in said.text else None)
    yield page
    context.close()
    assert faults == []


@pytest.fixture
def world(database: Callable[[str], str], redis_url: str, clock: FixedClock, ids: SeededIds) -> Iterator[World]:
    made = make_world(database("pay"), redis_url, clock, ids)
    yield made
    made.pay.close()


@pytest.fixture
def site(world: World) -> Iterator[str]:
    with serving(world.app) as address:
        yield address


@pytest.mark.rule("pay", "§16", "PA-7", "PA-8")
@pytest.mark.parametrize(("language", "width"), KINDS)
def test_a_payer_walks_by_keyboard_from_the_notice_to_the_receipt(
    chromium: Browser, site: str, world: World, language: str, width: int
) -> None:
    notice = issue(world, language=language)
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "pay-payer", language=language, width=width)
        page.goto(f"{site}/notice?lang={language}")
        looker.look("find")
        page.keyboard.press("Tab")
        page.locator("#number").focus()
        page.keyboard.press("Enter")
        looker.look("find-wrong")
        page.locator("#number").focus()
        page.keyboard.type(notice["number"])
        page.keyboard.press("Enter")
        expect(page.locator("#amount")).to_have_text("$14.500")
        looker.look("notice")
        press(page, "#pay-now")
        looker.look("card")
        press(page, "#other-methods")
        looker.look("methods")
        press(page, "#choose-method")
        looker.look("methods-wrong")
        page.locator("#method-2").focus()
        page.keyboard.press("Space")
        press(page, "#choose-method")
        looker.look("cash")
        page.goto(f"{site}/card_details/{notice['payment_id']}")
        fill_card(page)
        looker.look("confirm")
        press(page, "#confirm")
        expect(page.locator("#receipt")).to_be_visible()
        looker.look("paid")
    code = world.get(f"/v1/payments/{notice['payment_id']}/receipt").get_json()["code"]
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "pay-receipt", language=language, width=width)
        page.goto(f"{site}/receipt?lang={language}")
        page.locator("#code").focus()
        page.keyboard.type(code)
        page.keyboard.press("Enter")
        expect(page.locator("#receipt-genuine")).to_be_visible()
        looker.look("genuine")


def press(page: Page, selector: str) -> None:
    page.locator(selector).focus()
    page.keyboard.press("Enter")
    page.wait_for_load_state()


def fill_card(page: Page) -> None:
    values = {
        "#card-no": "4242424242424242",
        "#expiry-month": "11",
        "#expiry-year": "29",
        "#cardholder-name": "José Ñancupil",
        "#cvc": "123",
        "#address-line-1": "Los Aromos 12",
        "#address-city": "Quilpalín",
        "#address-postcode": "2430000",
        "#email": "jose@example.cl",
    }
    for selector, value in values.items():
        page.locator(selector).focus()
        page.keyboard.type(value)
    page.keyboard.press("Enter")
    page.wait_for_load_state()


@pytest.mark.rule("pay", "§17", "§23")
@pytest.mark.parametrize(("language", "width"), KINDS)
def test_staff_walk_through_the_console(chromium: Browser, site: str, world: World, language: str, width: int) -> None:
    payment_id = world.paid(reference="Un-número-de-referencia-bastante-largo-2026-000042")
    world.create()
    world.add_webhook()
    base = f"/console/accounts/{world.till.account_id}"
    ana = Desk(world, "ana")
    ana.send(base + "/limit", base + "/limit", limit="0")
    for who in (ana, Desk(world, "beto")):
        path = f"/console/payments/{payment_id}/refund"
        who.send(path, path, amount="100", reason="pagó dos veces")
    cookie = ana.client.get_cookie("pay-session")
    assert cookie is not None
    with visiting(chromium, language=language, width=width) as page:
        page.context.add_cookies([{"name": "pay-session", "value": cookie.value, "url": site}])
        looker = Looker(page, "pay-console", language=language, width=width)
        for path in ("/console", base, base + "/payments", base + "/payments?from=x", f"/console/payments/{payment_id}"):
            page.goto(f"{site}{path}{'&' if '?' in path else '?'}lang={language}")
            looker.look(path.rpartition("/")[2].split("?")[0] + ("-wrong" if "?" in path else ""))
        for name in ("reports", "refund-requests", "keys", "webhooks", "limit", "links", "assist", "suspense", "disputes"):
            page.goto(f"{site}{base}/{name}?lang={language}")
            looker.look(name)
        page.goto(f"{site}{base}/reports/close?month=2026-05&lang={language}")
        looker.look("close-month")
        page.goto(f"{site}/console/payments/{payment_id}/refund?lang={language}")
        press(page, "#send-refund")
        looker.look("refund-wrong")
        page.goto(f"{site}{base}/links?lang={language}")
        for field, value in (
            ("#name", "Permiso"),
            ("#service_path", "quilpalin"),
            ("#product_path", "permiso"),
            ("#reference_label", "Patente"),
        ):
            page.locator(field).focus()
            page.keyboard.type(value)
        press(page, "#make-link")
        looker.look("links-made")
        page.locator("section a").first.evaluate("a => a.removeAttribute('target')")
        page.goto(site + str(page.locator("section a").first.get_attribute("href")).removeprefix(PUBLIC_URL))
        looker.look("link-start")
        press(page, "main .govuk-button")
        looker.look("link-reference")
        page.locator("#reference").focus()
        page.keyboard.type("ABCD12")
        page.keyboard.press("Enter")
        looker.look("link-amount")
        page.locator("#payment-amount").focus()
        page.keyboard.type("3.500")
        page.keyboard.press("Enter")
        looker.look("link-check")
        press(page, "#pay-now")
        expect(page.locator("#card-no")).to_be_visible()


@pytest.mark.rule("pay", "PA-9", "PA-10", "pay-design §8")
@pytest.mark.parametrize(("language", "width"), KINDS)
def test_staff_walk_through_the_money_that_goes_out(chromium: Browser, site: str, world: World, language: str, width: int) -> None:
    world.change_account(allow_payouts=True)
    base, olga, ana = f"/console/accounts/{world.till.account_id}", Desk(world, "olga", "operator"), Desk(world, "ana")
    olga.send(f"{base}/deposit", f"{base}/deposit", amount="900.000", reference="MOV-1")
    ana.send(f"{base}/payout-limit", f"{base}/payout-limit", limit="50.000")
    world.post("/v1/payouts", PAYOUT | {"amount": 60_000}, Idempotency_Key="k-1")
    cash = world.post("/v1/payouts", CASH_PAYOUT, Idempotency_Key="k-2").get_json()["payout_id"]
    notice, counter = issue(world), Counter(world)
    for receipt in ("R-1", "R-2"):
        counter.confirm(notice["number"], receipt)
    dispute, answered = (
        take_news(world.pay, DisputeNews("sandbox", name, PaymentId(world.paid()), DisputeState.NEEDS_RESPONSE, 14_500, "fraudulent"))
        for name in ("dp-1", "dp-2")
    )
    own = f"{base}/disputes/{answered.id}"
    ana.send(f"{own}/evidence", f"{own}/evidence", words="Tenemos el recibo.")
    paper = str(ana.page(own).select_one("a[href$='answer.pdf']")["href"])  # type: ignore[index]  # it is there
    world.post("/v1/fee-rules", RULE | {"amounts": {"web": 5000, "phone": 6000}})
    body = {name: value for name, value in BODY.items() if name != "amount"}
    for code in ("aged", "low-income"):
        fee = {"product": "residence", "exemption": {"code": code, "reason": "registro social de hogares"}}
        made = world.post("/v1/payments", body | {"fee_rule": fee, "language": language}).get_json()
    world.pay.clock.advance(seconds=60)  # type: ignore[attr-defined]  # the tests' clock
    cookie = olga.client.get_cookie("pay-session")
    assert cookie is not None
    with visiting(chromium, language=language, width=width) as page:
        page.context.add_cookies([{"name": "pay-session", "value": cookie.value, "url": site}])
        looker = Looker(page, "pay-money-out", language=language, width=width)
        partner_pages = ("/console/partners", *(f"/console/partners/{counter.id}{page}" for page in ("", "/change", "/daily-file")))
        names = ("payouts", f"payouts/{cash}", "payouts/new", "payout-limit", "deposit", "fees", "suspense", "disputes")
        names += tuple(f"disputes/{dispute.id}{page}" for page in ("", "/accept", "/evidence"))
        for path in (
            *(f"{base}/{name}" for name in names),
            own,
            own + "/result",
            paper.replace("answer.pdf", "hand-in"),
            f"/console/payments/{world.paid()}/dispute",
            f"/console/payments/{notice['payment_id']}/pay-out",
            "/console/remittances",
            "/console/settlements",
            *(f"{base}/{name}" for name in ("terms", "stop", "features")),
            *partner_pages,
        ):
            page.goto(f"{site}{path}?lang={language}")
            last = path.rpartition("/")[2]
            names_of = {cash: "payout", dispute.id: "dispute", answered.id: "answered", "dispute": "dispute-letter", counter.id: "partner"}
            looker.look(names_of.get(last, last))
        page.goto(f"{site}{base}/fees/new?lang={language}")
        press(page, "#continue")
        looker.look("fee-product-wrong")
        for step in ("day", "amounts", "exemption1", "check"):
            answers = "product=residence&name=Certificado&web=5000&phone=6000" + (
                "&text1=Mayores&text2=Otros&text3=Ellos" * (step == "check")
            )
            page.goto(f"{site}{base}/fees/new?{answers}&step={step}&lang={language}")
            looker.look(f"fee-{step}")
        page.goto(f"{site}{base}/payouts/new?lang={language}")
        press(page, "#order-payout")
        looker.look("payout-wrong")
        page.goto(f"{site}{base}/payouts?state=proposed&lang={language}")
        press(page, "tbody a")
        press(page, "#approve")
        looker.look("payout-approved")
        page.goto(f"{site}{base}/suspense?lang={language}")
        press(page, "tbody a")
        looker.look("suspense-item")
        page.goto(site + made["_links"]["next_url"]["href"].removeprefix(PUBLIC_URL))
        looker.look("nothing-to-pay")
