"""The folder of documents: listed here, kept elsewhere, fetched when read.  Spec: CH-14; wallet contract §8.1."""

import uuid
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup

from tests.factories.wallet import OTHER_RUN, RUN, World
from tests.unit.wallet.routes.test_delegations import acting_browser, appoint
from wallet.providers.dealings import Message, Paid
from wallet.providers.memory import MemoryDealings
from wallet.standards.acting import Power

EMAIL, OPENED, CLOSED = "camila@example.com", uuid.UUID(int=7), uuid.UUID(int=8)


@pytest.fixture
def others(world: World) -> MemoryDealings:
    found, now = MemoryDealings(), world.clock.now()
    found.email = EMAIL
    paid = Paid(now - timedelta(hours=2), "Municipalidad de Quilpalín", "Patente <2026>", 990, "CLP", "success", "pay-1")
    found.paid[EMAIL] = [paid, Paid(now, "Municipalidad", "Sin pagar", 1, "CLP", "created", "pay-2")]
    at = now - timedelta(hours=4)
    found.mail[RUN] = [Message(OPENED, "Registro Civil", "Su hora", "<p>Hola</p>", at, at, ("certificado.pdf",))]
    found.mail[RUN].append(Message(CLOSED, "Registro Civil", "Otra", "<p>Hola</p>", at, None, ("cerrado.pdf",)))
    found.contents[OPENED, 0] = b"%PDF-marca"
    world.wallet.__dict__["dealings"] = found
    return found


def folder(world: World, run: str = RUN) -> BeautifulSoup:
    answer = world.browser(run).get("/documents")
    assert answer.status_code == 200
    return BeautifulSoup(answer.text, "html.parser")


@pytest.mark.rule("wallet", "CH-14")
def test_all_that_a_person_was_given_stands_in_one_place_and_each_is_fetched_from_its_maker(world: World, others: MemoryDealings) -> None:
    world.granted()
    page, browser = folder(world), world.browser()
    links = {link.get_text(): str(link["href"]) for link in page.select("main table a")}
    assert len(links) == 4
    assert links["certificado.pdf"] == f"/mailbox/{OPENED}/files/0"
    assert links["cerrado.pdf"] == f"/mailbox/{CLOSED}"  # opening a message counts: the folder does not do it by the way
    assert "Primero abra el mensaje." in page.get_text()
    paid = browser.get(links["Patente <2026>"])
    assert (paid.status_code, paid.mimetype, paid.data) == (200, "application/pdf", b"%PDF-pay-1")
    assert paid.headers["Content-Disposition"].startswith("attachment")
    assert browser.get(links["certificado.pdf"]).data == b"%PDF-marca"
    receipt = next(link for link in links.values() if link.startswith("/receipts/"))
    assert browser.get(receipt).status_code == 200
    stored = world.run_sql("select count(*) from audit_entries where core like '%marca%'")
    assert stored[0][0] == 0


@pytest.mark.rule("wallet", "CH-14")
@pytest.mark.parametrize(("service", "said", "left"), [("notify", "mensajes", "Patente"), ("pay", "pagos", "certificado.pdf")])
def test_what_cannot_be_asked_now_is_said_and_the_rest_is_shown(
    world: World, others: MemoryDealings, service: str, said: str, left: str
) -> None:
    others.away = {service}
    words = folder(world).get_text(" ")
    assert "Faltan en la lista:" in words
    assert said in words.split("Faltan en la lista:")[1][:40]
    assert left in words
    assert "Todavía no tiene documentos" not in words


@pytest.mark.rule("wallet", "CH-14")
def test_nobody_elses_receipt_is_given_and_a_service_that_is_away_is_not_one_without_it(world: World, others: MemoryDealings) -> None:
    browser = world.browser()
    assert browser.get("/documents/payments/pay-9").status_code == 404
    assert browser.get("/documents/payments/..%2Fpay-1").status_code == 404
    others.away = {"pay"}
    assert browser.get("/documents/payments/pay-1").status_code == 503
    others.away, others.email = set(), None
    assert browser.get("/documents/payments/pay-1").status_code == 404
    assert "certificado.pdf" not in folder(world, OTHER_RUN).get_text()


@pytest.mark.rule("wallet", "U13")
def test_a_delegate_does_not_open_the_folder(world: World, others: MemoryDealings) -> None:
    appoint(world, Power.GRANT)
    assert acting_browser(world).get("/documents").status_code == 403
