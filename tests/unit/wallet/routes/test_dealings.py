"""One history of dealings with the state, and the mailbox in the portal.  Spec: requirements CH-14, NO-13."""

import re
import uuid
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup

from tests.factories.wallet import RUN, World
from wallet.providers.dealings import Message, Paid
from wallet.providers.memory import MemoryDealings

EMAIL = "camila@example.com"


@pytest.fixture
def others(world: World) -> MemoryDealings:
    found = MemoryDealings()
    now = world.clock.now()
    found.email = EMAIL
    found.events = [(now - timedelta(hours=1), "Inició sesión", "Postula")]
    found.paid[EMAIL] = [Paid(now - timedelta(hours=2), "Colegio Las Araucarias", "Postulación", 14_500, "CLP", "success")]
    found.paid[EMAIL].append(Paid(now - timedelta(hours=3), "Municipalidad de Quilpalín", "Patente", 990, "CLP", "failed"))
    at, file_at = now - timedelta(hours=4), uuid.UUID(int=7)
    found.mail[RUN] = [Message(file_at, "Registro <Civil>", "Su hora", "<p>Venga el lunes.</p>", at, None, ("hora.pdf",))]
    found.contents[file_at, 0] = b"%PDF-"
    world.wallet.__dict__["dealings"] = found
    return found


def main_of(html: str) -> str:
    main = BeautifulSoup(html, "html.parser").main
    assert main is not None
    return " ".join(main.get_text(" ").split())


@pytest.mark.rule("wallet", "CH-14")
def test_all_dealings_stand_in_one_list_newest_first(world: World, others: MemoryDealings) -> None:
    world.fetch(world.exchange_body(world.granted()))
    words = main_of(world.browser().get("/history").text)
    parts = ["Recibieron sus datos", "Inició sesión", "Pagó: $14.500", "Un pago no se hizo: $990", "Llegó un mensaje"]
    assert [words.index(part) for part in parts] == sorted(words.index(part) for part in parts), words
    assert "Postulación" in words
    assert "Registro <Civil>" in words


@pytest.mark.rule("wallet", "CH-14")
@pytest.mark.parametrize(
    ("kind", "there", "absent"), [("payment", "$14.500", "Su hora"), ("message", "Su hora", "$14.500"), ("x", "$990", "?")]
)
def test_one_kind_alone_can_be_shown(world: World, others: MemoryDealings, kind: str, there: str, absent: str) -> None:
    words = main_of(world.browser().get(f"/history?kind={kind}").text)
    assert there in words
    assert absent not in words


@pytest.mark.rule("wallet", "CH-14")
@pytest.mark.parametrize(("service", "said"), [("identity", "sus ingresos, pagos"), ("pay", "pagos"), ("notify", "mensajes")])
def test_a_service_that_is_away_is_said_and_the_rest_is_shown(world: World, others: MemoryDealings, service: str, said: str) -> None:
    world.granted()
    others.away = {service}
    words = main_of(world.browser().get("/history").text)
    assert f"Estas partes no se pueden obtener ahora. Faltan en la lista: {said}." in words
    assert "Colegio Las Araucarias" in words


@pytest.mark.rule("wallet", "CH-14")
def test_a_message_is_opened_first_and_its_files_come_after(world: World, others: MemoryDealings) -> None:
    browser, where = world.browser(), f"/mailbox/{uuid.UUID(int=7)}"
    assert "Su hora" in main_of(browser.get("/mailbox").text)
    closed = browser.get(where)
    assert "Venga el lunes" not in closed.text
    assert browser.get(where + "/files/0").status_code == 404
    form = BeautifulSoup(closed.text, "html.parser").select_one("main form")
    assert form is not None
    fields = {str(one["name"]): str(one["value"]) for one in form.select("input[type=hidden]")}
    assert browser.post(where + "/open", data=fields).status_code == 303
    opened = browser.get(where)
    assert "Venga el lunes." in main_of(opened.text)
    file = browser.get(where + "/files/0")
    assert (file.data, file.headers["Content-Disposition"]) == (b"%PDF-", "attachment; filename=hora.pdf")
    assert "sandbox" in file.headers["Content-Security-Policy"]


@pytest.mark.rule("wallet", "NO-13")
def test_a_full_mailbox_is_read_page_by_page_to_its_end(world: World, others: MemoryDealings) -> None:
    at = world.clock.now()
    others.mail[RUN] = [
        Message(uuid.UUID(int=n + 1), "Registro", f"Carta {n:03}.", "", at - timedelta(hours=n), None, ()) for n in range(120)
    ]
    browser, where, seen = world.browser(), "/mailbox", list[str]()
    for _ in range(3):
        answer = browser.get(where)
        seen += re.findall(r"Carta \d+\.", answer.text)
        following = BeautifulSoup(answer.text, "html.parser").select_one("main a[rel=next]")
        where = str(following["href"]) if following else ""
    assert where == ""
    assert seen == [f"Carta {n:03}." for n in range(120)]
    assert browser.get(f"/mailbox/{uuid.UUID(int=120)}").status_code == 200
    for wrong in ("x", uuid.UUID(int=999)):
        assert browser.get(f"/mailbox?older_than={wrong}").status_code == 404
    others.mail[RUN] *= 3
    assert "está solo lo más nuevo" in main_of(browser.get("/history?kind=message").text)


@pytest.mark.rule("wallet", "CH-14")
def test_another_persons_message_is_not_there_and_a_silent_mailbox_is_said(world: World, others: MemoryDealings) -> None:
    other = world.browser("22222222-2")
    assert other.get(f"/mailbox/{uuid.UUID(int=7)}").status_code == 404
    others.away = {"notify"}
    answer = world.browser().get("/mailbox")
    assert answer.status_code == 503
    assert "no responde ahora" in answer.text


@pytest.mark.rule("wallet", "CH-14")
@pytest.mark.parametrize(
    ("kind", "missing"), [("consent", None), ("enquiry", None), ("sign_in", "sus ingresos"), ("payment", "pagos"), ("message", "mensajes")]
)
def test_only_the_service_whose_part_is_shown_is_asked(world: World, others: MemoryDealings, kind: str, missing: str | None) -> None:
    others.away = {"identity", "pay", "notify"}
    words = main_of(world.browser().get(f"/history?kind={kind}").text)
    assert (f"Faltan en la lista: {missing}." in words) is (missing is not None)
    assert ("Faltan en la lista" in words) is (missing is not None)


@pytest.mark.rule("wallet", "CH-14")
def test_a_list_that_is_cut_says_so(world: World, others: MemoryDealings) -> None:
    assert "está solo lo más nuevo" not in main_of(world.browser().get("/history").text)
    others.events *= 301
    assert "está solo lo más nuevo" in main_of(world.browser().get("/history").text)
