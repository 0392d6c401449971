"""What a limit of an agreement does: it refuses, or is only reported and marks the agreement for review.  Spec: wallet contract §9."""

import json

import pytest
from werkzeug.test import TestResponse

from tests.contract.wallet.test_agreement_requests import draft
from tests.factories.wallet import AGREEMENT, DATASET, REGISTRY, SCHOOL, World, law_agreement
from tests.unit.wallet.routes.test_console import post, staff, terms, words
from wallet.models.agreement_template import AgreementTemplate
from wallet.operations.agreement_requests import publish_template
from wallet.standards.limits import Asked, Limits, Verdict, run_rules

HOURS = "agr-hours"
AT = f"/console/agreements/{HOURS}/1"
NIGHT: dict[str, object] = {"sensitive_allowed": True, "modes": ["view"], "hours": [0, 6]}


def fetch(world: World) -> TestResponse:
    """Ask by law, at noon in Santiago."""
    return world.fetch(world.exchange_body(basis={"kind": "law", "agreement_id": HOURS}))


def runs(world: World) -> list[tuple[object, ...]]:
    found = world.run_sql("select stage, rule_id, accept, report, error_code, count from rule_runs order by stage, accept")
    return [tuple(row) for row in found]


@pytest.mark.rule("wallet", "§9")
def test_a_limit_that_is_only_reported_lets_through_and_marks_the_agreement(world: World) -> None:
    world.add(law_agreement(world.clock.now(), agreement_id=HOURS, limits={**NIGHT, "report": ["hours"]}))
    assert [fetch(world).status_code for _ in range(2)] == [200, 200]
    assert runs(world) == [("fetch", "hours", True, True, None, 2)]
    provider, consumer = staff(world, f"{REGISTRY}:owner"), staff(world, f"{SCHOOL}:owner")
    for browser in (provider, consumer):
        assert "Acuerdos por revisar" in words(browser.get("/console/"))
        assert "2 veces" in words(browser.get(AT))
    assert post(consumer, AT + "/reports", on=AT).status_code == 400  # the provider looks
    assert post(staff(world, f"{REGISTRY}:developer"), AT + "/reports", on=AT).status_code == 403
    assert post(staff(world, "org-other:owner"), AT + "/reports", on="/console/").status_code == 404
    assert post(provider, AT + "/reports", on=AT).status_code == 303
    assert "Acuerdos por revisar" not in words(provider.get("/console/"))
    assert world.run_sql("select count(*) from audit_entries where core like '%agreement:looked_through%'")[0][0] == 1
    assert fetch(world).status_code == 200
    assert "Acuerdos por revisar" in words(provider.get("/console/"))  # it happened again


@pytest.mark.rule("wallet", "§9")
def test_an_auditor_sees_what_nobody_looked_through(world: World) -> None:
    world.add(law_agreement(world.clock.now(), agreement_id=HOURS, limits={**NIGHT, "report": ["hours"]}))
    fetch(world)
    assert f"{HOURS} (1) hours 1" in words(staff(world, f"{REGISTRY}:auditor").get("/auditor/"))
    assert HOURS not in words(staff(world, "org-other:auditor").get("/auditor/"))


@pytest.mark.rule("wallet", "§9")
def test_a_refusal_is_kept_with_its_rule_at_the_request_and_at_the_fetch(world: World) -> None:
    world.add(law_agreement(world.clock.now(), agreement_id=HOURS, limits=NIGHT))
    assert fetch(world).status_code == 403
    world.run_sql("alter table agreements disable trigger user")
    world.run_sql("""update agreements set limits = limits || '{"max_duration": 86400}' where agreement_id = :id""", id=AGREEMENT)
    assert world.ask().status_code == 403
    assert runs(world) == [
        ("fetch", "hours", False, False, "template_limit_exceeded", 1),
        ("request", "max_duration", False, False, "template_limit_exceeded", 1),
    ]
    assert "Acuerdos por revisar" not in words(staff(world, f"{REGISTRY}:owner").get("/console/"))


@pytest.mark.rule("wallet", "§9")
@pytest.mark.parametrize(
    ("limit", "item"),
    [
        ({"max_duration": 86_400}, {}),
        ({"max_uses": 1}, {}),
        ({"max_frequency": 1}, {"fetch": "periodic", "frequency": {"count": 2, "unit": "day"}}),
        ({"max_data_period": 30}, {"data_period": {"from": "2026-01-01", "to": "2026-01-31"}}),
        ({"modes": ["store"]}, {}),
        ({"sensitive_allowed": False}, {}),
    ],
)
def test_terms_that_became_narrower_are_held_at_each_fetch(world: World, limit: dict[str, object], item: dict[str, object]) -> None:
    consent_id = world.granted(**item)
    assert world.fetch(world.exchange_body(consent_id)).status_code == 200
    world.run_sql("alter table agreements disable trigger user")
    world.run_sql("update agreements set limits = limits || cast(:limit as jsonb)", limit=json.dumps(limit))
    before = len(world.register.orders)
    answer = world.fetch(world.exchange_body(consent_id))
    assert (answer.status_code, answer.json["limit"]) == (403, next(iter(limit)))
    assert len(world.register.orders) == before
    assert ("fetch", next(iter(limit)), False, False, "template_limit_exceeded", 1) in runs(world)


