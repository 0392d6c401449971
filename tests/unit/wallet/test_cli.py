"""What an operator does by commands: the registry by a file, agreements, mediation.  Spec: wallet contract §2, §9, R2, L14."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.contract.wallet.test_agreement_requests import draft, step
from tests.factories.wallet import AGREEMENT, LAW, LAW_AGREEMENT, PROVIDER, PURPOSE, REGISTRY, STRANGER, World

FILE: dict[str, Any] = {
    "organisations": [
        {
            "org_id": "org-salud",
            "name": "Servicio de Salud",
            "tax_id": "61.602.000-1",
            "kind": "public",
            "dpo_contact": {"email": "datos@salud.example"},
            "address": "Mac Iver 541",
        }
    ],
    "systems": [{"client_id": STRANGER, "roles": ["consumer", "provider"], "handled_by": "Proveedor SpA"}],
    "notices": [{"notice_id": "salud", "texts": {"es": {"title": "Aviso", "body": "Texto."}, "en": {"title": "Notice", "body": "Text."}}}],
    "procedures": [
        {"code": "licencias", "org_id": "org-salud", "title": {"es": "Licencias"}, "instead": {"es": "el papel"}, "law_reference": LAW}
    ],
    "purposes": [
        {
            "purpose_id": "licencias-pago",
            "text": {"es": "Pagar una licencia", "en": "Pay sick leave"},
            "dpv_purpose": "https://w3id.org/dpv#PublicBenefit",
            "legal_basis": "legal_obligation",
            "notice_id": "salud",
            "procedure_code": "licencias",
        }
    ],
    "templates": [
        {
            "template_id": "tpl",
            "title": {"es": "Términos tipo"},
            "text": {"es": "Ambas instituciones …"},
            "legal_basis": ["legal_obligation", "consent"],
            "limits": {"sensitive_allowed": True, "modes": ["view"], "max_duration": 7_776_000, "bulk": True},
            "retention": {"duration": "P0D", "erase_on_withdrawal": True},
        }
    ],
}


def run(world: World, *words: str) -> Result:
    return world.app.test_cli_runner().invoke(args=["wallet", *words])


def enter(world: World, folder: Path, content: object) -> Result:
    file = folder / "registry.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return run(world, "registry", str(file))


@pytest.mark.rule("wallet", "§2", "§9", "R1")
def test_a_file_fills_the_registry_once_and_what_differs_is_the_next_version(world: World, tmp_path: Path) -> None:
    first = enter(world, tmp_path, FILE)
    assert first.exit_code == 0, first.output
    assert len(first.output.splitlines()) == 6
    assert enter(world, tmp_path, FILE).output == "Nothing is new.\n"
    client = world.app.test_client()
    assert {one["purpose_id"] for one in client.get("/directory/purposes").json["purposes"]} == {PURPOSE, "licencias-pago"}
    assert [one["template_id"] for one in client.get("/agreements/templates").json["templates"]] == ["tpl"]
    assert world.run_sql("select roles, handled_by from clients where client_id = :id", id=STRANGER) == [
        (["consumer", "provider"], "Proveedor SpA")
    ]
    assert draft(world).status_code == 201  # what was published can be drafted from
    changed = copy.deepcopy(FILE)
    changed["organisations"][0]["address"] = "Otra calle 1"
    changed["notices"][0]["texts"]["es"]["body"] = "Otro texto."
    changed["procedures"][0]["title"] = {"es": "Licencias médicas"}
    changed["purposes"][0]["text"]["es"] = "Pagar una licencia médica"
    changed["templates"][0]["limits"]["bulk"] = False
    assert enter(world, tmp_path, changed).output.splitlines() == [
        "organisation org-salud: other particulars",
        "notice salud: version 2",
        "procedure licencias: other particulars",
        "purpose licencias-pago: version 2",
        "template tpl: version 2",
    ]


@pytest.mark.rule("wallet", "§2")
@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        "\ufeffx",
        {"more": []},
        {"organisations": [{"org_id": "x"}]},
        {"organisations": FILE["organisations"] * 2},
        {"systems": [{"client_id": STRANGER, "roles": ["root"]}]},
        {"systems": [{"client_id": "nobody", "roles": ["provider"]}]},
        {"notices": [{"notice_id": "n2", "texts": {"en": {"title": "t", "body": "b"}}}]},
        {"purposes": [{**FILE["purposes"][0], "procedure_code": "no-such"}]},
        {"purposes": [{**FILE["purposes"][0], "notice_id": "no-such", "procedure_code": None}]},
        {"purposes": [{**FILE["purposes"][0], "dpv_purpose": "javascript:alert(1)"}]},
        {"templates": [{**FILE["templates"][0], "limits": {"max_durations": 1}}]},
        {"templates": [{**FILE["templates"][0], "legal_basis": []}]},
    ],
)
def test_a_file_that_is_not_right_says_so_and_enters_nothing(world: World, tmp_path: Path, content: object) -> None:
    before = counted(world)
    answer = enter(world, tmp_path, content)
    assert (answer.exit_code, answer.output.startswith("Error: ")) == (1, True), answer.output
    assert counted(world) == before


def counted(world: World) -> list[int]:
    tables = ("organisations", "notices", "procedures", "purposes", "agreement_templates")
    return [world.run_sql(f"select count(*) from {table}")[0][0] for table in tables]


@pytest.mark.rule("wallet", "R2")
def test_with_a_purpose_go_the_permissions_that_rest_on_it(world: World) -> None:
    consent_id = world.granted()
    world.ask()
    assert run(world, "retire-purpose", PURPOSE).output == "1 permissions ended\n"
    assert world.run_sql("select state, state_reason from consents") == [("invalidated", "purpose_retired")]
    assert world.run_sql("select state from consent_request_items where state <> 'accepted'") == [("invalidated",)]
    assert world.fetch(world.exchange_body(consent_id)).status_code == 400
    assert run(world, "retire-purpose", PURPOSE).exit_code == 1


@pytest.mark.rule("wallet", "§9", "R2")
def test_an_operator_suspends_resumes_and_ends_an_agreement(world: World) -> None:
    law = {"kind": "law", "agreement_id": LAW_AGREEMENT}
    for move, status in (("suspend", 403), ("resume", 200), ("terminate", 403)):
        assert run(world, "agreement", LAW_AGREEMENT, move, "--reason", "Por orden.").exit_code == 0
        assert world.fetch(world.exchange_body(basis=law)).status_code == status
    assert run(world, "agreement", LAW_AGREEMENT, "resume", "--reason", "x").exit_code == 1
    assert run(world, "agreement", AGREEMENT, "resume", "--reason", "x").exit_code == 1  # it is in force


@pytest.mark.rule("wallet", "L14")
def test_an_operator_decides_a_mediation(world: World, tmp_path: Path) -> None:
    enter(world, tmp_path, FILE)
    draft(world)
    for name, client in (("legal_review", ""), ("submit", ""), ("reject", PROVIDER), ("mediation", "")):
        step(world, name, *([client] if client else []), **({"reason": "Falta la ley."} if client else {}))
    assert run(world, "mediate", "agr-new", "1", "--accept", "--reason", "La ley está.").output == "accepted\n"
    assert run(world, "mediate", "agr-new", "1", "--reject", "--reason", "x").exit_code == 1


@pytest.mark.rule("wallet", "§10.4", "§18")
def test_the_other_commands_run(world: World) -> None:
    assert run(world, "allow-delay", REGISTRY, "Ley 1").exit_code == 0
    assert run(world, "new-key", "receipt").exit_code == 0
    assert run(world, "new-key", "no-such").exit_code == 2


@pytest.mark.rule("wallet", "§2")
def test_a_team_that_registers_its_system_again_keeps_what_the_operator_made_it(world: World, tmp_path: Path) -> None:
    body = {"org_id": "org-salud", "organisation": "Servicio de Salud", "kind": "public", "contact_email": "datos@salud.example"}
    body |= {"client_id": "salud-1", "name": "Licencias"}

    def register() -> Any:
        headers = world.bearer("identity", "wallet:register")
        return world.app.test_client().post("/register/v1/systems", json={**body, "jwks": {"keys": []}}, headers=headers)

    assert register().json["roles"] == ["consumer"]
    enter(world, tmp_path, {"systems": [{"client_id": "salud-1", "roles": ["consumer", "provider"]}]})
    assert register().json["roles"] == ["consumer", "provider"]
