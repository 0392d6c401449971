"""Acting for a person by register: parents by the civil registry, guardians and curators by the courts (RP-4, RP-5, RP-7)."""

import json
import re
import runpy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select

from identity.models.history import What
from identity.models.mandate import MandateState
from identity.models.person import PersonState
from identity.operations import history, mandate_views, mandates, operating, people, register, register_entries, registry_events
from identity.operations.stages import TRIAL_PERSONS
from identity.providers.civil_registry import Change
from identity.providers.mandate_registers import COMPANY, COURT, FAMILY, Entry, Ground, ListMandateRegister, NamedPerson
from identity.standards.oidc_claims import Facts
from identity.standards.yes_no import begin_of_day, birthday
from identity.tasks import tend_mandates
from shared.run import parse_run
from tests.conformance.identity.test_passkeys import enter
from tests.conformance.identity.test_representation import (
    ACT_FOR,
    ACTOR,
    BAKERY,
    CLAIM,
    GIVER,
    SCOPES,
    begin,
    choose,
    entry,
    read,
    redeem,
    userinfo,
    whom,
)
from tests.factories.identity import RESOURCE, SECRET, House, sent_to_client, web_client, words_of

CHILD, NAME, BORN = "26543218-2", "Amaya Antonia Rojas Soto", date(2016, 5, 4)
AMAYA = NamedPerson(parse_run(CHILD), ("Amaya", "Antonia"), ("Rojas", "Soto"), BORN, alive=True)
OLD = replace(AMAYA, born_on=date(1938, 8, 15))
GUIDE = Path(__file__).resolve().parents[3] / "docs/identity/representation.md"
Registers = dict[str, ListMandateRegister]


def tie(**changes: Any) -> Entry:
    """A mother's entry."""
    made = Entry("N-1", AMAYA, parse_run(ACTOR), ("read", "sign"), 1, BORN, None, False, Ground.PARENT)
    return replace(made, **changes)


def order(**changes: Any) -> Entry:
    """A court's entry: a curator of an old woman."""
    return tie(**{"entry": "C-1", "principal": OLD, "ground": Ground.CURATOR, **changes})


@pytest.fixture
def registers(house: House) -> Registers:
    """Three registers in which nothing stands yet, and clients that ask for whom a person acts."""
    made = {name: ListMandateRegister() for name in (COMPANY, FAMILY, COURT)}
    house.identity.__dict__["mandate_registers"] = made
    house.identity.settings = replace(house.identity.settings, mandate_level=1)
    for client_id, more in (("tax", ()), ("customs", ("run",))):
        scopes, sector = (*SCOPES, *more), f"{client_id}.example"
        new = web_client(client_id=client_id, scopes=scopes, sector=sector, authorization_details_types=(ACT_FOR,))
        register.create_client(house.identity, new, actor="test", secret=SECRET)
    return made


def signed_in_for(house: House, name: str, client_id: str = "tax", run: str = ACTOR) -> dict[str, Any]:
    """What the token endpoint gives who chose somebody."""
    return redeem(house, choose(begin(house, run, client_id=client_id), name), client_id)


def tend(house: House) -> None:
    """Let the job run that runs twice a minute."""
    house.clock.advance(seconds=30)
    tend_mandates(house.identity)


@pytest.mark.rule("identity", "RP-1", "RP-2", "RP-4")
def test_a_mother_acts_for_her_child_who_has_no_account(house: House, registers: Registers) -> None:
    registers[FAMILY].put(tie())
    reply = signed_in_for(house, NAME, "customs")
    told = read(house, reply["id_token"])
    represents = told[CLAIM]
    assert (represents["type"], represents["name"], represents["source"]) == ("person", NAME, "registry")
    assert represents["id"] == {"numero": 26543218, "DV": "2", "tipo": "RUN"}
    assert represents["powers"] == ["read", "sign"]
    assert represents["valid_until"] == "2034-05-04T04:00:00.000Z", "until she comes of age, by the clock in Chile"
    assert "powers_joint" not in represents
    assert told["sub"] != represents["sub"]
    assert userinfo(house, reply).json["name"] == "Camila Andrea Soto Pérez", "the subject is the mother"
    assert house.state_of(CHILD) == PersonState.PENDING, "a child is no account"
    stranger = house.browser()
    stranger.authorize()
    assert stranger.log_in(CHILD).status_code == 400
    shown = words_of(enter(house).open("/account/mandates"))
    assert NAME in shown
    assert "Del Registro Civil." in shown


