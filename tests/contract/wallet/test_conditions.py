"""What both bodies promise besides limits, and how an agreement in force ends.  Spec: wallet contract §9, R2."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from tests.contract.wallet.test_agreement_requests import call, draft, template
from tests.factories.wallet import AGREEMENT, CONSUMER, LAW_AGREEMENT, PROVIDER, REGISTRY, SCHOOL, World
from tests.unit.wallet.routes.test_console import buttons, post, staff, words
from wallet.operations.agreement_requests import run_clock

__all__ = ["template"]
CONDITIONS: dict[str, object] = {
    "sla": {"availability_percent": 99, "latency_ms": 2000},
    "security_measures": ["TLS 1.3", "Cifrado en reposo"],
    "incident_contact": "+56 2 2345 6789",
    "dpo_contacts": ["datos@colegio.example"],
    "audit_rights": "Una vez al año.",
    "dpia_url": "https://colegio.example/eipd",
    "erase_rules": "Al terminar el trámite.",
}


@pytest.mark.rule("wallet", "§9")
def test_what_both_promise_besides_is_signed_and_public(world: World, template: str) -> None:
    plain = draft(world).json["sha256"]
    more = draft(world, conditions=CONDITIONS, onward=["Ministerio de Educación"], storage_locations=["CL", "BR"]).json
    assert more["sha256"] != plain
    call(world, "/agreements/agr-new/2/steps", {"step": "legal_review"})
    call(world, "/agreements/agr-new/2/steps", {"step": "submit"})
    shown = world.app.test_client().get("/agreements/agr-new").json
    assert (shown["conditions"], shown["onward"], shown["storage_locations"]) == (CONDITIONS, ["Ministerio de Educación"], ["CL", "BR"])
    page = staff(world, f"{REGISTRY}:owner").get("/console/agreements/agr-new/2")
    for shown_text in (
        "99 % del tiempo",
        "2.000 milisegundos",
        "Cifrado en reposo",
        "https://colegio.example/eipd",
        "Ministerio de Educación",
    ):
        assert shown_text in page.text, shown_text
    with pytest.raises(DBAPIError, match="frozen"):
        world.run_sql("update agreements set conditions = '{}' where agreement_id = 'agr-new'")


@pytest.mark.rule("wallet", "§9")
@pytest.mark.parametrize(
    "change",
    [
        {"conditions": {"sla": {"availability_percent": 101}}},
        {"conditions": {"sla": {"latency_ms": "fast"}}},
        {"conditions": {"dpia_url": "javascript:alert(1)"}},
        {"conditions": {"dpia_url": "https://a b"}},
        {"conditions": {"incident_contact": "x" * 301}},
        {"conditions": {"security_measures": ["x"] * 21}},
        {"conditions": {"more": "x"}},
        {"conditions": []},
        {"onward": "everybody"},
        {"storage_locations": []},
        {"storage_locations": ["Chile"]},
    ],
)
def test_a_promise_that_cannot_be_read_is_not_drafted(world: World, template: str, change: dict[str, object]) -> None:
    assert draft(world, **change).status_code == 400


# --- how an agreement in force ends ---------------------------------------------------------------------------------------

BY_LAW = {"basis": {"kind": "law", "agreement_id": LAW_AGREEMENT}}
STEPS = f"/agreements/{LAW_AGREEMENT}/1/steps"


@pytest.mark.rule("wallet", "§9")
def test_the_provider_puts_an_agreement_on_hold_and_lets_it_go_on(world: World) -> None:
    assert call(world, STEPS, {"step": "suspend", "reason": "Un incidente."}).status_code == 403  # not who asks
    assert call(world, STEPS, {"step": "suspend"}, PROVIDER).status_code == 400  # without a reason
    assert call(world, STEPS, {"step": "resume"}, PROVIDER).status_code == 409
    assert call(world, STEPS, {"step": "suspend", "reason": "Un incidente."}, PROVIDER).json["state"] == "suspended"
    assert world.fetch(world.exchange_body(**BY_LAW)).status_code == 403
    assert call(world, STEPS, {"step": "resume"}, PROVIDER).json["state"] == "active"
    assert world.fetch(world.exchange_body(**BY_LAW)).status_code == 200
    assert world.run_sql("select count(*) from outbox where job = 'announce_agreement'")[0][0] == 2  # both bodies are told


@pytest.mark.rule("wallet", "§9", "R2")
@pytest.mark.parametrize("client_id", [CONSUMER, PROVIDER])
def test_either_body_ends_an_agreement_and_with_it_the_consents(world: World, client_id: str) -> None:
    world.granted()
    steps = f"/agreements/{AGREEMENT}/1/steps"
    assert call(world, steps, {"step": "terminate"}, client_id).status_code == 400
    assert call(world, steps, {"step": "terminate", "reason": "Ya no hace falta."}, client_id).json["state"] == "terminated"
    assert world.run_sql("select state, state_reason from consents") == [("invalidated", "agreement_ended")]
    assert call(world, steps, {"step": "terminate", "reason": "Otra vez."}, client_id).status_code == 409
    assert world.app.test_client().get(f"/agreements/{AGREEMENT}").json["state"] == "terminated"


@pytest.mark.rule("wallet", "§9")
def test_an_agreement_is_not_ended_before_it_is_in_force(world: World, template: str) -> None:
    draft(world)
    answer = call(world, "/agreements/agr-new/1/steps", {"step": "terminate", "reason": "x"})
    assert answer.status_code == 409


@pytest.mark.rule("wallet", "§9", "R2")
def test_the_clock_writes_what_is_over_and_ends_what_rests_on_it(world: World) -> None:
    world.granted()
    world.run_sql("alter table agreements disable trigger user")
    soon = world.clock.now() + timedelta(days=1)
    world.run_sql("update agreements set valid_until = :soon where agreement_id = :id", soon=soon, id=AGREEMENT)
    assert run_clock(world.wallet) == 0
    world.clock.advance(seconds=86_400)
    assert (run_clock(world.wallet), run_clock(world.wallet)) == (1, 0)
    states = world.run_sql("select agreement_id, state from agreements order by agreement_id")
    assert states == [(AGREEMENT, "expired"), (LAW_AGREEMENT, "active")]
    assert world.run_sql("select state from consents") == [("invalidated",)]


@pytest.mark.rule("wallet", "§9", "U14")
def test_by_page_an_agreement_is_put_on_hold_and_ended_with_a_reason(world: World) -> None:
    address = f"/console/agreements/{LAW_AGREEMENT}/1"
    provider, consumer = staff(world, f"{REGISTRY}:owner"), staff(world, f"{SCHOOL}:owner")
    assert buttons(provider.get(address)) == {"suspend", "terminate"}
    assert buttons(consumer.get(address)) == {"terminate"}
    bare = post(provider, address + "/steps", on=address, step="terminate")
    assert (bare.status_code, bare.text.count('id="reason"')) == (400, 1)
    assert post(provider, address + "/steps", on=address, step="suspend", reason="Un incidente.").status_code == 303
    assert buttons(provider.get(address)) == {"resume", "terminate"}
    assert "Un incidente." in words(consumer.get(address))
    assert post(consumer, address + "/steps", on=address, step="resume").status_code == 403
    assert post(consumer, address + "/steps", on=address, step="terminate", reason="Ya no hace falta.").status_code == 303
    assert buttons(consumer.get(address)) == set()
