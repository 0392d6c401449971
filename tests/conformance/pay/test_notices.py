"""Notices: issued, printed, paid online, withdrawn.  Spec: pay-design.md §6, §8; pay-api.md §25."""

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pypdf
import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import Connection

from pay.models.notice import Issuer, find_issuer
from pay.operations import notice_issuing
from pay.operations.notices import get_slip
from pay.operations.proofs import prove
from pay.operations.slips import slip_file
from pay.standards.identifiers import AccountId
from pay.standards.notice_number import read_number
from pay.standards.signatures import HEADER, sign
from pay.standards.slip_codes import read_code_128_text, read_qr_text
from shared.http import Outbound, OutboundTimeout, Reply
from tests.factories.pay import DECLINED_CARD, PUBLIC_URL, Browser, World

DAY = 24 * 3600
DEBT: dict[str, Any] = {
    "amount": 14500,
    "reference": "PATENTE-2026-77",
    "description": "Patente comercial, primer semestre",
    "due_date": "2026-06-30",
    "payer": {"identifier": "12.345.678-5", "name": "José Ñancupil Huenchumán"},
}


def issue(world: World, **changes: Any) -> dict[str, Any]:
    response = world.post("/v1/notices", DEBT | changes)
    assert response.status_code == 201, response.get_data(as_text=True)
    made: dict[str, Any] = response.get_json()["notices"][0]
    return made


@pytest.mark.rule("pay", "pay-design §6")
def test_an_account_that_two_make_an_issuer_at_once_is_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = issue(world)["number"]
    looks: list[str] = []

    def look_at(connection: Connection, account_id: AccountId) -> Issuer | None:
        looks.append(account_id)  # at first the other one had not committed
        return find_issuer(connection, account_id) if len(looks) > 1 else None

    monkeypatch.setattr(notice_issuing, "find_issuer", look_at)
    assert issue(world)["number"][:4] == first[:4]
    assert len(looks) == 2


def look(world: World, number: str) -> dict[str, Any]:
    seen: dict[str, Any] = world.get(f"/v1/notices/{number}").get_json()
    return seen


def go_and_pay(world: World, number: str) -> Browser:
    """Somebody finds the notice by its number and presses the button."""
    client = world.client()
    page = client.get(f"/notice/{number}").get_data(as_text=True)
    mark = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert mark, page
    response = client.post(f"/notice/{number}/pay", data={"csrf_token": mark.group(1)})
    assert response.status_code == 303
    payer = Browser(client, f"{PUBLIC_URL}/notice")
    payer.page = client.get(response.headers["Location"], follow_redirects=True)
    return payer


