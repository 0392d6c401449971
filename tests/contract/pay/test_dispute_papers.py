"""Disputes on paper: files of evidence, and providers without an interface, whose letters people write down and answer by hand."""

from datetime import timedelta
from io import BytesIO

import pypdf
import pytest
from PIL import Image
from pypdf.generic import DictionaryObject, NameObject, TextStringObject
from sqlalchemy import select

from pay.models.dispute_file import dispute_files
from pay.operations.retention import forget_evidence
from shared.outbox import outbox
from shared.virus_scan import ClamdScanner
from tests.conformance.pay.test_console import Desk
from tests.contract.notify.test_clamd import TEST_FILE
from tests.contract.pay.test_disputes import BODY, HELD, answers, books, disputed, status
from tests.factories.banks import Banks, make_banks
from tests.factories.pay import GOOD_CARD, World


def pdf(pages: int = 1, *, secret: str = "") -> bytes:
    writer, made = pypdf.PdfWriter(), BytesIO()
    alert = DictionaryObject({NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")})
    for _ in range(pages):
        writer.add_blank_page(200, 200)[NameObject("/AA")] = DictionaryObject({NameObject("/O"): alert})
    if secret:
        writer.encrypt(secret)
    writer.write(made)
    return made.getvalue()


def picture(side: int = 40) -> bytes:
    made = BytesIO()
    Image.new("1", (side, 2)).save(made, "PNG")
    return made.getvalue()


def upload(*files: tuple[str, bytes]) -> dict[str, object]:
    return {"files": [(BytesIO(content), name) for name, content in files]}


def letter(world: World, **changes: str) -> dict[str, str]:
    due = world.pay.clock.now() + timedelta(days=10)
    form = {"number": "CB-2026-1", "amount": "14.500", "reason": "fraudulent"}
    return form | {"due-day": str(due.day), "due-month": str(due.month), "due-year": str(due.year)} | changes


def written_down(world: World) -> tuple[str, Desk, str]:
    """A dispute that a letter told of; the payment, who wrote it down, and where the office finds it."""
    payment_id, ana = world.paid(), Desk(world, "ana")
    path = f"/console/payments/{payment_id}/dispute"
    answer = ana.send(path, path, **letter(world))
    assert answer.status_code == 303
    return payment_id, ana, answer.headers["Location"]


def to_do(desk: Desk, own: str) -> str:
    """What the list of disputes says is to be done."""
    return desk.page(own.rpartition("/")[0]).select_one("tbody").get_text()  # type: ignore[union-attr]  # it is there


def the_answer(desk: Desk, own: str) -> str:
    return str(desk.page(own).select_one("a[href$='answer.pdf']")["href"]).removesuffix("/answer.pdf")  # type: ignore[index]  # it is there


@pytest.mark.rule("pay", "§11", "pay-design §4.2")
def test_papers_go_to_stripe_as_one_document_once_even_where_the_answer_got_lost(world: World) -> None:
    banks = make_banks(world)
    banks.account("stripe")
    _, own = disputed(banks)
    ana = Desk(world, "ana")
    files = upload(("recibo.pdf", pdf(2)), ("fotos/mesón.png", picture()))
    assert ana.send(own + "/evidence", own + "/evidence", words="Tenemos el recibo.", **files).status_code == 303
    with world.pay.reading() as tx:
        journeys = tx.connection.execute(select(outbox.c.journey_id).where(outbox.c.job == "send_dispute_answer")).scalars().all()
    banks.stripe.faults.append("lost")
    banks.wire.journeys.clear()
    world.run_jobs()
    assert answers(banks) == [("evidence", "approved")]
    world.pay.clock.advance(seconds=3600)  # type: ignore[attr-defined]  # the clock of tests
    world.run_jobs()
    assert set(banks.wire.journeys) == set(journeys) != {""}, "each call is of the journey in which somebody answered"
    assert (status(banks), answers(banks)) == ("under_review", [("evidence", "sent")])
    (at_stripe,) = banks.stripe.disputes.values()
    assert at_stripe["evidence_details"]["submission_count"] == 1
    document = banks.stripe.files[at_stripe["evidence"]["uncategorized_file"]]
    pages = pypdf.PdfReader(BytesIO(document)).pages
    assert len(pages) == 4
    assert "Tenemos el recibo." in pages[0].extract_text()
    assert b"app.alert" not in document, "nothing of a file runs"
    with world.pay.db.begin() as connection:
        kept = connection.execute(select(dispute_files.c.sealed)).scalars().all()
    assert [b"recibo" in sealed or b"PDF" in sealed for sealed in kept] == [False, False]
    shown = Desk(world, "ana").page(own).get_text()
    assert "recibo.pdf" in shown
    assert "mesón.png" in shown
    assert "fotos" not in shown
    assert "recibo.pdf" not in Desk(world, "eva").page(own).get_text(), "who may not decide does not see it"


@pytest.mark.rule("pay", "§11")
def test_files_that_are_none_too_large_or_infected_are_refused_with_what_to_do(world: World) -> None:
    _, ana, own = written_down(world)
    path = own + "/evidence"
    too_large = pdf() + b"\0" * 4_000_000
    for files, said in (
        ([("a.exe", b"MZ\x90\0")], "a.exe no se puede leer"),
        ([("a.pdf", b"%PDF-1.7 rubbish")], "a.pdf no se puede leer"),
        ([("a.pdf", b"")], "a.pdf no se puede leer"),
        ([("a.pdf", pdf(0))], "a.pdf no se puede leer"),
        ([("clave.pdf", pdf(secret="x"))], "Elija un PDF sin clave"),
        ([("ancha.png", picture(10_001))], "ancha.png no se puede leer"),
        ([("a.png", picture()), ("b.pdf", pdf(40))], "Entre todos pueden tener 40"),
        ([("a.pdf", too_large)], "Entre todos pueden tener 4 MB"),
        ([(f"{n}.png", picture()) for n in range(6)], "a lo más 5 archivos"),
        ([(f"{GOOD_CARD}.png", picture())], "No escriba el número de la tarjeta"),
        ([("<b>virus.pdf", pdf() + TEST_FILE)], "Hay un virus en &lt;b&gt;virus.pdf"),
    ):
        refused = ana.send(path, path, words="Tenemos el recibo.", **upload(*files))
        refused.request.environ["wsgi.input"].close()  # a file, where the form is large
        assert (refused.status_code, said in refused.get_data(as_text=True)) == (422, True), said
    world.pay.__dict__["scanner"] = ClamdScanner("127.0.0.1:1")
    away = ana.send(path, path, words="Tenemos el recibo.", **upload(("a.pdf", pdf())))
    assert (away.status_code, "no se pueden revisar en este momento" in away.get_data(as_text=True)) == (422, True)
    assert ana.page(own).select_one("#evidence") is not None


@pytest.mark.rule("pay", "§11", "pay-design §3", "CH-1")
@pytest.mark.parametrize("result", ["won", "lost"])
def test_where_a_provider_has_no_interface_the_answer_is_a_document_that_somebody_hands_in(world: World, result: str) -> None:
    payment_id, ana, own = written_down(world)
    (dispute,) = world.get("/v1/disputes").get_json()["results"]
    assert (dispute["payment_id"], dispute["status"], dispute["amount"]) == (payment_id, "needs_response", 14500)
    assert world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 1}).get_json()["code"] == "P0603"
    assert books(world) == {HELD: 14500, BODY: -14500}
    assert "Responder" in to_do(ana, own)
    assert ana.page(own.partition("/disputes")[0]).select_one("#disputed") is not None
    files = upload(("recibo.pdf", pdf()))
    assert ana.send(own + "/evidence", own + "/evidence", words="Tenemos el recibo #1 *firmado*.", **files).status_code == 303
    world.run_jobs()
    assert "Entregar la respuesta" in to_do(ana, own)
    answer = the_answer(ana, own)
    paper = ana.get(answer + "/answer.pdf")
    pages = pypdf.PdfReader(BytesIO(paper.get_data())).pages
    said = pages[0].extract_text()
    assert (paper.content_type, len(pages)) == ("application/pdf", 2)
    assert [part for part in ("CB-2026-1", "Tenemos el recibo #1 *firmado*.", "recibo.pdf", "14.500") if part not in said] == []
    assert ana.send(answer + "/hand-in", answer + "/hand-in", note=" ").status_code == 422
    assert ana.send(answer + "/hand-in", answer + "/hand-in", note="TBK-889").status_code == 303
    assert ana.send(answer + "/hand-in", answer + "/hand-in", note="TBK-890").status_code == 409
    assert "TBK-889" in ana.page(own).get_text()
    assert world.get("/v1/disputes?status=under_review").get_json()["total"] == 1
    assert ana.send(own + "/result", own + "/result", result="perhaps").status_code == 422
    assert ana.send(own + "/result", own + "/result", result=result).status_code == 303
    assert ana.send(own + "/result", "/receipt", result=result).status_code == 409
    assert world.get(f"/v1/disputes?status={result}").get_json()["total"] == 1
    assert books(world) == ({"channel_receivable:sandbox": 14500, BODY: -14500} if result == "won" else {})