@pytest.mark.rule("identity", "RP-2", "RP-4")
def test_a_court_names_a_curator_of_any_age_and_for_as_long_as_it_says(house: House, registers: Registers) -> None:
    registers[COURT].put(order())
    represents = read(house, signed_in_for(house, NAME)["id_token"])[CLAIM]
    assert (represents["source"], represents.get("valid_until")) == ("court", None)
    assert "De un tribunal." in words_of(enter(house).open("/account/mandates"))
    registers[COURT].put(order(valid_until=date(2026, 12, 31)))
    tend(house)
    again = read(house, signed_in_for(house, NAME)["id_token"])[CLAIM]
    assert (again["mandate_id"], again["valid_until"]) == (represents["mandate_id"], "2027-01-01T03:00:00.000Z")


@pytest.mark.rule("identity", "RP-4", "RP-5")
@pytest.mark.parametrize("ground", [Ground.PARENT, Ground.GUARDIAN])
def test_who_comes_of_age_is_acted_for_no_more(house: House, registers: Registers, ground: Ground) -> None:
    tomorrow = date(2026, 6, 9)
    nearly = replace(AMAYA, born_on=tomorrow.replace(year=2008))
    name = FAMILY if ground is Ground.PARENT else COURT
    registers[name].put(tie(principal=nearly, ground=ground, valid_until=date(2030, 1, 1)))
    reply = signed_in_for(house, NAME)
    house.clock.advance(seconds=(begin_of_day(tomorrow) - house.clock.now()).total_seconds())
    assert userinfo(house, reply).status_code == 401, "from midnight in Chile on, whether a job ran or not"
    page = begin(house).page
    assert page is not None
    assert "code" in sent_to_client(page), "nothing to choose, although the register still says it"
    tend(house)
    assert [row.state for row in rows(house)] == [MandateState.EXPIRED]
    register_entries.look(house.identity, house.person_id(ACTOR))
    assert len(rows(house)) == 1, "and it does not come back"


@pytest.mark.rule("identity", "RP-4")
@pytest.mark.parametrize(("born", "of_age"), [(date(2008, 2, 29), date(2026, 3, 1)), (date(2008, 12, 31), date(2026, 12, 31))])
def test_the_day_of_full_age(born: date, of_age: date) -> None:
    assert birthday(born, register_entries.FULL_AGE) == of_age


def rows(house: House) -> list[Any]:
    with house.identity.reading() as tx:
        return list(tx.connection.execute(select(mandates.MANDATES).order_by(mandates.MANDATES.c.created_at)).all())


@pytest.mark.rule("identity", "RP-4", "RP-6")
def test_of_two_guardians_each_has_a_power_of_their_own(house: House, registers: Registers) -> None:
    for number, run in (("C-1", ACTOR), ("C-2", GIVER)):
        registers[COURT].put(order(entry=number, person=parse_run(run), ground=Ground.GUARDIAN, principal=AMAYA, joint=2))
    hers, his = (signed_in_for(house, NAME, run=run) for run in (ACTOR, GIVER))
    told = [read(house, reply["id_token"])[CLAIM] for reply in (hers, his)]
    assert [one["powers_joint"] for one in told] == [2, 2], "the service collects both"
    assert len({one["mandate_id"] for one in told}) == 2
    assert len({one["sub"] for one in told}) == 1, "by this it sees that both mean one child"
    registers[COURT].strike("C-1")
    tend(house)
    assert [userinfo(house, reply).status_code for reply in (hers, his)] == [401, 200]
    assert read(house, signed_in_for(house, NAME, run=GIVER)["id_token"])[CLAIM]["powers_joint"] == 2, "and nobody alone"