class Hook(Outbound):
    """The service that says what is owed now; `answer` is its amount, None makes it silent."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: Any = 15000
        self.asked: list[tuple[str, bytes, dict[str, str]]] = []

    def request(self, method: str, url: str, **options: Any) -> Reply:
        self.asked.append((url, options["body"], options["headers"]))
        if self.answer is None:
            raise OutboundTimeout
        return Reply(200, {}, json.dumps({"amount": self.answer}).encode())


@pytest.fixture
def hook(world: World) -> Hook:
    made = world.pay.__dict__["http"] = Hook()
    body = {"url": "https://service.example/owed", "signing_key": "hook key"}
    assert world.client().put("/v1/notices/amount-hook", json=body, headers=world.till.headers).status_code == 204
    return made


@pytest.mark.rule("pay", "pay-design §8")
def test_a_notice_has_a_number_a_payment_and_links(world: World) -> None:
    notice = issue(world)
    assert re.fullmatch("[0-9]{18}", notice["number"])
    assert int(notice["number"]) % 97 == 1
    assert notice["state"] == "open"
    assert notice["payer"] == {"identifier": "12345678-5", "name": "José Ñancupil Huenchumán"}
    payment = world.read(notice["payment_id"])
    assert (payment["amount"], payment["reference"], payment["state"]["status"]) == (14500, DEBT["reference"], "created")
    assert look(world, notice["number"]) == notice


@pytest.mark.rule("pay", "pay-design §6")
def test_instalments_are_notices_of_one_debt(world: World) -> None:
    parts = [{"amount": 5000, "due_date": f"2026-{month:02}-30"} for month in (6, 7, 8)]
    body = {name: value for name, value in DEBT.items() if name not in {"amount", "due_date"}} | {"instalments": parts}
    answer = world.post("/v1/notices", body).get_json()
    assert [(n["instalment"], n["instalments"], n["amount"], n["due_date"]) for n in answer["notices"]] == [
        (place, 3, 5000, part["due_date"]) for place, part in enumerate(parts, 1)
    ]
    assert len({notice["number"] for notice in answer["notices"]}) == 3
    assert {notice["debt_id"] for notice in answer["notices"]} == {answer["debt_id"]}


@pytest.mark.rule("pay", "pay-design §8")
@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"amount": None}, 400, "amount"),
        ({"amount": 0}, 422, "amount"),
        ({"amount": "14500"}, 400, "amount"),
        ({"amount": 10_000_001}, 422, "amount"),
        ({"due_date": None}, 400, "due_date"),
        ({"due_date": "30-06-2026"}, 400, "due_date"),
        ({"due_date": "2026-06-07"}, 422, "due_date"),
        ({"due_date": "2026-13-01"}, 400, "due_date"),
        ({"due_date": "2099-01-01"}, 422, "due_date"),
        ({"payable_until": "2026-06-29"}, 422, "payable_until"),
        ({"reference": ""}, 400, "reference"),
        ({"description": "<b>"}, 400, "description"),
        ({"payer": {"identifier": "12.345.678-4"}}, 422, "identifier"),
        ({"payer": {"name": "x" * 71}}, 422, "name"),
        ({"payer": "x"}, 400, "payer"),
        ({"language": "fr"}, 422, "language"),
        ({"instalments": []}, 422, "instalments"),
        ({"instalments": "x"}, 400, "instalments"),
        ({"instalments": [{"amount": 1, "due_date": "2026-07-30"}, {"amount": 1, "due_date": "2026-06-30"}]}, 422, "instalments"),
        ({"metadata": {"a": None}}, 422, "metadata"),
    ],
)
def test_bad_debts_are_refused_by_field(world: World, change: dict[str, Any], status: int, field: str) -> None:
    response = world.post("/v1/notices", DEBT | change)
    assert (response.status_code, response.get_json()["field"]) == (status, field)


@pytest.mark.rule("pay", "§25", "I5")
def test_the_same_key_issues_once(world: World) -> None:
    def send(_: int) -> tuple[int, Any]:
        response = world.post("/v1/notices", DEBT, Idempotency_Key="debt-1")
        return response.status_code, response.get_json().get("debt_id")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert {status for status, _ in answers} <= {201, 409}
    assert len({debt for status, debt in answers if status == 201}) == 1
    assert send(0)[0] == 201
    other = world.post("/v1/notices", DEBT | {"amount": 1}, Idempotency_Key="debt-1")
    assert (other.status_code, other.get_json()["code"]) == (409, "P0191")


@pytest.mark.rule("pay", "A17", "I9")
def test_another_account_sees_nothing(world: World) -> None:
    notice, stranger = issue(world), world.add_account()
    path = f"/v1/notices/{notice['number']}"
    for address in (path, path + "/slip.pdf"):
        assert world.get(address, till=stranger).status_code == 404
    for address in (path + "/cancel", path + "/paid-elsewhere"):
        assert world.post(address, till=stranger).status_code == 404
    assert look(world, notice["number"])["state"] == "open"


@pytest.mark.rule("pay", "pay-design §8")
@pytest.mark.parametrize("language", ["es", "en"])
def test_a_slip_is_read_back_by_another_decoder(world: World, language: str) -> None:
    notice = issue(world, language=language)
    pdf = world.get(f"/v1/notices/{notice['number']}/slip.pdf")
    assert pdf.content_type == "application/pdf"
    text = pypdf.PdfReader(io.BytesIO(pdf.data)).pages[0].extract_text()
    grouped = " ".join(notice["number"][start : start + 4] for start in range(0, 18, 4))
    for said in (grouped, "$14.500", "12.345.678-5", "José Ñancupil Huenchumán", DEBT["description"], "PATENTE-2026-77"):
        assert said in text
    assert ("Pague hasta el" if language == "es" else "Pay by") in text
    codes = {code.format: code.text for code in zxingcpp.read_barcodes(picture(world, notice["number"]))}
    assert read_qr_text(codes[zxingcpp.BarcodeFormat.QRCode]) == (notice["number"], 14500)
    assert read_code_128_text(codes[zxingcpp.BarcodeFormat.Code128]) == (notice["number"], 14500)


def picture(world: World, number: str) -> Image.Image:
    """The slip as a scanner sees it, at 150 dots to the inch."""
    slip = get_slip(world.pay, read_number(number))
    return Image.open(io.BytesIO(slip_file(world.pay, slip, "png"))).convert("L")


@pytest.mark.rule("pay", "pay-design §6")
def test_a_batch_is_issued_whole_and_printed_in_one_file(world: World) -> None:
    debts = [DEBT | {"reference": f"R-{n}", "language": "en" if n % 2 else "es"} for n in range(3)]
    made = world.post("/v1/notices/batches", {"debts": debts}, Idempotency_Key="batch-1").get_json()
    assert [notice["reference"] for notice in made["notices"]] == sorted(notice["reference"] for notice in made["notices"])
    again = world.post("/v1/notices/batches", {"debts": debts}, Idempotency_Key="batch-1").get_json()
    assert again == made
    pdf = world.get(f"/v1/notices/batches/{made['batch_id']}/slips.pdf")
    assert len(pypdf.PdfReader(io.BytesIO(pdf.data)).pages) == 3
    assert world.get(f"/v1/notices/batches/{made['batch_id']}/slips.pdf", till=world.add_account()).status_code == 404
    bad = world.post("/v1/notices/batches", {"debts": [DEBT, DEBT | {"amount": 0}]})
    assert bad.status_code == 422
    wrong: list[dict[str, Any]] = [{}, {"debts": []}, {"debts": [1]}, {"debts": [DEBT] * 501}]
    for body in wrong:
        assert world.post("/v1/notices/batches", body).status_code in {400, 422}


@pytest.mark.rule("pay", "CH-2", "I2")
def test_a_notice_is_paid_online_and_says_so(world: World) -> None:
    notice = issue(world)
    payer = go_and_pay(world, notice["number"])
    payer.enter()
    payer.press("confirm")
    world.run_jobs()
    seen = look(world, notice["number"])
    assert (seen["state"], seen["payment_state"]["status"], seen["payment_id"]) == ("paid", "success", notice["payment_id"])
    page = world.client().get(f"/notice/{notice['number']}?lang=en").get_data(as_text=True)
    assert "This notice is paid" in page
    assert "pay-now" not in page
    with world.pay.reading() as tx:
        assert prove(tx.connection).faults == ()


@pytest.mark.rule("pay", "pay-design §6")
def test_a_declined_card_ends_the_payment_and_not_the_debt(world: World) -> None:
    notice = issue(world)
    go_and_pay(world, notice["number"]).enter(DECLINED_CARD)
    world.run_jobs()
    renewed = look(world, notice["number"])
    assert renewed["state"] == "open"
    assert renewed["payment_id"] != notice["payment_id"]
    assert world.status(notice["payment_id"]) == "P0010"
    payer = go_and_pay(world, notice["number"])
    payer.press("cancel")
    world.run_jobs()
    payer = go_and_pay(world, notice["number"])
    payer.enter()
    payer.press("confirm")
    world.run_jobs()
    assert look(world, notice["number"])["state"] == "paid"


@pytest.mark.rule("pay", "pay-design §8")
def test_a_notice_expires_with_its_payment(world: World) -> None:
    notice = issue(world, payable_until="2026-07-05")
    world.pay.clock.advance(seconds=27 * DAY)  # type: ignore[attr-defined]  # the tests' clock
    world.sweep()
    assert look(world, notice["number"])["state"] == "open"
    world.pay.clock.advance(seconds=2 * DAY)  # type: ignore[attr-defined]  # the tests' clock
    world.sweep()
    seen = look(world, notice["number"])
    assert (seen["state"], seen["payment_state"]["code"]) == ("expired", "P0020")
    assert "pay-now" not in world.client().get(f"/notice/{notice['number']}").get_data(as_text=True)


@pytest.mark.rule("pay", "pay-design §6")
@pytest.mark.parametrize(("way", "state"), [("cancel", "cancelled"), ("paid-elsewhere", "paid-elsewhere")])
def test_a_service_withdraws_a_notice_and_a_repeat_changes_nothing(world: World, way: str, state: str) -> None:
    notice = issue(world)
    for _ in range(2):
        answer = world.post(f"/v1/notices/{notice['number']}/{way}")
        assert (answer.status_code, answer.get_json()["state"]) == (200, state)
    assert world.status(notice["payment_id"]) == "P0040"
    other = "paid-elsewhere" if way == "cancel" else "cancel"
    assert world.post(f"/v1/notices/{notice['number']}/{other}").status_code == 409


@pytest.mark.rule("pay", "pay-design §8")
def test_a_paid_notice_cannot_be_withdrawn(world: World) -> None:
    notice = issue(world)
    payer = go_and_pay(world, notice["number"])
    payer.enter()
    assert world.post(f"/v1/notices/{notice['number']}/cancel").status_code == 409  # the bank holds the amount
    payer.press("confirm")
    world.run_jobs()
    assert world.post(f"/v1/notices/{notice['number']}/cancel").status_code == 409
    assert look(world, notice["number"])["state"] == "paid"


@pytest.mark.rule("pay", "pay-design §6")
def test_the_service_says_what_is_owed_at_the_moment_of_payment(world: World, hook: Hook) -> None:
    notice = issue(world)
    assert "$15.000" in world.client().get(f"/notice/{notice['number']}").get_data(as_text=True)
    url, body, headers = hook.asked[-1]
    assert url == "https://service.example/owed"
    assert headers[HEADER] == sign(body, "hook key")
    assert json.loads(body)["notice_number"] == notice["number"]
    payer = go_and_pay(world, notice["number"])
    payer.enter()
    payer.press("confirm")
    world.run_jobs()
    assert world.read(notice["payment_id"])["amount"] == 15000
    with world.pay.reading() as tx:
        assert prove(tx.connection).faults == ()


@pytest.mark.rule("pay", "pay-design §6")
@pytest.mark.parametrize("answer", [None, "15000", 0, -1, True, 10_000_001, {"amount": 1}])
def test_a_hook_that_says_nothing_right_leaves_the_printed_amount_until_the_due_date(world: World, hook: Hook, answer: object) -> None:
    notice = issue(world, due_date="2026-06-08")
    hook.answer = answer
    assert "$14.500" in world.client().get(f"/notice/{notice['number']}").get_data(as_text=True)
    world.pay.clock.advance(seconds=DAY)  # type: ignore[attr-defined]  # the tests' clock
    assert world.client().get(f"/notice/{notice['number']}").status_code == 503


@pytest.mark.rule("pay", "pay-design §5")
def test_who_owes_stands_in_no_table_in_clear_and_on_no_public_page(world: World) -> None:
    notice = issue(world)
    page = world.client().get(f"/notice/{notice['number']}").get_data(as_text=True)
    assert "Ñancupil" not in page
    assert "12.345.678" not in page
    with world.pay.db.engine.connect() as connection:
        rows = str(
            connection.exec_driver_sql("select row_to_json(n)::text, row_to_json(p)::text from notices n join payments p on true").all()
        )
    assert "ancupil" not in rows
    assert "12345678-5" not in rows


@pytest.mark.rule("pay", "pay-design §8")
@pytest.mark.parametrize(("typed", "status"), [("", 422), ("123", 422), ("<script>", 422), ("100100000000000007", 404)])
def test_a_mistyped_number_is_explained(world: World, typed: str, status: int) -> None:
    client = world.client()
    page = client.get("/notice?lang=en").get_data(as_text=True)
    mark = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert mark
    answer = client.post("/notice?lang=en", data={"csrf_token": mark.group(1), "number": typed})
    assert answer.status_code == status
    assert "There is something to put right" in answer.get_data(as_text=True)
    assert "<script>" not in answer.get_data(as_text=True)