@pytest.mark.rule("pay", "§11", "§23")
def test_over_the_limit_two_persons_accept_on_paper_and_what_is_late_is_said(world: World) -> None:
    _, ana, own = written_down(world)
    beto, limit = Desk(world, "beto"), own.partition("/disputes")[0] + "/limit"
    ana.send(limit, limit, limit="1000")
    ana.send(own + "/accept", own + "/accept")
    assert "segunda persona" in to_do(ana, own)
    path = str(beto.page(own).select_one("form[action*=answers]")["action"])  # type: ignore[index]  # it is there
    assert beto.send(path, own, decision="approve").status_code == 303
    world.run_jobs()
    world.pay.clock.advance(seconds=11 * 86_400)  # type: ignore[attr-defined]  # the clock of tests
    late = Desk(world, "ana")
    assert "El último día fue" in to_do(late, own)
    answer = the_answer(late, own)
    letter_of = pypdf.PdfReader(BytesIO(late.get(answer + "/answer.pdf").get_data())).pages
    assert "The office accepts this dispute." in letter_of[0].extract_text()
    assert late.send(answer + "/hand-in", answer + "/hand-in", note="mesón de Transbank").status_code == 303
    assert world.get("/v1/disputes?status=lost").get_json()["total"] == 1
    assert books(world) == {}


