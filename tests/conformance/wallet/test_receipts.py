"""Receipts: content, both forms, and that what they say in the Data Privacy Vocabulary exists there.  Spec: wallet contract §3.1."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
import rdflib
from bs4 import BeautifulSoup
from joserfc.jwk import ECKey

from tests.factories.wallet import OTHER_RUN, RUN, World
from wallet.operations.consents import pause, resume, withdraw
from wallet.standards import signing
from wallet.standards.canonical import sha256_of
from wallet.standards.legal_basis import DPV, DPV_TERM
from wallet.standards.receipt import TYP

TERMS = {line for line in (Path(__file__).parents[2] / "data/dpv-2.3-terms.txt").read_text().splitlines() if not line.startswith("#")}


def receipts_of(world: World, consent_id: str, browser: Any = None) -> list[str]:
    page = (browser or world.browser()).get(f"/consents/{consent_id}")
    return [str(link["href"]) for link in BeautifulSoup(page.text, "html.parser").select("a[href^='/receipts/']")]


def document(world: World, address: str) -> dict[str, Any]:
    answer = world.browser().get(address + ".jsonld")
    assert answer.content_type == "application/ld+json"
    loaded: dict[str, Any] = json.loads(answer.text)
    return loaded


def life(world: World) -> str:
    consent_id = world.granted(fields=["full_name"], optional_fields=["has_record"])
    for change in (pause, resume, withdraw):
        change(world.wallet, world.presence(), uuid.UUID(consent_id))
    return consent_id


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # the library's own reader of JSON-LD uses it
@pytest.mark.rule("wallet", "§3.1")
def test_it_parses_as_rdf_and_every_term_of_the_vocabulary_exists(world: World) -> None:
    for address in receipts_of(world, life(world)):
        graph = rdflib.Graph().parse(data=json.dumps(document(world, address)), format="json-ld")
        used = {str(node) for triple in graph for node in triple if str(node).startswith(DPV)}
        assert len(used) > 20
        assert {term.removeprefix(DPV) for term in used} <= TERMS
        kinds = list(graph.subjects(rdflib.RDF.type, rdflib.URIRef(DPV + "ConsentReceipt")))
        assert len(kinds) == 1


@pytest.mark.rule("wallet", "§2.1")
def test_every_legal_basis_is_a_term_of_the_vocabulary() -> None:
    assert {term.removeprefix(DPV) for term in DPV_TERM.values()} <= TERMS


@pytest.mark.rule("wallet", "§3.1")
def test_it_tells_the_whole_history_and_holds_no_evidence(world: World) -> None:
    found = receipts_of(world, life(world))
    last = document(world, found[-1])
    record = last["dpv:hasRecordOfActivity"]
    history = [status["@type"] for status in record["dpv:hasConsentStatus"]]
    assert history == ["dpv:ConsentGiven", "andamio:ConsentSuspended", "dpv:ConsentGiven", "dpv:ConsentWithdrawn"]
    assert isinstance(record["dpv:hasProcess"], list)
    assert {one["dct:identifier"]: one["andamio:granted"] for one in record["dpv:hasProcess"][0]["dpv:hasPersonalData"]} == {
        "full_name": True,
        "has_record": False,
    }
    assert len(document(world, found[0])["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]) == 1, "a receipt says what was then"
    text = json.dumps(last)
    assert not re.search(r"session_hash|user_agent|ip_prefix|acr|case_id", text)
    assert last["schema:recipient"] not in {RUN, ""}


@pytest.mark.rule("wallet", "§3.1")
def test_the_signed_form_has_the_same_content_and_its_place_in_the_log(world: World) -> None:
    address = receipts_of(world, world.granted())[0]
    token = world.browser().get(address + ".jwt").text
    keys = {key["kid"]: ECKey.import_key(key) for key in world.app.test_client().get("/.well-known/jwks.json").json["keys"]}
    payload = signing.verify(token, keys=keys, typ=TYP)
    assert payload["receipt"] == document(world, address)
    assert payload["jti"] == address.rpartition("/")[2] == payload["receipt"]["dct:identifier"]
    core = world.run_sql("select core from audit_entries where entry_id = :id", id=payload["log"]["entry_id"])
    assert '"wallet:consent:granted"' in core[0][0]


@pytest.mark.rule("wallet", "S5")
def test_a_refusal_has_its_receipt(world: World) -> None:
    browser = world.browser()
    back = world.decide(browser, world.ask().json["view_uri"], "refuse")
    assert back.status_code == 303
    request = world.run_sql("select id from consent_requests")[0][0]
    page = BeautifulSoup(browser.get(f"/requests/{request}").text, "html.parser")
    address = str(page.select_one("a[href^='/receipts/']")["href"])  # type: ignore[index]  # it is there, or the test fails
    status = document(world, address)["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]
    assert [one["@type"] for one in status] == ["dpv:ConsentRefused"]
    shown = browser.get(address)
    assert "Usted dijo que no" in shown.text
    assert "el certificado en papel" in shown.text


@pytest.mark.rule("wallet", "L7", "U11")
def test_the_page_says_who_what_why_how_long_and_how_to_end_it(world: World) -> None:
    page = world.browser().get(receipts_of(world, world.granted())[0]).text
    for words in (
        "Colegio Las Araucarias",
        "Registro Civil",
        "Contratar en un colegio",
        "Agencia de Protección",
        "Para terminarlo",
        "Dato full_name",
    ):
        assert words in page


@pytest.mark.rule("wallet", "§3.1")
def test_a_receipt_is_for_its_person_alone(world: World) -> None:
    address = receipts_of(world, world.granted())[0]
    for suffix in ("", ".jsonld", ".jwt"):
        assert world.browser(OTHER_RUN).get(address + suffix).status_code == 404
    assert world.browser().get(f"/receipts/{uuid.uuid4()}").status_code == 404


@pytest.mark.rule("wallet", "§19")
def test_the_snapshot_hash_is_over_the_record_that_is_kept(world: World) -> None:
    world.granted()
    record, scope, digest = world.run_sql("select record, subject_index, snapshot_sha256 from consents")[0]
    kept = json.loads(world.wallet.cipher.decrypt(bytes(record), scope=world.wallet.subject_scope(bytes(scope))))
    assert sha256_of(kept) == digest
    assert kept["status_list"]["uri"].endswith("/status/consents/1")
