"""What makes a renewal and what makes a new consent: the table, each row both ways, and the pages.  Spec: wallet contract §7, U10."""

import copy
import json
import uuid
from typing import Any

import pytest
from bs4 import BeautifulSoup

from tests.factories.wallet import PROCEDURE, World
from wallet.errors import ConsentNotFound, InvalidExchange
from wallet.operations.consents import get_consent, narrow
from wallet.standards.differences import Kind, compare, kind_of
from wallet.standards.durations import seconds_of

RECORD: dict[str, Any] = {
    "fields": [
        {"field_id": "a", "title": "A", "optional": False, "granted": True},
        {"field_id": "b", "title": "B", "optional": True, "granted": False},
    ],
    "purpose_id": "p",
    "purpose_type": "dpv#Verification",
    "legal_basis": "consent",
    "recipient": {"org_id": "o", "client_id": "c", "handled_by": None},
    "source": {"org_id": "s", "dataset_id": "d", "dataset_version": 1},
    "onward": ["x"],
    "storage_locations": ["CL"],
    "mode": "view",
    "fetch": "periodic",
    "frequency": {"count": 2, "unit": "day"},
    "max_uses": 5,
    "retention": {"duration": "P30D"},
    "data_period": {"from": "2026-01-01", "to": "2026-06-30"},
    "valid_until": "2026-12-01T00:00:00Z",
}


def changed(**members: Any) -> dict[str, Any]:
    return {**copy.deepcopy(RECORD), **members}


A, B = RECORD["fields"]
WIDER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (changed(), changed(fields=[A, B, {"field_id": "z", "title": "Z", "optional": True}])),
    (changed(), changed(fields=[A, {**B, "optional": False}])),
    (changed(), changed(onward=["x", "y"])),
    (changed(), changed(storage_locations=["CL", "PE"])),
    (changed(), changed(mode="store")),
    (changed(), changed(frequency={"count": 3, "unit": "day"})),
    (changed(), changed(frequency={"count": 1, "unit": "hour"})),
    (changed(), changed(max_uses=6)),
    (changed(), changed(max_uses=None)),
    (changed(), changed(retention={"duration": "P31D"})),
    (changed(), changed(data_period={"from": "2025-12-31", "to": "2026-06-30"})),
    (changed(fetch="once", frequency=None), changed()),
]
OTHER = [
    changed(purpose_id="q"),
    changed(purpose_type="dpv#Marketing"),
    changed(legal_basis="contract"),
    changed(recipient={"org_id": "o2", "client_id": "c", "handled_by": None}),
    changed(source={"org_id": "s2", "dataset_id": "d", "dataset_version": 1}),
]


@pytest.mark.rule("wallet", "§7")
@pytest.mark.parametrize(("before", "after"), WIDER)
def test_wider_is_a_new_consent_and_the_way_back_is_a_renewal(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert kind_of(compare(before, after)) is Kind.NEW
    assert kind_of(compare(after, before)) is Kind.RENEWAL


@pytest.mark.rule("wallet", "§7")
@pytest.mark.parametrize("other", OTHER)
def test_another_matter_is_a_new_consent_both_ways(other: dict[str, Any]) -> None:
    assert kind_of(compare(RECORD, other)) is Kind.NEW
    assert kind_of(compare(other, RECORD)) is Kind.NEW


@pytest.mark.rule("wallet", "§7")
def test_a_longer_time_alone_and_a_new_version_of_the_words_are_renewals() -> None:
    longer = changed(valid_until="2027-12-01T00:00:00Z", notice={"version": 2}, purpose_text="otras palabras")
    found = compare(RECORD, {**longer, "source": {**RECORD["source"], "dataset_version": 2}})
    assert [one.name for one in found] == ["valid_until"]
    assert kind_of(found) is Kind.RENEWAL
    assert compare(RECORD, RECORD) == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("P0D", 0), ("P1Y", 31_536_000), ("P1M", 2_592_000), ("P1DT2H", 93_600), ("x", float("inf"))]
)
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


# --- in life --------------------------------------------------------------------------------------------------------------

CASE = {"code": PROCEDURE, "case_id": "EXP-9"}