def agree_as_the_guide_says(folder: Path) -> Callable[[dict[str, Any], dict[str, Any]], bool]:
    """The function of docs/identity/representation.md."""
    block = re.search(r"^```python collect.py\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert block is not None
    (folder / "collect.py").write_text(block[1], encoding="utf-8")
    return runpy.run_path(str(folder / "collect.py"))["agree"]  # type: ignore[no-any-return]  # a module has no types


@pytest.mark.rule("identity", "RP-6")
def test_a_service_collects_as_the_guide_says(house: House, registers: Registers, tmp_path: Path) -> None:
    for number, run in (("C-1", ACTOR), ("C-2", GIVER)):
        registers[COURT].put(order(entry=number, person=parse_run(run), joint=2))
    registers[COURT].put(order(entry="C-3", principal=replace(OLD, run=parse_run("4118302-0"), given_names=("Hortensia",)), joint=2))
    agree = agree_as_the_guide_says(tmp_path)
    one, other = (read(house, signed_in_for(house, NAME, run=run)["id_token"]) for run in (ACTOR, GIVER))
    again, elsewhere = (read(house, signed_in_for(house, name)["id_token"]) for name in (NAME, "Hortensia Rojas Soto"))
    act: dict[str, Any] = {"principal": one[CLAIM]["sub"], "power": "sign", "agreed": {}}
    assert [agree(act, claims) for claims in (one, again)] == [False, False], "one person twice is one"
    for wrong in (elsewhere, {"sub": "x"}, other | {CLAIM: other[CLAIM] | {"powers": ["read"]}}):
        with pytest.raises(PermissionError):
            agree(act, wrong)
    assert agree(act, other)
    alone = {name: value for name, value in one[CLAIM].items() if name != "powers_joint"}
    assert agree({**act, "agreed": {}, "needed": 1}, one | {CLAIM: alone}), "where one is enough, nothing is collected"


@pytest.mark.rule("identity", "RP-2", "RP-6")
def test_every_token_and_answer_says_how_many_must_act(house: House, registers: Registers) -> None:
    registers[COURT].put(order(joint=3))
    reply = signed_in_for(house, NAME)
    asked = {"token": reply["access_token"], "client_id": "tax", "client_secret": SECRET}
    browser = begin(house, scope="openid represent notify:send", resource=RESOURCE)
    for_a_service = redeem(house, choose(browser, NAME))["access_token"]
    told = [read(house, reply["id_token"]), userinfo(house, reply).json, read(house, for_a_service)]
    told.append(house.client().post("/openid/introspect", data=asked).json or {})
    assert [one[CLAIM]["powers_joint"] for one in told] == [3] * 4


@pytest.mark.rule("identity", "RP-5")
@pytest.mark.parametrize("how", ["event", "look", "less"])
@pytest.mark.parametrize(("name", "made"), [(FAMILY, tie()), (COURT, order())])
def test_what_a_register_ends_is_over_within_a_minute(house: House, registers: Registers, name: str, made: Entry, how: str) -> None:
    registers[name].put(made)
    reply = signed_in_for(house, NAME)
    if how == "look":
        registers[name].entries.clear()
        register_entries.look(house.identity, house.person_id(ACTOR))
    else:
        if how == "event":
            registers[name].strike(made.entry)
        else:
            registers[name].put(replace(made, powers=("read",)))
        tend(house)
    assert userinfo(house, reply).status_code == 401
    asked = {"token": reply["access_token"], "client_id": "tax", "client_secret": SECRET}
    assert house.client().post("/openid/introspect", data=asked).json == {"active": False}
    offered = begin(house).page
    assert offered is not None
    assert (NAME in offered.get_data(as_text=True)) == (how == "less")
    what = [row.what for row in history.read(house.identity, house.person_id(CHILD))]
    assert what.count(What.MANDATE_USED) == 1, "who is acted for finds each use, should they have an account one day"
    assert (what[0] is What.MANDATE_ENDED) == (how != "less")


@pytest.mark.rule("identity", "RP-7")
@pytest.mark.parametrize("who", ["child", "child by its own register", "mother"])
def test_a_death_ends_it_the_same_day(house: House, registers: Registers, who: str) -> None:
    registers[FAMILY].put(tie())
    reply = signed_in_for(house, NAME)
    if who == "child by its own register":
        registers[FAMILY].put(tie(principal=replace(AMAYA, alive=False)))
        tend(house)
    else:
        died = CHILD if who == "child" else ACTOR
        registry_events.apply(house.identity, Change(1, parse_run(died), ("Amaya",), ("Rojas",), alive=False))
    assert userinfo(house, reply).status_code == 401
    assert [(row.state, row.end_reason) for row in rows(house)] == [("revoked", "death")]
    registers[FAMILY].put(tie())  # a register that has not heard of it
    tend(house)
    assert len(rows(house)) == (2 if who == "child by its own register" else 1), "nobody acts for the dead, nor do they act"


@pytest.mark.rule("identity", "RP-4")
def test_a_register_says_nothing_of_the_dead(house: House, registers: Registers) -> None:
    registers[FAMILY].put(tie(principal=replace(AMAYA, alive=False)))
    register_entries.look(house.identity, house.person_id(ACTOR))
    assert rows(house) == []
    assert house.state_of(CHILD) == "", "and nobody is entered for nothing"


@pytest.mark.rule("identity", "RP-4", "RP-5")
def test_while_a_register_is_away_people_sign_in_and_pages_say_so(house: House, registers: Registers) -> None:
    registers[COURT].put(order())
    reply = signed_in_for(house, NAME)
    registers[FAMILY].away = True
    registers[COMPANY].put(entry())
    house.clock.advance(seconds=16 * 60)
    browser = begin(house)
    assert set(whom(browser)) == {"Para mí", NAME, BAKERY}, "the other registers are asked, and what was known counts"
    assert browser.page is not None
    assert "El Registro Civil no responde ahora." in words_of(browser.page)
    assert "registro de empresas" not in words_of(browser.page)
    assert "code" in sent_to_client(browser.send({"whom": "self"}))
    registers[COURT].away = True
    shown = words_of(enter(house).open("/account/mandates"))
    assert "El registro de los tribunales no responde ahora." in shown
    tend(house)
    assert userinfo(house, reply).status_code == 200, "nobody loses what they have because a machine is down"
    other = begin(house, GIVER)
    assert other.page is not None
    assert "code" in sent_to_client(other.page), "who has nothing to choose is not kept"


@pytest.mark.rule("identity", "RP-3")
def test_who_must_act_for_another_is_told_why_nobody_can_be_chosen(house: House, registers: Registers) -> None:
    wish = [{"type": ACT_FOR, "kind": "person", "powers": ["sign"]}]
    registers[FAMILY].away = True
    browser = begin(house, scope="openid", authorization_details=json.dumps(wish), resource=RESOURCE)
    assert browser.page is not None
    assert "Ahora no se puede ver por quién actúa usted" in words_of(browser.page)
    assert "Nadie le dio un permiso" not in words_of(browser.page), "that would not be known"
    registers[FAMILY].away = False
    registers[FAMILY].put(tie())
    again = begin(house, scope="openid", authorization_details=json.dumps(wish), resource=RESOURCE)
    assert set(whom(again)) == {NAME}, "asked again at the next sign-in, and not a quarter of an hour later"


@pytest.mark.rule("identity", "RP-4")
def test_two_registers_may_use_one_number(house: House, registers: Registers) -> None:
    registers[COMPANY].put(entry())
    registers[FAMILY].put(tie(entry="E-1"))
    registers[COURT].put(order(entry="E-1", principal=replace(OLD, run=parse_run("4118302-0"), given_names=("Hortensia",))))
    assert register_entries.look(house.identity, house.person_id(ACTOR)) == []
    tend(house)
    held = mandate_views.overview(house.identity, house.person_id(ACTOR)).held
    assert len(held) == 3
    registers[FAMILY].strike("E-1")
    tend(house)
    held = mandate_views.overview(house.identity, house.person_id(ACTOR)).held
    assert {view.principal for view in held} == {BAKERY, "Hortensia Rojas Soto"}


@pytest.mark.rule("identity", "RP-4", "RP-5")
def test_a_number_that_now_says_something_else_ends_what_it_said(house: House, registers: Registers) -> None:
    registers[FAMILY].put(tie())
    reply = signed_in_for(house, NAME)
    registers[FAMILY].put(tie(person=parse_run(GIVER)))
    tend(house)
    assert userinfo(house, reply).status_code == 401
    assert [row.state for row in rows(house)] == ["revoked", "active"]
    assert set(whom(begin(house, GIVER))) == {"Para mí", NAME}
    registers[FAMILY].put(tie(person=parse_run(GIVER), principal=replace(AMAYA, run=parse_run("4118302-0"))))
    tend(house)
    assert [row.state for row in rows(house)] == ["revoked", "revoked", "active"]


@pytest.mark.rule("identity", "RP-4")
@pytest.mark.parametrize("made_up", [CHILD, ACTOR])
def test_registers_do_not_speak_of_made_up_persons(house: House, registers: Registers, made_up: str) -> None:
    if made_up == CHILD:
        people.create_person(house.identity, Facts(parse_run(CHILD), ("De",), ("Prueba",)), actor="test")
    with house.identity.transaction() as tx:
        organisation = tx.connection.exec_driver_sql("SELECT id FROM organisations LIMIT 1").scalar_one()
        row = {"person_id": house.person_id(made_up), "organisation_id": organisation, "case": "minor", "password_sealed": b""}
        tx.connection.execute(TRIAL_PERSONS.insert().values(**row, made_at=house.clock.now()))
    registers[FAMILY].put(tie())
    register_entries.look(house.identity, house.person_id(ACTOR))
    tend(house)
    assert rows(house) == []


@pytest.mark.rule("identity", "RP-4")
def test_both_parents_may_sign_in_at_one_moment(house: House, registers: Registers) -> None:
    for number, run in (("N-1", ACTOR), ("N-2", GIVER)):
        registers[FAMILY].put(tie(entry=number, person=parse_run(run)))
    with ThreadPoolExecutor(4) as pool:
        ids = [house.person_id(run) for run in (ACTOR, GIVER)] * 2
        assert list(pool.map(lambda person_id: register_entries.look(house.identity, person_id), ids)) == [[]] * 4
    assert len(rows(house)) == 2
    assert len({row.principal_id for row in rows(house)}) == 1


@pytest.mark.rule("identity", "RP-4", "RP-7")
def test_a_child_with_an_account_sees_who_acts_for_them(house: House, registers: Registers) -> None:
    registers[FAMILY].put(tie(principal=replace(AMAYA, run=parse_run(GIVER), born_on=date(2011, 1, 1))))
    signed_in_for(house, "José Ñancupil")
    browser = enter(house, GIVER)
    shown = words_of(browser.open("/account/mandates"))
    assert "Camila Andrea Soto Pérez" in shown
    (view,) = mandate_views.overview(house.identity, house.person_id(GIVER)).given
    page = browser.open(f"/account/mandates/{view.mandate_id}")
    assert "Servicio Uno" in words_of(page)
    assert BeautifulSoup(page.get_data(as_text=True), "html.parser").select("main form") == [], "the register ends it, and nobody here"
    operating.set_person_suspended(house.identity, parse_run(GIVER), suspended=True, reason="x", operator_id=house.person_id(ACTOR))
    other = begin(house).page
    assert other is not None
    assert "code" in sent_to_client(other), "nobody goes round an account that is blocked"