@pytest.mark.rule("wallet", "§9", "X5")
def test_a_draft_that_does_not_ask_for_bulk_or_reports_has_neither(world: World) -> None:
    row = AgreementTemplate(template_id="tpl", title={"es": "T"}, text={"es": "T"}, legal_basis=["legal_obligation"])
    row.limits, row.retention = {**NIGHT, "bulk": True, "report": ["hours"]}, {"duration": "P0D"}
    publish_template(world.wallet, row, actor="test")
    assert draft(world).status_code == 201
    owner = staff(world, f"{SCHOOL}:owner")
    new = f"/console/agreements/new?template=tpl&dataset={DATASET}&body={SCHOOL}"
    asked = post(owner, "/console/agreements/new", on=new, **terms(world, step="check", to="extent"))
    assert 'id="bulk"' in asked.text
    assert post(owner, "/console/agreements/new", on=new, **terms(world, agreement_id="agr-many", bulk="1")).status_code == 303
    assert draft(world, agreement_id="agr-reports", limits={**NIGHT, "bulk": True, "report": ["hours"]}).status_code == 201
    made = {row.agreement_id: row.limits for row in world.run_sql("select agreement_id, limits from agreements")}
    assert made["agr-new"] == NIGHT
    assert made["agr-many"] == {**NIGHT, "bulk": True}
    assert made["agr-reports"] == {**NIGHT, "bulk": True, "report": ["hours"]}


@pytest.mark.rule("wallet", "§9")
def test_at_the_request_too_a_limit_may_only_be_reported(world: World) -> None:
    world.run_sql("alter table agreements disable trigger user")
    more = """update agreements set limits = limits || '{"max_duration": 86400, "report": ["max_duration"]}' where agreement_id = :id"""
    world.run_sql(more, id=AGREEMENT)
    assert world.ask().status_code == 201
    assert runs(world) == [("request", "max_duration", True, True, None, 1)]


@pytest.mark.rule("wallet", "§9")
@pytest.mark.parametrize(
    ("limits", "asked", "verdict"),
    [
        ({}, {}, Verdict()),
        ({"hours": [0, 6]}, {"hour": 12}, Verdict(accept=False, rule_id="hours")),
        ({"hours": [0, 6], "report": ["hours"]}, {"hour": 12}, Verdict(accept=True, rule_id="hours")),
        ({"hours": [0, 6], "max_uses": 1, "report": ["hours"]}, {"hour": 12, "uses": 2}, Verdict(accept=False, rule_id="max_uses")),
        ({"report": ["bulk"]}, {"is_bulk": True}, Verdict(accept=False, rule_id="bulk")),
        ({"report": ["fields_max"]}, {"fields": frozenset({"b"})}, Verdict(accept=False, rule_id="fields_max")),
        ({"report": ["sensitive_allowed"]}, {"any_sensitive": True}, Verdict(accept=False, rule_id="sensitive_allowed")),
        ({"report": ["modes"]}, {"mode": "store"}, Verdict(accept=False, rule_id="modes")),
        ({"report": "hours", "hours": [0, 6]}, {"hour": 12}, Verdict(accept=False, rule_id="hours")),
        ({"report": [1, None], "hours": [0, 6]}, {"hour": 12}, Verdict(accept=False, rule_id="hours")),
        ({"bulk": True}, {"is_bulk": True}, Verdict()),
        ({"bulk": "yes"}, {"is_bulk": True}, Verdict(accept=False, rule_id="bulk")),
        ({"bulk": 1}, {"is_bulk": True}, Verdict(accept=False, rule_id="bulk")),
    ],
)
def test_what_a_run_of_the_rules_comes_to(limits: dict[str, object], asked: dict[str, object], verdict: Verdict) -> None:
    wish = {"fields": frozenset({"a"}), "any_sensitive": False, "mode": "view", **asked}
    found = run_rules(Limits.read(limits, frozenset({"a"})), Asked(**wish))  # type: ignore[arg-type]  # each row has its own types
    assert found == verdict
    assert found.report is (verdict.accept and verdict.rule_id is not None)