def states(world: World) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in world.run_sql("select consent_version, state, state_reason from consents order by created_at, consent_version")
    ]


@pytest.mark.rule("wallet", "§7", "U10")
def test_a_renewal_takes_the_place_of_the_consent_in_its_chain(world: World) -> None:
    first = world.granted(procedure=CASE)
    world.clock.advance(seconds=86_400)
    asked = world.ask(world.request_body(world.item(procedure=CASE)))
    page = world.browser().get(asked.json["view_uri"].removeprefix("http://localhost"), follow_redirects=True)
    assert "Usted ya dio este permiso antes" in page.text
    rows = BeautifulSoup(page.text, "html.parser").select("main table tbody tr")
    assert [row.th.get_text(strip=True) for row in rows if row.th] == ["Hasta cuándo"], "only what is different"
    second = world.granted(procedure=CASE)
    assert states(world) == [(1, "superseded", "renewed"), (2, "active", None)]
    assert world.run_sql("select count(distinct chain_id) from consents") == [(1,)]
    assert world.fetch(world.exchange_body(first)).status_code == 403
    assert world.fetch(world.exchange_body(second)).status_code == 200
    record = get_consent(world.wallet, world.presence(), uuid.UUID(second)).record
    assert record["supersedes"] == first


@pytest.mark.rule("wallet", "§7", "U10")
def test_what_goes_further_is_marked_and_stands_beside_the_old(world: World) -> None:
    first = world.granted(fields=["full_name"], procedure=CASE)
    asked = world.ask(world.request_body(world.item(procedure=CASE)))
    page = world.browser().get(asked.json["view_uri"].removeprefix("http://localhost"), follow_redirects=True)
    assert "Esto va más allá del permiso" in page.text
    assert "Dato has_record" in page.text
    world.granted(procedure=CASE)
    assert sorted(states(world)) == [(1, "active", None), (1, "active", None)]
    assert world.fetch(world.exchange_body(first, fields=["full_name"])).status_code == 200


@pytest.mark.rule("wallet", "§7")
def test_the_person_takes_fields_back_at_once(world: World) -> None:
    first = world.granted()
    with pytest.raises(InvalidExchange):
        narrow(world.wallet, world.presence(), uuid.UUID(first), frozenset())
    with pytest.raises(InvalidExchange):
        narrow(world.wallet, world.presence(), uuid.UUID(first), frozenset({"full_name", "has_record", "issued_on"}))
    with pytest.raises(ConsentNotFound):
        narrow(world.wallet, world.presence("22222222-2"), uuid.UUID(first), frozenset({"full_name"}))
    browser = world.browser()
    page = BeautifulSoup(browser.get(f"/consents/{first}").text, "html.parser")
    form = page.select_one("form[action$='/narrow']")
    assert form is not None
    token = str(form.select_one("input[name=csrf_token]")["value"])  # type: ignore[index]  # every form has one
    made = browser.post(str(form["action"]), data={"csrf_token": token, "drop": "has_record"})
    second = made.location.rpartition("/")[2]
    assert states(world) == [(1, "superseded", "amended"), (2, "active", None)]
    assert world.fetch(world.exchange_body(second)).status_code == 403
    assert world.fetch(world.exchange_body(second, fields=["full_name"])).status_code == 200
    assert "Dato has_record" not in [
        li.get_text() for li in BeautifulSoup(browser.get(made.location).text, "html.parser").select("main ul li")
    ]


@pytest.mark.rule("wallet", "CH-14", "L6")
def test_one_history_and_all_of_ones_data(world: World) -> None:
    consent_id = world.granted()
    world.fetch(world.exchange_body(consent_id))
    browser = world.browser()
    text = browser.get("/history").text
    assert "Usted dijo que sí" in text
    assert "Recibieron sus datos" in text
    held = browser.get("/my-data").json
    assert held["consents"][0]["record"]["consent_id"] == consent_id
    assert held["access_log"][0]["outcome"] == "released"
    assert "evidence" not in json.dumps(held)
    assert world.browser("22222222-2").get("/my-data").json == {"consents": [], "access_log": [], "enquiries": []}
    assert "Ningún registro está conectado" in browser.get("/elsewhere").text
