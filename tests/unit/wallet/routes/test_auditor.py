"""The auditor's view: entries without persons, what bodies owe, nothing to change, each look in the log.  Spec: wallet contract §18."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from tests.factories.wallet import AGREEMENT, MARKER, REGISTRY, RUN, SCHOOL, World
from wallet.operations import auditing

AUTHORITY = "org-authority"
ALL = f"{AUTHORITY}:auditor"


@pytest.fixture(autouse=True)
def authority(world: World) -> None:
    world.wallet.settings = replace(world.wallet.settings, auditor_org=AUTHORITY)


def staff(world: World, *roles: str, level: int = 2) -> FlaskClient:
    browser = world.browser("55555555-5", name="Rosa Auditora")
    with browser.session_transaction() as session:
        session["person"] = {**session["person"], "roles": list(roles), "acr": f"urn:andamio:acr:{level}"}
    return browser


def main_of(html: str) -> str:
    main = BeautifulSoup(html, "html.parser").main
    assert main is not None
    return " ".join(main.get_text(" ").split())


def looks(world: World) -> list[dict[str, object]]:
    cores = [json.loads(row[0]) for row in world.run_sql("select core from audit_entries order by entry_id")]
    return [core for core in cores if core.get("action") == "wallet:auditor:looked"]


@pytest.mark.rule("wallet", "§18")
def test_an_auditor_reads_entries_without_a_person_and_each_look_is_recorded(world: World) -> None:
    world.fetch(world.exchange_body(world.granted()))
    world.fetch(world.exchange_body())  # without a permission
    assert "level=2" in staff(world, ALL, level=1).get("/auditor/entries").location
    browser = staff(world, ALL)
    words = main_of(browser.get("/auditor/entries").text)
    assert "Colegio Las Araucarias" in words
    assert "consent_required" in words
    for personal in (RUN, "Camila", MARKER, "secretaria-01"):
        assert personal not in words, personal
    refused = main_of(browser.get("/auditor/entries?outcome=denied").text)
    assert "consent_required" in refused
    assert "rechazado" in refused.lower()
    assert "entregado Ver" not in refused
    assert "Ninguna anotación coincide" in main_of(browser.get("/auditor/entries?org=nobody").text)
    assert [look.get("data") for look in looks(world)] == [None, {"outcome": "denied"}, {"org": "nobody"}]
    assert {str(look["actor"]) for look in looks(world)} == {"staff:sub-55555555-5"}


@pytest.mark.rule("wallet", "§18")
def test_one_exchange_is_found_by_its_number(world: World) -> None:
    first = world.fetch(world.exchange_body(world.granted())).json["txn"]
    world.fetch(world.exchange_body())
    words = main_of(staff(world, ALL).get(f"/auditor/entries?txn={first}").text)
    assert words.count(first) == 2  # its attempt and its outcome
    assert staff(world, ALL).get("/auditor/entries?txn=x").status_code == 400


@pytest.mark.rule("wallet", "§18", "§10")
def test_a_search_goes_on_through_the_whole_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "READ_MAX", 3)
    monkeypatch.setattr(auditing, "PIECES_MAX", 2)
    first = world.fetch(world.exchange_body(world.granted())).json["txn"]  # the oldest exchange
    for _ in range(4):
        world.fetch(world.exchange_body())
    browser, address, pages, found = staff(world, ALL), f"/auditor/entries?txn={first}", 0, 0
    while address:
        answer = browser.get(address)
        found += main_of(answer.text).count(first)
        older = BeautifulSoup(answer.text, "html.parser").select_one("a[rel=next]")
        if older is not None:
            assert "se leyó el registro hasta" in answer.text
        address, pages = str(older["href"]) if older else "", pages + 1
        assert pages < 30
    assert (found, pages > 2) == (2, True)


@pytest.mark.rule("wallet", "X6", "§10.5")
def test_what_bodies_owe_is_on_one_page(world: World) -> None:
    world.run_sql("alter table agreements disable trigger user")
    world.run_sql("""update agreements set limits = limits || '{"modes": ["store"]}' where agreement_id = :id""", id=AGREEMENT)
    consent_id = world.granted(mode="store")
    world.fetch(world.exchange_body(consent_id))
    person = world.browser()
    world.submit(person, person.get(f"/consents/{consent_id}/withdraw"), "withdraw")
    world.clock.advance(seconds=int(timedelta(days=40).total_seconds()))
    world.fetch(world.exchange_body())
    words = main_of(staff(world, ALL).get("/auditor/").text)
    assert consent_id in words
    assert "consent_required 1" in words
    assert looks(world)[0]["object"] == "owed"


@pytest.mark.rule("wallet", "§18")
def test_an_auditor_of_one_body_sees_what_concerns_it(world: World) -> None:
    world.fetch(world.exchange_body())
    assert "consent_required" in main_of(staff(world, f"{SCHOOL}:auditor").get("/auditor/entries").text)
    assert "consent_required" not in main_of(staff(world, "org-other:auditor").get("/auditor/entries").text)
    assert "consent_required" not in main_of(staff(world, "org-other:auditor").get("/auditor/").text)


@pytest.mark.rule("wallet", "§18")
def test_who_is_no_auditor_stays_out_and_an_auditor_changes_nothing(world: World) -> None:
    for roles in ((), (f"{REGISTRY}:admin",), ("operator",)):
        assert staff(world, *roles).get("/auditor/").status_code == 403, roles
    assert staff(world, f"{REGISTRY}:auditor").get("/console/").status_code == 403
    assert {method for rule in world.app.url_map.iter_rules() if rule.rule.startswith("/auditor") for method in rule.methods or ()} <= {
        "GET",
        "HEAD",
        "OPTIONS",
    }
    assert looks(world) == []


@pytest.mark.rule("wallet", "§18")
@pytest.mark.parametrize(
    "query", [f"org={RUN}", "org=11.111.111-1", f"org=cl-run:{RUN}", "org=a%00", "org=a%20b", "outcome=released%00", "outcome=x"]
)
def test_what_an_auditor_types_enters_the_log_only_as_a_code(world: World, query: str) -> None:
    assert staff(world, ALL).get("/auditor/entries?" + query).status_code == 400
    assert looks(world) == []


@pytest.mark.rule("wallet", "§18")
def test_a_role_without_a_body_makes_nobody_an_auditor(world: World) -> None:
    world.wallet.settings = replace(world.wallet.settings, auditor_org="")
    assert staff(world, ":auditor").get("/auditor/").status_code == 403


@pytest.mark.rule("wallet", "§18")
def test_a_body_of_the_same_name_is_another_body(world: World) -> None:
    world.run_sql("update organisations set name = 'Registro Civil'")
    hidden = "insert into hidden_entries (txn, org_id, ground, hidden_at, release_at) values (gen_random_uuid(), :org, 'Ley', :at, :at)"
    world.run_sql(hidden, org=SCHOOL, at=world.clock.now())
    month = f"{world.clock.now():%Y-%m}"
    assert month in main_of(staff(world, f"{SCHOOL}:auditor").get("/auditor/").text)
    assert month not in main_of(staff(world, f"{REGISTRY}:auditor").get("/auditor/").text)


@pytest.mark.rule("wallet", "§10.5")
def test_reports_are_judged_for_the_newest_day_of_which_all_must_be_here(world: World) -> None:
    world.fetch(world.exchange_body(world.granted()))
    day = world.clock.now().date() - timedelta(days=3)
    world.run_sql("update exchanges set state = 'minted', attempted_at = :at", at=f"{day} 12:00:00+00")
    words = main_of(staff(world, ALL).get("/auditor/").text)
    said = words.split("Informes del ")[-1]
    assert "que no calzan" in said
    assert "Registro Civil 0 1" in said
    assert str(day.day) in said.split(" que no calzan")[0]