@pytest.mark.rule("pay", "§11", "§23", "I9")
def test_which_letters_are_written_down_and_by_whom(world: World) -> None:
    payment_id, ana = world.paid(), Desk(world, "ana")
    path = f"/console/payments/{payment_id}/dispute"
    wrong: tuple[dict[str, str], ...] = (
        {"number": " "},
        {"number": f"caso {GOOD_CARD}"},
        *({"amount": amount} for amount in ("", "0", "-1", "14.501", "9" * 40, "catorce")),
        {"reason": "bad"},
        {"due-month": "13"},
        {"due-day": "", "due-month": "", "due-year": ""},
    )
    for changes in wrong:
        assert ana.send(path, path, **letter(world, **changes)).status_code == 422, changes
    for who in ("eva", "dora", "iris"):
        desk = Desk(world, who)
        assert desk.page(f"/console/payments/{payment_id}").select_one("#dispute") is None
        assert desk.get(path).status_code == desk.send(path, "/receipt", **letter(world)).status_code == 403
    assert ana.send(path, path, **letter(world, amount="4.500")).status_code == 303
    assert ana.send(path, path, **letter(world, amount="4.500")).status_code == 409, "the number is there"
    assert ana.send(path, path, **letter(world, number="CB-2", amount="10.000")).status_code == 303
    assert ana.get(path).status_code == 409, "all of it is disputed"
    assert books(world) == {HELD: 14500, BODY: -14500}
    unpaid = world.create()["payment_id"]
    banks: Banks = make_banks(world)
    banks.account("stripe")
    at_stripe, own = disputed(banks)
    for elsewhere in (unpaid, at_stripe):
        assert ana.page(f"/console/payments/{elsewhere}").select_one("#dispute") is None
        assert ana.get(f"/console/payments/{elsewhere}/dispute").status_code == 409
    assert ana.send(own + "/result", own, result="won").status_code == 404, "Stripe itself says how it ends"


@pytest.mark.rule("pay", "§11")
def test_papers_are_let_go_of_long_after_the_dispute_was_decided(world: World) -> None:
    _, ana, own = written_down(world)
    ana.send(own + "/evidence", own + "/evidence", words="Tenemos el recibo.", **upload(("recibo.pdf", pdf())))

    def kept() -> int:
        forget_evidence(world.pay)
        with world.pay.db.begin() as connection:
            return len(connection.execute(select(dispute_files.c.position)).all())

    world.pay.clock.advance(seconds=600 * 86_400)  # type: ignore[attr-defined]  # the clock of tests
    assert kept() == 1, "it is not decided"
    Desk(world, "ana").send(own + "/result", own + "/result", result="won")
    world.pay.clock.advance(seconds=539 * 86_400)  # type: ignore[attr-defined]  # the clock of tests
    assert kept() == 1
    world.pay.clock.advance(seconds=2 * 86_400)  # type: ignore[attr-defined]  # the clock of tests
    assert kept() == 0
    later = Desk(world, "ana")
    assert len(pypdf.PdfReader(BytesIO(later.get(the_answer(later, own) + "/answer.pdf").get_data())).pages) == 1
