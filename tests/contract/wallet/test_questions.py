"""A question that is answered yes or no: no value leaves, and a permission for it gives nothing else.  Spec: wallet contract §3, §8.2."""

import json
from typing import Any

import pytest
from flask import Flask, jsonify
from joserfc.jws import extract_compact

from tests.contract.wallet.test_token_way import Wire, ask, call, consent_detail, proof, provider, refused, wire
from tests.factories.wallet import ENDPOINT, FIELDS, LAW_AGREEMENT, MARKER, OTHER_RUN, RUN, World
from tests.unit.wallet.routes.test_exchange import code
from wallet.operations.keys import published_keys
from wallet.provider.flask_guard import Guard
from wallet.provider.library import Dataset as Declared
from wallet.standards.evidence import verify_evidence
from wallet.standards.questions import NoSuchQuestion, Operator, Question, answer, check
from wallet.standards.signing import BadSignature

__all__ = ["wire"]
BY_LAW = {"kind": "law", "agreement_id": LAW_AGREEMENT}
PLAIN = Declared(dataset_id="police-record", endpoint=ENDPOINT, sensitive=False)


def question(world: World, field: str, value: object, operator: str | None = None, **changes: object) -> dict[str, Any]:
    query = {"field": field, "value": value, **({"operator": operator} if operator else {})}
    return world.exchange_body(**{"basis": BY_LAW, "fields": [field], "query": query, **changes})


@pytest.mark.rule("wallet", "§8.2")
@pytest.mark.parametrize(
    ("field", "operator", "value", "result"),
    [
        ("has_record", None, False, True),
        ("has_record", "equals", True, False),
        ("full_name", "equals", f"Camila Soto {MARKER}", True),
        ("full_name", "equals", "Camila", False),
        ("issued_on", "equals", "2026-06-08", True),
        ("issued_on", "at_least", "2026-06-08", True),
        ("issued_on", "at_least", "2026-06-09", False),
        ("issued_on", "at_most", "2026-06-08", True),
        ("issued_on", "at_most", "2025-12-31", False),
    ],
)
def test_a_question_is_answered_and_the_value_stays(world: World, field: str, operator: str | None, value: object, result: bool) -> None:
    body = question(world, field, value, operator)
    told = world.fetch(body)
    assert (told.status_code, told.json["result"]) == (200, result), told.json
    assert "data" not in told.json
    assert MARKER not in told.text
    keys = published_keys(world.wallet, "evidence")
    assert verify_evidence(told.json["evidence"], keys=keys, request=body, response=result)["txn"] == told.json["txn"]
    with pytest.raises(BadSignature):
        verify_evidence(told.json["evidence"], keys=keys, request=body, response=not result)
    assert [core["outcome"] for core in world.log()] == ["attempt", "released"]
    assert world.log()[-1]["fields"] == [field]


@pytest.mark.rule("wallet", "§8.2")
def test_a_missing_value_and_a_missing_person_look_the_same(world: World) -> None:
    world.register.people[OTHER_RUN] = {**world.register.people[RUN], "issued_on": None}
    del world.register.people[RUN]
    answers = []
    for run in (RUN, OTHER_RUN):
        told = world.fetch(question(world, "issued_on", "2026-01-01", "at_least", subject={"scheme": "cl-run", "value": run}))
        assert (told.status_code, told.json["result"]) == (200, "unknown")
        payload = json.loads(extract_compact(told.json["evidence"].encode()).payload)
        answers.append((set(told.json), set(payload), payload["as_of"]))
    assert answers[0] == answers[1]
    assert "as_of" not in answers[0][0]
    assert [core["outcome"] for core in world.log() if core["outcome"] != "attempt"] == ["no_record", "released"]


@pytest.mark.rule("wallet", "§8.2")
@pytest.mark.parametrize(
    "changes",
    [
        {"query": {"field": "has_record", "value": True, "operator": "at_least"}},
        {"query": {"field": "has_record", "value": "true"}},
        {"query": {"field": "has_record", "value": 1}},
        {"query": {"field": "has_record", "value": None}},
        {"query": {"field": "has_record", "value": [True]}},
        {"query": {"field": "has_record", "value": {"is": True}}},
        {"query": {"field": "has_record"}},
        {"query": {"value": True}},
        {"query": {"field": "has_record", "value": True, "operator": "like"}},
        {"query": {"field": "has_record", "value": True, "and": {}}},
        {"query": "has_record"},
        {"query": {"field": "issued_on", "value": "2026-06-08"}},
        {"query": {"field": "issued_on", "value": "8 de junio"}, "fields": ["issued_on"]},
        {"query": {"field": "issued_on", "value": "20260608"}, "fields": ["issued_on"]},
        {"query": {"field": "full_name", "value": "A", "operator": "at_most"}, "fields": ["full_name"]},
        {"query": {"field": "full_name", "value": "ñ" * 301}, "fields": ["full_name"]},
        {"query": {"field": "has_record", "value": True}, "fields": FIELDS},
        {"query": {"field": "has_record", "value": True}, "preview": True},
    ],
)
def test_what_is_no_question_about_its_field_is_refused_before_anybody_is_asked(world: World, changes: dict[str, Any]) -> None:
    told = world.fetch(world.exchange_body(**{"basis": BY_LAW, "fields": ["has_record"], **changes}))
    assert (told.status_code, code(told)) == (400, "invalid_request"), told.json
    assert world.register.orders == []


