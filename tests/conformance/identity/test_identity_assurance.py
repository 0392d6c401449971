"""Verified claims: only what was asked, where it was asked, and nothing where a condition does not hold."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from identity.models.finders import find_credentials
from identity.operations import proofings, register
from identity.standards.identity_assurance import Proofing
from shared.run import parse_run
from tests.factories.identity import RUN, SECRET, House, sent_to_client, web_client

CHECKED = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
PROOFING = Proofing(2, CHECKED, "vpip", "Municipalidad de Quilpalín", "check-1", "512345678", date(2022, 5, 4), date(2032, 5, 4))
FRAMEWORK = {"trust_framework": None}
NAME = {"given_name": None}


@pytest.fixture
def proofed(house: House) -> House:
    """A person whose identity was checked at a counter, and a client that may have the document's number."""
    identity = house.identity
    with identity.transaction() as tx:
        person = find_credentials(tx.connection, identity.cipher, parse_run(RUN))
        assert person is not None
        proofings.record_proofing(identity, tx, person.person_id, PROOFING, actor="test")
    scopes = ("openid", "profile", "run", "document", "age")
    register.create_client(identity, web_client(client_id="entitled", scopes=scopes, sector="e.example"), actor="test", secret=SECRET)
    return house


def told(house: House, claims: dict[str, Any], client_id: str = "web") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return user info and ID token."""
    code = house.new_code(client_id=client_id, scope="openid", claims=json.dumps(claims))
    tokens = house.token(house.code_form(code, client_id=client_id)).json
    keys = KeySet.import_key_set(house.client().get("/openid/jwks").json)
    about = house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json
    return about, dict(jwt.decode(tokens["id_token"], keys, algorithms=["ES256"]).claims)


def asked(verification: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    return {"userinfo": {"verified_claims": {"verification": verification, "claims": claims}}}


@pytest.mark.rule("identity", "IA-3", "IA-4", "IA-5")
@pytest.mark.parametrize("wish", [None, {}, {"essential": False}, {"essential": True}])
def test_what_is_asked_is_told_where_it_is_asked(proofed: House, wish: Any) -> None:
    about, token = told(
        proofed, asked({"trust_framework": wish}, {"given_name": wish, "no such": wish, "<odd> \u00e9": {"essential": True}})
    )
    assert about["verified_claims"] == {
        "verification": {"trust_framework": "cl_registro_civil"},
        "claims": {"given_name": "Camila Andrea"},
    }
    assert "verified_claims" not in token
    assert "given_name" not in about, "verified is not the same as told plainly"
    about, token = told(proofed, {"id_token": asked(FRAMEWORK, NAME)["userinfo"]})
    assert token["verified_claims"]["claims"] == {"given_name": "Camila Andrea"}
    assert "verified_claims" not in about


@pytest.mark.rule("identity", "IA-7", "IA-1")
def test_the_evidence_is_told_as_far_as_it_is_asked_for(proofed: House) -> None:
    evidence = [{"type": {"value": "document"}, "document_details": {"type": None, "date_of_expiry": None}, "check_details": None}]
    about, _ = told(proofed, asked({**FRAMEWORK, "time": None, "assurance_level": None, "evidence": evidence, "unheard": None}, NAME))
    assert about["verified_claims"]["verification"] == {
        "trust_framework": "cl_registro_civil",
        "time": "2026-03-02T13:00:00Z",
        "assurance_level": "urn:andamio:ip:2",
        "evidence": [
            {
                "type": "document",
                "document_details": {"type": "idcard", "date_of_expiry": "2032-05-04"},
                "check_details": [
                    {
                        "check_method": "vpip",
                        "organization": "Municipalidad de Quilpalín",
                        "time": "2026-03-02T13:00:00Z",
                        "check_id": "check-1",
                    }
                ],
            }
        ],
    }


@pytest.mark.rule("identity", "IA-8")
def test_the_number_of_the_document_is_for_entitled_clients_that_ask(proofed: House) -> None:
    evidence = [{"type": None, "document_details": {"document_number": None}}]
    for client_id, shown in (("web", {}), ("entitled", {"document_number": "512345678"})):
        about, _ = told(proofed, asked({**FRAMEWORK, "evidence": evidence}, NAME), client_id)
        assert about["verified_claims"]["verification"]["evidence"][0].get("document_details", {}) == shown
    about, _ = told(proofed, asked({**FRAMEWORK, "evidence": [{"type": None}]}, NAME), "entitled")
    assert "512345678" not in json.dumps(about)


LEFT_OUT: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("another framework", {"trust_framework": {"value": "de_aml"}}, NAME),
    ("none of the frameworks", {"trust_framework": {"values": ["de_aml", "eidas"]}}, NAME),
    ("checked too long ago", {**FRAMEWORK, "time": {"max_age": 60}}, NAME),
    ("another level", {**FRAMEWORK, "assurance_level": {"value": "urn:andamio:ip:3"}}, NAME),
    ("another evidence", {**FRAMEWORK, "evidence": [{"type": {"value": "vouch"}}]}, NAME),
    ("another method", {**FRAMEWORK, "evidence": [{"type": None, "check_details": [{"check_method": {"value": "vri"}}]}]}, NAME),
    ("another claim's value", FRAMEWORK, {"given_name": {"value": "Sarah"}}),
    ("only unknown claims", FRAMEWORK, {"shoe_size": None}),
    ("only claims that the client may not have", FRAMEWORK, {"birthdate": None}),
]


@pytest.mark.rule("identity", "IA-5", "IA-6")
@pytest.mark.parametrize(("verification", "claims"), [case[1:] for case in LEFT_OUT], ids=[case[0] for case in LEFT_OUT])
def test_nothing_is_told_where_a_condition_does_not_hold(proofed: House, verification: dict[str, Any], claims: dict[str, Any]) -> None:
    about, _ = told(proofed, asked(verification, claims))
    assert set(about) == {"sub"}


@pytest.mark.rule("identity", "IA-6")
def test_one_claim_that_does_not_fit_leaves_the_others(proofed: House) -> None:
    claims = {"given_name": {"value": "Sarah"}, "family_name": {"values": ["Soto Pérez", "Rojas"]}}
    about, _ = told(proofed, asked({"trust_framework": {"values": ["x", "cl_registro_civil"]}, "time": {"max_age": 10**9}}, claims))
    assert about["verified_claims"]["claims"] == {"family_name": "Soto Pérez"}


@pytest.mark.rule("identity", "IA-2")
def test_several_wishes_get_several_answers(proofed: House) -> None:
    good, bad = ({"verification": {"trust_framework": {"value": value}}, "claims": NAME} for value in ("cl_registro_civil", "x"))
    about, _ = told(proofed, {"userinfo": {"verified_claims": [bad, good]}})
    assert [one["claims"] for one in about["verified_claims"]] == [{"given_name": "Camila Andrea"}]


BAD: list[Any] = [
    7,
    "x",
    [],
    [7],
    {},
    {"claims": NAME},
    {"verification": None, "claims": NAME},
    {"verification": {}, "claims": NAME},
    {"verification": {"time": None}, "claims": NAME},
    {"verification": FRAMEWORK},
    {"verification": FRAMEWORK, "claims": {}},
    {"verification": FRAMEWORK, "claims": None},
    {"verification": FRAMEWORK, "claims": {"given_name": "x"}},
    {"verification": {"trust_framework": "x"}, "claims": NAME},
    {"verification": {**FRAMEWORK, "evidence": {}}, "claims": NAME},
    {"verification": {**FRAMEWORK, "evidence": [1]}, "claims": NAME},
]


@pytest.mark.rule("identity", "IA-2")
def test_requests_whose_form_is_wrong(house: House) -> None:
    for wish in BAD:
        answer = house.browser().authorize(claims=json.dumps({"userinfo": {"verified_claims": wish}}))
        assert sent_to_client(answer)["error"] == "invalid_request", wish


@pytest.mark.rule("identity", "IA-6", "§2.26")
def test_nothing_is_verified_of_whom_nobody_checked(house: House) -> None:
    about, _ = told(house, asked(FRAMEWORK, NAME))
    assert "verified_claims" not in about


@pytest.mark.rule("identity", "IA-1", "IA-9")
def test_what_is_announced_is_what_is_told(house: House) -> None:
    document = house.client().get("/openid/.well-known/openid-configuration").json
    assert document["verified_claims_supported"] is True
    assert document["trust_frameworks_supported"] == ["cl_registro_civil"]
    assert document["evidence_supported"] == ["document"]
    assert document["documents_supported"] == ["idcard"]
    assert PROOFING.check_method in document["documents_check_methods_supported"]


@pytest.mark.rule("identity", "IA-7", "HT-7")
def test_the_check_is_sealed_at_rest(proofed: House) -> None:
    from sqlalchemy import text

    with proofed.identity.db.engine.connect() as connection:
        sealed = bytes(connection.execute(text("SELECT proofing_sealed FROM person_proofings")).scalar_one())
    assert b"512345678" not in sealed
