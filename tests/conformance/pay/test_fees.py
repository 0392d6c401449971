"""Fee rules, exemptions with their reasons, and payments of nothing.  Spec: PA-10, PA-11."""

import io
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pypdf
import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from pay.models.fee import exemption_requests
from pay.models.payment import payments
from pay.operations.proofs import prove
from pay.schemas.published import FEE_RULE, PAYMENT
from shared.audit.tables import audit_entries
from tests.conformance.pay.test_console import Desk
from tests.factories.pay import BODY, World

LOW = {"code": "low-income", "text": "People of low income", "amount": 0, "needs_decision": False}
AGED = {"code": "aged", "text": "People over 80", "amount": 1000, "needs_decision": True}
RULE: dict[str, Any] = {"product": "residence", "name": "Certificate of residence", "amounts": {"web": 5000}, "exemptions": [LOW, AGED]}
RIGHT = {"product": "residence", "name": "Certificado", "web": "7.000"}
pytestmark = pytest.mark.rule("pay", "PA-10")


@pytest.fixture
def office(world: World) -> World:
    assert add(world).status_code == 201
    return world


def add(world: World, **changes: Any) -> Any:
    return world.post("/v1/fee-rules", RULE | changes)


def ask(world: World, fee: dict[str, Any], **changes: Any) -> Any:
    body = {name: value for name, value in BODY.items() if name != "amount"}
    sent = body | {"fee_rule": {"product": "residence", **fee}} | changes
    return world.post("/v1/payments", {name: value for name, value in sent.items() if value is not None})


def exempt(code: str, reason: str = "household register, 40 %") -> dict[str, Any]:
    return {"exemption": {"code": code, "reason": reason}}


def test_the_rule_of_the_day_says_the_amount_and_a_payment_keeps_its_terms(office: World) -> None:
    made = ask(office, {}).get_json()
    assert list(Draft202012Validator(PAYMENT).iter_errors(made)) == []
    assert (made["amount"], made["fee_rule"]["version"]) == (5000, 1)
    tomorrow = (office.pay.clock.now() + timedelta(days=1)).date().isoformat()
    assert add(office, amounts={"web": 6000}, valid_from=tomorrow).get_json()["version"] == 2
    assert ask(office, {}).get_json()["amount"] == 5000
    office.pay.clock.advance(seconds=86_400)  # type: ignore[attr-defined]  # the tests' clock
    later = ask(office, {}).get_json()
    assert (later["amount"], later["fee_rule"]["version"]) == (6000, 2)
    assert office.read(made["payment_id"])["fee_rule"] == made["fee_rule"]
    assert [rule["version"] for rule in office.get("/v1/fee-rules").get_json()["fee_rules"]] == [2, 1]


def test_a_version_is_never_changed(office: World) -> None:
    with pytest.raises(IntegrityError, match="append-only"), office.pay.db.begin() as connection:
        connection.execute(text("UPDATE fee_rules SET name = 'x'"))


@pytest.mark.parametrize(
    ("fee", "changes", "status", "field"),
    [
        ({"product": "unknown"}, {}, 422, "product"),
        ({"product": None}, {}, 400, "product"),
        ({"channel": "fax"}, {}, 422, "channel"),
        ({}, {"amount": 4999}, 422, "amount"),
        ({}, {"amount": 0}, 422, "amount"),
        ({}, {"amount": "5000"}, 400, "amount"),
        ({}, {"authorisation_mode": "moto_api", "return_url": None}, 422, None),
        ({}, {"allocations": [{"beneficiary": "a", "amount": 5000}], "amount": 5000}, 400, "fee_rule"),
        ({"exemption": {"code": "nobody", "reason": "x"}}, {}, 422, "exemption"),
        ({"exemption": {"code": "low-income"}}, {}, 400, "reason"),
        ({"exemption": {"code": "low-income", "reason": "x" * 501}}, {}, 422, "reason"),
        ({"exemption": "low-income"}, {}, 400, "exemption"),
    ],
)
def test_what_does_not_fit_the_rule_is_refused_by_its_field(
    office: World, fee: dict[str, Any], changes: dict[str, Any], status: int, field: str | None
) -> None:
    answer = ask(office, fee, **changes)
    assert (answer.status_code, answer.get_json().get("field")) == (status, field), answer.get_json()


def test_without_a_fee_rule_an_amount_stays_mandatory(office: World) -> None:
    answer = office.post("/v1/payments", {name: value for name, value in BODY.items() if name != "amount"})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "P0101")