@pytest.mark.rule("wallet", "§3")
@pytest.mark.rule("wallet", "L11")
def test_a_permission_for_yes_or_no_gives_no_value(world: World) -> None:
    consent_id = world.granted(mode="query", fields=["has_record"])
    refused_read = world.fetch(world.exchange_body(consent_id, fields=["has_record"]))
    assert (refused_read.status_code, code(refused_read)) == (403, "scope_exceeded")
    person = {"subject": {"scheme": "cl-run", "value": RUN}, "consent_id": consent_id}
    batch = world.exchange_body(persons=[person], fields=["has_record"], basis={"kind": "consent"})
    del batch["subject"]
    many = world.app.test_client().post("/exchange/v1/batches", json=batch, headers=world.bearer())
    assert (many.status_code, many.json["results"][0]["status"]) == (207, 403)
    assert world.register.orders == []
    basis = {"kind": "consent", "consent_id": consent_id}
    told = world.fetch(question(world, "has_record", False, basis=basis))
    assert (told.status_code, told.json["result"]) == (200, True)
    other = world.fetch(question(world, "full_name", "Camila", basis=basis))
    assert code(other) == "scope_exceeded"


@pytest.mark.rule("wallet", "§9")
def test_an_agreement_for_yes_or_no_gives_no_value_and_one_for_looking_gives_both(world: World) -> None:
    assert world.fetch(question(world, "has_record", True)).status_code == 200  # the agreement says view
    world.run_sql("alter table agreements disable trigger user")
    world.run_sql("""update agreements set limits = limits || '{"modes": ["query"]}'""")
    assert world.fetch(question(world, "has_record", True)).status_code == 200
    told = world.fetch(world.exchange_body(basis=BY_LAW))
    assert (code(told), told.json["limit"]) == ("template_limit_exceeded", "modes")


@pytest.mark.rule("wallet", "§5.1")
@pytest.mark.rule("wallet", "§5.2", "§8.1")
def test_a_token_for_yes_or_no_opens_the_providers_view_for_it_and_no_other(world: World, wire: Wire) -> None:
    granted = ask(world, consent_detail(world.granted(mode="query", fields=["has_record"]))).json
    assert granted["authorization_details"][0]["actions"] == ["query"]
    token, made = granted["access_token"], provider(wire)
    assert refused(made, call(world, token, fields=frozenset({"has_record"})), PLAIN) == (9, "scope_exceeded")
    fresh = ask(world, consent_detail(world.granted(mode="query", fields=["has_record"]))).json["access_token"]
    app = Flask("provider")
    guard = Guard(app, provider(wire))

    @app.post("/v1/has-record")
    @guard.protects(PLAIN, read=lambda: ({"scheme": "cl-run", "value": RUN}, frozenset({"has_record"})), action="query")
    def has_record(allowed: object) -> Any:
        return jsonify(result=False)

    headers = {"Authorization": f"DPoP {fresh}", "DPoP": proof(world, url=ENDPOINT, token=fresh)}
    assert app.test_client().post("/v1/has-record", headers=headers).json == {"result": False}


@pytest.mark.rule("wallet", "§8.2")
@pytest.mark.parametrize(
    ("said", "operator", "value", "result"),
    [
        (3, Operator.EQUALS, 3.0, True),
        (3, Operator.AT_LEAST, 2.5, True),
        (3, Operator.AT_MOST, 2.5, False),
        (10**400, Operator.AT_LEAST, 1e300, True),
        (-1, Operator.AT_MOST, -1, True),
        (None, Operator.EQUALS, 3, "unknown"),
    ],
)
def test_numbers_are_compared_whatever_their_size(said: float | None, operator: Operator, value: float, result: bool | str) -> None:
    asked = Question("tramo", operator, value)
    check(asked, "number")
    assert answer(asked, {"tramo": said}) == result
    with pytest.raises(NoSuchQuestion):
        check(Question("tramo", operator, True), "number")
