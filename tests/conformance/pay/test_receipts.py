"""Receipts that a third party can check by code, by QR and by signature.  Spec: requirements PA-7."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pypdf
import pytest
from cryptography import x509
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from pay.operations import receipt_keys
from pay.operations.receipts import issue_receipt
from pay.providers.base import Action, Outcome, Verdict
from pay.standards.identifiers import PaymentId
from pay.standards.receipt_code import ALPHABET, read_code
from tests.factories.pay import DECLINED_CARD, World


def receipt(world: World, payment_id: str) -> dict[str, Any]:
    answer = world.get(f"/v1/payments/{payment_id}/receipt")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


@pytest.mark.rule("pay", "PA-7")
def test_anybody_checks_a_receipt_by_its_code_and_learns_not_who_paid(world: World) -> None:
    payment_id = world.paid()
    made = receipt(world, payment_id)
    assert re.fullmatch(f"[{ALPHABET}]{{16}}", made["code"])
    page = world.client().get(f"/receipt/{made['code'].lower()}?lang=en").get_data(as_text=True)
    for said in ("This receipt is genuine", "$14.500", "Permisos de circulación", "PERM-2026-000042"):
        assert said in page
    for secret in ("Ñancupil", "jose@example.cl", "4242"):
        assert secret not in page
    answer = world.client().get(f"/v1/receipts/{made['code']}")
    assert answer.get_json() == {name: value for name, value in made.items() if name != "feedback_url"}
    assert made["url"].endswith(made["code"])


@pytest.mark.rule("pay", "PA-7")
def test_a_refund_shows_on_the_receipt(world: World) -> None:
    payment_id = world.paid()
    made = receipt(world, payment_id)
    world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 4500})
    assert world.client().get(f"/v1/receipts/{made['code']}").get_json()["refunded"] == 4500
    assert "$4.500" in world.client().get(f"/receipt/{made['code']}").get_data(as_text=True)


@pytest.mark.rule("pay", "PA-7")
def test_the_file_is_signed_and_a_change_is_found(world: World) -> None:
    payment_id = world.paid()
    pdf = world.get(f"/v1/payments/{payment_id}/receipt.pdf")
    assert pdf.content_type == "application/pdf"
    text = pypdf.PdfReader(io.BytesIO(pdf.data)).pages[0].extract_text()
    code = receipt(world, payment_id)["code"]
    assert " ".join(code[at : at + 4] for at in range(0, 16, 4)) in text
    assert "$14.500" in text
    assert "Ñancupil" not in text
    published = world.client().get("/receipt/certificates.pem").data
    trusted = ValidationContext(trust_roots=list(load_certs_from_pemder_data(published)), allow_fetching=False)
    found = PdfFileReader(io.BytesIO(pdf.data)).embedded_signatures[0]
    status = validate_pdf_signature(found, trusted)
    assert status.bottom_line, status.summary()
    changed = pdf.data.replace(b"/Title", b"/Titel", 1)
    if changed == pdf.data:
        changed = pdf.data[:300] + bytes([pdf.data[300] ^ 1]) + pdf.data[301:]
    broken = validate_pdf_signature(PdfFileReader(io.BytesIO(changed)).embedded_signatures[0], trusted)
    assert not broken.bottom_line


@pytest.mark.rule("pay", "PA-7")
def test_keys_are_sealed_and_a_new_one_signs_while_the_old_stays_published(world: World) -> None:
    first = receipt_keys.signing_key(world.pay)
    assert b"PRIVATE" not in first.key_sealed
    again = receipt_keys.signing_key(world.pay)
    assert again == first
    receipt_keys.replace_key(world.pay, actor="operator:test")
    assert receipt_keys.signing_key(world.pay) != first
    pem = world.client().get("/receipt/certificates.pem").data
    found = x509.load_pem_x509_certificates(pem)
    assert len(found) == 2
    assert all(not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca for certificate in found)


@pytest.mark.rule("pay", "PA-7")
def test_one_payment_has_one_code_however_often_it_is_asked(world: World) -> None:
    payment_id = PaymentId(world.paid())
    with ThreadPoolExecutor(8) as pool:
        codes = set(pool.map(lambda _: issue_receipt(world.pay, payment_id).code, range(16)))
    assert len(codes) == 1


@pytest.mark.rule("pay", "PA-7", "A17")
def test_what_is_not_paid_or_not_ours_has_no_receipt(world: World) -> None:
    waiting, declined = world.create()["payment_id"], world.paid(DECLINED_CARD)
    for payment_id in (waiting, declined, "0" * 26):
        for path in ("receipt", "receipt.pdf"):
            assert world.get(f"/v1/payments/{payment_id}/{path}").status_code == 404
    paid = world.paid()
    assert world.get(f"/v1/payments/{paid}/receipt", till=world.add_account()).status_code == 404
    assert world.client().get("/v1/receipts/0000000000000000").status_code == 404
    assert world.client().get("/receipt/0000000000000000").status_code == 404


@pytest.mark.rule("pay", "PA-7")
def test_a_receipt_proves_nothing_any_more_when_the_capture_fails(world: World) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    payer.enter()
    payer.press("confirm")
    code = receipt(world, payment_id)["code"]
    world.gateway.refuse[Action.CAPTURE] = Outcome(Verdict.ERROR, "x-1")
    world.run_jobs()
    assert world.status(payment_id) == "P0050"
    for path in (f"/v1/receipts/{code}", f"/receipt/{code}", f"/receipt/{code}.pdf"):
        assert world.client().get(path).status_code == 404


@pytest.mark.rule("pay", "PA-7")
@pytest.mark.parametrize(("typed", "status"), [("", 422), ("abc", 422), ("<b>", 422), ("0000 0000 0000 0000", 404)])
def test_a_mistyped_code_is_explained(world: World, typed: str, status: int) -> None:
    client = world.client()
    mark = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/receipt").get_data(as_text=True))
    assert mark
    answer = client.post("/receipt?lang=en", data={"csrf_token": mark.group(1), "code": typed})
    assert answer.status_code == status
    assert "There is something to put right" in answer.get_data(as_text=True)
    assert "<b>" not in answer.get_data(as_text=True)


@pytest.mark.rule("pay", "PA-7")
def test_the_payer_gets_the_file_in_the_browser(world: World) -> None:
    made = world.create()
    payer = world.payer(made["payment_id"])
    assert payer.client.get(f"/card_details/{made['payment_id']}/receipt.pdf").status_code == 404
    payer.enter()
    payer.press("confirm")
    answer = payer.client.get(f"/card_details/{made['payment_id']}/receipt.pdf")
    assert answer.data.startswith(b"%PDF")
    assert world.client().get(f"/card_details/{made['payment_id']}/receipt.pdf").status_code == 403


@pytest.mark.parametrize(("typed", "read"), [("ilo0-1111 2222-3333", "1100111122223333"), ("", None), ("U" * 16, None), ("0" * 17, None)])
def test_look_alikes_are_read_as_what_was_meant(typed: str, read: str | None) -> None:
    assert read_code(typed) == read