def test_who_is_exempt_pays_nothing_and_has_a_receipt_that_says_why(office: World) -> None:
    made = ask(office, exempt("low-income")).get_json()
    assert (made["amount"], made["state"]["status"]) == (0, "created")
    payer = office.payer(made["payment_id"])
    assert 'id="pay-nothing"' in payer.html
    assert "People of low income" in payer.html
    payer.send(f"/card_details/{made['payment_id']}/nothing", {})
    assert payer.page.headers["Location"] == BODY["return_url"]
    payer.send(f"/card_details/{made['payment_id']}/nothing", {})
    body = office.read(made["payment_id"])
    assert (body["state"]["status"], body["payment_provider"]) == ("success", "none")
    assert "captured_date" in body["settlement_summary"]
    assert office.gateway.calls == []
    receipt = office.get(f"/v1/payments/{made['payment_id']}/receipt").get_json()
    assert receipt["fee_rule"]["exemption"]["text"] == "People of low income"
    assert "People of low income" in office.client().get(f"/receipt/{receipt['code']}").get_data(as_text=True)
    pdf = office.get(f"/v1/payments/{made['payment_id']}/receipt.pdf")
    printed = pypdf.PdfReader(io.BytesIO(pdf.data)).pages[0].extract_text()
    assert "People of low income" in printed.replace("\n", " ")
    assert office.post(f"/v1/payments/{made['payment_id']}/refunds", {"amount": 1}).status_code == 400
    with office.pay.reading() as tx:
        assert prove(tx.connection).faults == ()
        stored = tx.connection.execute(select(exemption_requests)).one()
        logged = " ".join(tx.connection.execute(select(audit_entries.c.core)).scalars())
    assert stored.state == "granted"
    assert b"household" not in stored.reason_sealed
    assert office.pay.cipher.decrypt(stored.reason_sealed, scope=f"pay:account:{office.till.account_id}") == "household register, 40 %"
    assert all(f'"{action}"' in logged for action in ("pay:exemption:asked", "pay:exemption:granted"))
    assert "household" not in logged


def test_a_payment_that_asks_for_money_is_not_completed_for_nothing(office: World) -> None:
    payment_id = ask(office, {}).get_json()["payment_id"]
    payer = office.payer(payment_id)
    payer.send(f"/card_details/{payment_id}/nothing", {})
    assert office.status(payment_id) == "started"


def decide(world: World, who: str, decision: str, reason: str = "she is 84") -> Any:
    base = f"/console/accounts/{world.till.account_id}/fees"
    with world.pay.reading() as tx:
        request_id = tx.connection.execute(select(exemption_requests.c.id)).scalar_one()
    return Desk(world, who).send(f"{base}/exemptions/{request_id}", base, decision=decision, reason=reason)


def test_a_person_decides_with_a_reason_and_the_same_payment_costs_less(office: World) -> None:
    payment_id = ask(office, exempt("aged")).get_json()["payment_id"]
    assert office.read(payment_id)["amount"] == 5000
    assert 'id="exemption"' in office.payer(payment_id).html
    base = f"/console/accounts/{office.till.account_id}/fees"
    assert "household register" in Desk(office, "ana").page(base).text
    assert "household register" not in Desk(office, "dora").page(base).text
    assert decide(office, "dora", "grant").status_code == 403
    assert decide(office, "ana", "grant", reason=" ").status_code == 400
    assert decide(office, "ana", "maybe").status_code == 404
    assert decide(office, "ana", "grant").status_code == 303
    assert decide(office, "ana", "refuse").status_code == 409
    body = office.read(payment_id)
    assert (body["amount"], body["fee_rule"]["exemption"]["state"]) == (1000, "granted")
    payer = office.payer(payment_id)
    payer.enter()
    payer.press("confirm")
    office.run_jobs()
    assert office.status(payment_id) == "success"
    with office.pay.reading() as tx:
        assert prove(tx.connection).faults == ()


def test_what_is_refused_costs_the_full_amount_and_says_so(office: World) -> None:
    payment_id = ask(office, exempt("aged")).get_json()["payment_id"]
    assert decide(office, "ana", "refuse", "no proof of age").status_code == 303
    body = office.read(payment_id)
    assert (body["amount"], body["fee_rule"]["exemption"]["state"]) == (5000, "refused")


def test_an_exemption_is_not_granted_while_or_after_somebody_pays(office: World) -> None:
    payment_id = ask(office, exempt("aged")).get_json()["payment_id"]
    office.payer(payment_id).enter()
    assert decide(office, "ana", "grant").status_code == 409
    assert office.read(payment_id)["amount"] == 5000


def test_another_office_decides_nothing(office: World) -> None:
    ask(office, exempt("aged"))
    assert Desk(office, "zoe", "org-otra:owner").get(f"/console/accounts/{office.till.account_id}/fees").status_code == 404
    with office.pay.db.begin() as connection:
        other = office.add_account().account_id
        connection.execute(update(payments).values(description="x"))
    base = f"/console/accounts/{other}/fees"
    with office.pay.reading() as tx:
        request_id = tx.connection.execute(select(exemption_requests.c.id)).scalar_one()
    assert Desk(office, "ana").send(f"{base}/exemptions/{request_id}", base, decision="grant", reason="x").status_code == 404


