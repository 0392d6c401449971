"""A person asks about an access; the body answers; time passes.  Spec: wallet contract §10.3, §8.3 X4."""

import uuid
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from tests.factories.wallet import LAW, LAW_AGREEMENT, OTHER_RUN, REGISTRY, SCHOOL, World
from wallet.errors import EnquiryNotFound, IllegalTransition, InvalidExchange, NotOverdue
from wallet.models.enquiry import AnswerKind, EnquiryKind, EnquiryState
from wallet.operations.enquiries import answer_enquiry, list_asked, open_enquiry, overdue_counts, settle_enquiry

BY_LAW = {"kind": "law", "law_reference": LAW, "agreement_id": LAW_AGREEMENT}


def access(world: World) -> str:
    return str(world.fetch(world.exchange_body(basis=BY_LAW)).json["txn"])


def press(browser: FlaskClient, path: str, **values: str) -> Any:
    form = BeautifulSoup(browser.get(path).text, "html.parser").select_one("main form")
    assert form is not None
    token = str(form.select_one("input[name=csrf_token]")["value"])  # type: ignore[index]  # every form has one
    return browser.post(str(form["action"]), data={"csrf_token": token, **values})


def staff(world: World, role: str, level: int = 2) -> FlaskClient:
    browser = world.browser("22222222-2")
    with browser.session_transaction() as session:
        session["person"] = {**session["person"], "roles": [role], "acr": f"urn:andamio:acr:{level}"}
    return browser


@pytest.mark.rule("wallet", "§10.3")
def test_from_the_question_to_the_answer_and_its_acceptance(world: World) -> None:
    txn, browser = access(world), world.browser()
    assert f'href="/access-log/{txn}/ask"' in browser.get("/access-log").text
    made = press(browser, f"/access-log/{txn}/ask", kind="why", question="<b>¿Por qué?</b>")
    assert made.status_code == 303
    page = browser.get(made.location)
    assert "&lt;b&gt;" in page.text
    assert "Deben responder hasta" in page.text
    assert "level=2" in staff(world, f"{SCHOOL}:data_officer", level=1).get("/console/").location
    desk = staff(world, f"{SCHOOL}:data_officer")
    assert "¿Por qué vieron mis datos?" in desk.get("/console/").text
    answered = press(desk, "/console/", kind="lawful", law="Ley 20.594", text="Para contratar.")
    assert answered.status_code == 303
    page = browser.get(made.location)
    assert "La ley lo permite." in page.text
    assert "Ley 20.594" in page.text
    assert press(browser, made.location, decision="accept").status_code == 303
    assert press(browser, made.location, decision="close").status_code == 303
    assert "Cerrado." in browser.get(made.location).text
    assert "Colegio Las Araucarias" in browser.get("/enquiries").text


@pytest.mark.rule("wallet", "X4")
def test_a_correction_goes_to_the_source(world: World) -> None:
    txn, person = uuid.UUID(access(world)), world.presence()
    made = open_enquiry(world.wallet, person, txn, kind=EnquiryKind.CORRECT, question="Mi nombre está mal.", lang="es")
    assert [one.org_id for one in list_asked(world.wallet, [REGISTRY])] == [REGISTRY]
    assert list_asked(world.wallet, [SCHOOL]) == []
    with pytest.raises(InvalidExchange):
        answer_enquiry(world.wallet, [REGISTRY], made, kind=AnswerKind.LAWFUL, law="Ley 1", text="", actor="staff:1")
    with pytest.raises(EnquiryNotFound):
        answer_enquiry(world.wallet, [SCHOOL], made, kind=AnswerKind.CORRECTED, law=None, text="", actor="staff:1")
    answer_enquiry(world.wallet, [REGISTRY], made, kind=AnswerKind.CORRECTED, law=None, text="Listo.", actor="staff:1")
    with pytest.raises(IllegalTransition):
        answer_enquiry(world.wallet, [REGISTRY], made, kind=AnswerKind.CORRECTED, law=None, text="Listo.", actor="staff:1")


@pytest.mark.rule("wallet", "§10.3")
def test_who_lets_the_time_pass_is_counted_for_everybody(world: World) -> None:
    txn, person = uuid.UUID(access(world)), world.presence()
    made = open_enquiry(world.wallet, person, txn, kind=EnquiryKind.WHY, question="", lang="es")
    with pytest.raises(NotOverdue):
        settle_enquiry(world.wallet, person, made, EnquiryState.ESCALATED)
    assert overdue_counts(world.wallet) == []
    world.clock.advance(seconds=30 * 86_400)
    assert overdue_counts(world.wallet) == [("Colegio Las Araucarias", 1)]
    settle_enquiry(world.wallet, person, made, EnquiryState.ESCALATED)
    assert overdue_counts(world.wallet) == []


@pytest.mark.rule("wallet", "§10.3")
def test_answers_that_rest_on_a_law_name_it(world: World) -> None:
    made = open_enquiry(world.wallet, world.presence(), uuid.UUID(access(world)), kind=EnquiryKind.NOT_RIGHT, question="", lang="es")
    for kind in (AnswerKind.LAWFUL, AnswerKind.CANNOT_TELL):
        with pytest.raises(InvalidExchange):
            answer_enquiry(world.wallet, [SCHOOL], made, kind=kind, law=None, text="", actor="staff:1")


@pytest.mark.rule("wallet", "§10.3")
def test_enquiries_are_for_their_person_and_their_body_alone(world: World) -> None:
    txn = access(world)
    other = world.browser(OTHER_RUN)
    assert other.get(f"/access-log/{txn}/ask").status_code == 404
    made = open_enquiry(world.wallet, world.presence(), uuid.UUID(txn), kind=EnquiryKind.WHY, question="", lang="es")
    assert other.get(f"/enquiries/{made}").status_code == 404
    assert "level=2" in world.browser().get("/console/").location, "a stranger is told nothing, not even that"
    assert staff(world, "operator").get("/console/").status_code == 403
    assert staff(world, f"{SCHOOL}:auditor").get("/console/").status_code == 403
    assert "Nadie le pregunta nada" in staff(world, f"{REGISTRY}:developer").get("/console/").text


def test_a_form_that_is_not_right_says_what_to_do(world: World) -> None:
    txn, browser = access(world), world.browser()
    for values in ({"question": "x"}, {"kind": "why", "question": "x" * 2001}):
        answer = press(browser, f"/access-log/{txn}/ask", **values)
        assert answer.status_code == 400
        assert "govuk-error-summary" in answer.text
        assert values["question"] in answer.text