@pytest.mark.rule("pay", "PA-11")
def test_operators_are_warned_when_a_channel_costs_more(office: World) -> None:
    made = add(office, amounts={"web": 5000, "phone": 6000, "counter": 5000}).get_json()
    assert list(Draft202012Validator(FEE_RULE).iter_errors(made)) == []
    assert made["warnings"] == ["phone costs more than another channel"]
    assert ask(office, {"channel": "phone"}).get_json()["amount"] == 6000
    page = Desk(office, "eva").page(f"/console/accounts/{office.till.account_id}/fees").text
    assert page.count("Warning") + page.count("Atención") == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"product": "No Spaces"}, "product"),
        ({"name": ""}, "name"),
        ({"amounts": {}}, "amounts"),
        ({"amounts": {"web": -1}}, "amounts"),
        ({"amounts": {"web": "5"}}, "amounts"),
        ({"exemptions": [LOW, LOW]}, "exemptions"),
        ({"exemptions": [{"code": "x"}]}, "text"),
        ({"exemptions": [LOW | {"needs_decision": "no"}]}, "needs_decision"),
        ({"valid_from": "soon"}, "valid_from"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_field(world: World, changes: dict[str, Any], field: str) -> None:
    answer = add(world, **changes)
    assert answer.status_code in {400, 422}
    assert answer.get_json()["field"] == field
    assert world.get("/v1/fee-rules").get_json() == {"fee_rules": []}


def test_an_owner_sets_a_fee_in_steps_and_checks_it(office: World) -> None:
    base, ana = f"/console/accounts/{office.till.account_id}/fees", Desk(office, "ana")
    typed = iter(
        [
            {"product": "residence", "name": "Certificado"},
            {},
            {"web": "7.000", "counter": "8.000"},
            {"text1": "Mayores de 80", "code1": "aged", "decide1": "yes"},
            {},
        ]
    )
    page, asked = ana.page(base + "/new"), []
    while page.select_one("#continue"):
        form = page.select_one("form[action$=new]")
        assert form is not None
        asked.append(sorted(str(field["name"]) for field in form.select("input:not([type=hidden])")))
        answers = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[type=hidden]")} | next(typed)
        page = ana.page(f"{base}/new?{urlencode(answers)}")
    assert asked == [
        ["name", "product"],
        ["valid_from"],
        ["counter", "phone", "web"],
        ["code1", "decide1", "reduced1", "text1"],
        ["code2", "decide2", "reduced2", "text2"],
    ]
    assert "$8.000" in page.get_text()
    assert "Mayores de 80 (aged): $0" in page.get_text()
    changed = [str(link["href"]) for link in page.select(".govuk-summary-list__actions a")]
    assert [ana.page(link).select_one("#continue") is not None for link in changed] == [True] * 4
    values = {str(field["name"]): str(field["value"]) for field in page.select("form[action$=fees] input") if field["name"] != "csrf_token"}
    assert ana.send(base, f"{base}/new?{urlencode(answers)}", **values).status_code == 303
    newest = office.get("/v1/fee-rules").get_json()["fee_rules"][0]
    assert (newest["version"], newest["amounts"]) == (2, {"web": 7000, "phone": 7000, "counter": 8000})
    assert newest["exemptions"] == [{"code": "aged", "text": "Mayores de 80", "amount": 0, "needs_decision": True}]


@pytest.mark.parametrize(
    ("wrong", "page"),
    [
        ({"product": "X"}, "product"),
        ({"name": ""}, "name"),
        ({"name": "x" * 500}, "name"),
        ({"valid_from": "x"}, "valid_from"),
        ({"web": "x"}, "web"),
        ({"web": ""}, "web"),
        ({"phone": "-1"}, "phone"),
        ({"reduced1": "x"}, "reduced1"),
        ({"text1": ""}, "text1"),
        ({"text2": "Otros", "code2": "aged"}, "code2"),
    ],
)
def test_a_wrong_answer_leads_back_to_its_question(office: World, wrong: dict[str, str], page: str) -> None:
    base, ana = f"/console/accounts/{office.till.account_id}/fees", Desk(office, "ana")
    form = {"product": "residence", "name": "Certificado", "web": "7.000", "text1": "Mayores de 80", "code1": "aged"} | wrong
    for answer in (
        ana.get(f"{base}/new?{urlencode(form)}&step=check"),
        ana.send(base, base + "/new?step=check&" + urlencode(RIGHT), **form),
    ):
        assert answer.status_code == 422
        assert f'href="#{page}"' in answer.get_data(as_text=True)
    assert len(office.get("/v1/fee-rules").get_json()["fee_rules"]) == 1


def test_fees_are_set_by_owners_and_hostile_answers_do_no_harm(office: World) -> None:
    base, ana = f"/console/accounts/{office.till.account_id}/fees", Desk(office, "ana")
    for who, status in (("eva", 403), ("dora", 403)):
        assert Desk(office, who).get(base + "/new").status_code == status
        assert Desk(office, who).send(base, "/receipt", **RIGHT).status_code == status
    hostile = {
        "name": '"><script>alert(1)</script>\0',
        "step": "../../x",
        "product": "ñ" * 300,
        "text1": "\ud83d".encode("utf-16", "replace"),
    }
    answer = ana.get(f"{base}/new?{urlencode(hostile)}")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.get_data(as_text=True)
