"""Acting for another: parents, proxies, companies, and how it ends.  Spec: wallet contract §6, U13."""

import json
from datetime import date, timedelta
from uuid import UUID

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories.wallet import FIELDS, OTHER_RUN, PUBLIC_URL, RUN, SCHOOL, World
from wallet.errors import PowerLost
from wallet.models.enquiry import AnswerKind, EnquiryKind, EnquiryState
from wallet.operations import delegation_checks, delegation_ends
from wallet.operations.enquiries import answer_enquiry, open_enquiry, settle_enquiry
from wallet.operations.presence import Acting
from wallet.providers.mandates import Mandate
from wallet.providers.memory import MemoryMandates
from wallet.standards.acting import Kind, Power, Reach

CHILD, CHILD_NAME, PARENT, COMPANY = "20347878-K", "Amaya Soto Reyes", OTHER_RUN, "76543210-3"
DAY = 86_400
PARENT_NAME = "José Ñancupil Huenchumán"


@pytest.fixture
def register(world: World) -> MemoryMandates:
    made = MemoryMandates()
    world.wallet.__dict__["mandates"] = made
    return made


def years_ago(world: World, years: int, *, days: int = 0) -> date:
    today = world.clock.now().date()
    return today.replace(year=today.year - years) + timedelta(days=days)


def child(world: World, *, years: int = 10, days: int = 100, name: str = CHILD_NAME) -> Mandate:
    born_on = years_ago(world, years, days=-days)
    return Mandate(kind=Kind.PARENT, principal=f"cl-run:{CHILD}", name=name, reference="custodia-1", born_on=born_on)


def main_of(page: TestResponse) -> str:
    found = BeautifulSoup(page.text, "html.parser").select_one("main")
    assert found is not None
    return found.get_text(" ")


def post(browser: FlaskClient, address: str, *, on: str, **fields: object) -> TestResponse:
    """Press a button of a page's form, with its mark."""
    soup = BeautifulSoup(browser.get(on).text, "html.parser")
    mark = soup.select_one("main input[name=csrf_token]") or soup.select_one("input[name=csrf_token]")
    assert mark is not None, on
    return browser.post(address, data={"csrf_token": str(mark["value"]), **fields})


def acting_browser(world: World, run: str = PARENT, name: str = PARENT_NAME) -> FlaskClient:
    """A browser whose person acts for the only one she may act for."""
    browser = world.browser(run, name=name)
    page = BeautifulSoup(browser.get("/acting").text, "html.parser")
    field = page.select_one("form[action='/acting'] input[name=delegation]")
    assert field is not None, page.main
    assert post(browser, "/acting", on="/acting", delegation=str(field["value"])).status_code == 303
    return browser


def asked(world: World, *, run: str = CHILD, scheme: str = "cl-run", **item: object) -> TestResponse:
    body = world.request_body(world.item(**item), subject={"scheme": scheme, "value": run})
    answer = world.ask(body)
    assert answer.status_code == 201, answer.json
    return answer


def consent_of(world: World, run: str = CHILD, scheme: str = "cl-run") -> dict[str, object]:
    index = world.wallet.subject_index(f"{scheme}:{run}")
    rows = world.run_sql("select consent_id, state, state_reason, confirm_by from consents where subject_index = :index", index=index)
    assert len(rows) == 1
    return dict(rows[0]._mapping)


def granted_by_parent(world: World, register: MemoryMandates, **of_child: int) -> str:
    register.by_delegate[PARENT] = [child(world, **of_child)]
    browser = acting_browser(world)
    assert world.decide(browser, asked(world).json["view_uri"], "grant").status_code == 303
    return str(consent_of(world)["consent_id"])


def appoint(world: World, *powers: Power, run: str = PARENT, dataset: str = "") -> TestResponse:
    until = (world.clock.now() + timedelta(days=200)).date().isoformat()
    fields = {"run": run, "until": until, "power": [str(power) for power in powers], **({"dataset": dataset} if dataset else {})}
    return post(world.browser(), "/delegations", on="/delegations/new", **fields)


def run_away(world: World, register: MemoryMandates) -> TestResponse:
    """A grant by the parent, a day after the register last said yes, while it is away."""
    register.by_delegate[PARENT] = [child(world)]
    acting_browser(world)
    world.clock.advance(seconds=25 * 3600)
    view_uri = asked(world).json["view_uri"]
    browser = world.browser(PARENT, name=PARENT_NAME)
    with browser.session_transaction() as session:
        session["acting"] = str(world.run_sql("select delegation_id from delegations")[0][0])
    page = browser.get(view_uri.removeprefix(PUBLIC_URL), follow_redirects=True)
    register.is_away = True
    return world.submit(browser, page, "grant")


@pytest.mark.rule("wallet", "U13")
def test_a_band_with_the_name_stands_on_each_page_until_she_stops(world: World, register: MemoryMandates) -> None:
    register.by_delegate[PARENT] = [child(world)]
    browser = acting_browser(world)
    for address in ("/", "/permissions", "/access-log"):
        band = BeautifulSoup(browser.get(address).text, "html.parser").select_one(".app-band")
        assert band is not None, address
        assert CHILD_NAME in band.get_text()
    assert post(browser, "/acting/stop", on="/").status_code == 303
    assert BeautifulSoup(browser.get("/").text, "html.parser").select_one(".app-band") is None


@pytest.mark.rule("wallet", "D6")
@pytest.mark.rule("wallet", "L9")
def test_a_parent_decides_and_record_and_receipt_name_both(world: World, register: MemoryMandates) -> None:
    consent_id = granted_by_parent(world, register)
    browser = acting_browser(world)
    page = main_of(browser.get(f"/consents/{consent_id}"))
    assert f"{PARENT_NAME}, por {CHILD_NAME}" in page
    events = world.run_sql("select event_id, actor_kind, delegation_id from consent_events where consent_id = :id", id=consent_id)
    assert [event.actor_kind for event in events] == ["delegate"]
    document = json.loads(browser.get(f"/receipts/{events[0].event_id}.jsonld").text)
    status = document["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"][0]
    assert (status["dpv:isIndicatedBy"], status["andamio:delegate"]) == ("delegate", PARENT_NAME)
    assert document["dpv:hasRecordOfActivity"]["dpv:hasDataSubject"]["schema:name"] == CHILD
    fetched = world.fetch(world.exchange_body(consent_id, subject={"scheme": "cl-run", "value": CHILD}))
    assert fetched.status_code == 200


@pytest.mark.rule("wallet", "D6")
@pytest.mark.rule("wallet", "L9")
def test_a_company_consents_through_the_officer_whom_the_body_named(world: World, register: MemoryMandates) -> None:
    officer = Mandate(kind=Kind.COMPANY, principal=f"cl-rut:{COMPANY}", name="Áridos del Maule SpA", reference="fojas 12")
    register.by_delegate[PARENT] = [officer]
    register.by_delegate[RUN] = [officer]
    refused = world.ask(world.request_body(subject={"scheme": "cl-rut", "value": COMPANY}))
    assert refused.status_code == 400  # the dataset is about persons
    world.run_sql("alter table datasets disable trigger frozen")
    world.run_sql("""update datasets set subject_kinds = '["person", "company"]'""")
    world.register.people[COMPANY] = world.register.people[RUN]
    body = world.request_body(subject={"scheme": "cl-rut", "value": COMPANY}, required_delegator={"scheme": "cl-run", "value": PARENT})
    view_uri = world.ask(body).json["view_uri"].removeprefix(PUBLIC_URL)
    other = acting_browser(world, RUN, "Camila")
    assert other.get(view_uri, follow_redirects=True).status_code == 404
    assert "Colegio" not in main_of(other.get("/"))
    browser = acting_browser(world)
    page = browser.get(view_uri, follow_redirects=True)
    assert "Áridos del Maule SpA" in main_of(page)
    assert world.submit(browser, page, "grant").status_code == 303
    consent = consent_of(world, COMPANY, "cl-rut")
    fetched = world.fetch(world.exchange_body(consent["consent_id"], subject={"scheme": "cl-rut", "value": COMPANY}))
    assert fetched.status_code == 200
    as_person = world.fetch(world.exchange_body(consent["consent_id"], subject={"scheme": "cl-run", "value": COMPANY}))
    assert as_person.json["type"].endswith("consent_mismatch")


@pytest.mark.rule("wallet", "D1")
def test_the_power_is_looked_up_at_a_grant_once_a_day(world: World, register: MemoryMandates) -> None:
    granted_by_parent(world, register)
    before = register.calls
    assert before <= 2  # the page of powers; the grant came within the day and asked nothing
    world.clock.advance(seconds=25 * 3600)
    register.by_delegate[PARENT] = []
    browser = world.browser(PARENT, name=PARENT_NAME)
    with browser.session_transaction() as session:
        session["acting"] = str(world.run_sql("select delegation_id from delegations")[0][0])
    answer = world.decide(browser, asked(world).json["view_uri"], "grant")
    assert (answer.status_code, register.calls) == (403, before + 1)
    assert world.run_sql("select end_reason from delegations")[0][0] == "not_in_register"


@pytest.mark.rule("wallet", "D1")
def test_while_the_register_is_away_an_old_word_is_not_enough(world: World, register: MemoryMandates) -> None:
    assert run_away(world, register).status_code == 503
    assert world.run_sql("select count(*) from consents")[0][0] == 0


@pytest.mark.rule("wallet", "D2")
@pytest.mark.rule("wallet", "L16")
def test_a_proxy_only_looks_unless_the_power_to_consent_is_express(world: World) -> None:
    view_uri = world.ask().json["view_uri"]
    assert appoint(world).status_code == 303
    browser = acting_browser(world)
    assert "Colegio Las Araucarias" in main_of(browser.get("/"))
    assert world.decide(browser, view_uri, "grant").status_code == 403
    assert world.decide(browser, view_uri, "refuse").status_code == 403
    assert appoint(world, Power.GRANT).status_code == 303  # new terms take the place of the old
    assert world.decide(acting_browser(world), world.ask().json["view_uri"], "grant").status_code == 303
    assert [row[0] for row in world.run_sql("select state from consents")] == ["active"]


@pytest.mark.rule("wallet", "U13")
def test_a_delegate_sees_only_what_the_delegation_covers(world: World) -> None:
    consent_id = world.granted()
    assert appoint(world, Power.WITHDRAW, dataset="another-dataset").status_code == 303
    browser = acting_browser(world)
    assert "Colegio" not in main_of(browser.get("/"))
    assert browser.get(f"/consents/{consent_id}").status_code == 404
    world.fetch(world.exchange_body(consent_id))
    assert browser.get("/me/access-log").json["lines"] == []
    assert len(world.browser().get("/me/access-log").json["lines"]) == 1
    for address in ("/elsewhere", "/mailbox", "/notices"):
        assert browser.get(address).status_code == 403, address
    assert browser.get("/my-data").json == {"consents": [], "access_log": [], "enquiries": []}
    assert "Colegio" not in main_of(browser.get("/history"))


@pytest.mark.rule("wallet", "D8")
def test_a_delegate_asks_for_the_principal_who_sees_the_question_and_who_asked(world: World) -> None:
    world.fetch(world.exchange_body(world.granted()))
    assert appoint(world, Power.VIEW).status_code == 303
    browser = acting_browser(world)
    txn = browser.get("/me/access-log").json["lines"][0]["txn"]
    page = browser.get(f"/access-log/{txn}/ask")
    assert world.submit(browser, page, "", kind="why", question="¿Por qué?").status_code == 303
    assert "¿Por qué?" in browser.get("/my-data").json["enquiries"][0]["question"]
    assert "Colegio" in main_of(world.browser().get("/enquiries"))
    opened = [core for core in all_cores(world) if core.get("action") == "wallet:enquiry:opened"]
    assert opened[0]["on_behalf_of"].startswith("delegation:")
    assert "hizo una pregunta" in main_of(world.browser().get("/done-for-me"))


@pytest.mark.rule("wallet", "§6", "D9")
def test_a_delegate_who_only_looks_ends_no_question_and_one_whose_power_ended_asks_none(world: World) -> None:
    world.fetch(world.exchange_body(world.granted()))
    assert appoint(world, Power.VIEW).status_code == 303
    browser = acting_browser(world)
    txn = browser.get("/me/access-log").json["lines"][0]["txn"]
    made = world.submit(browser, browser.get(f"/access-log/{txn}/ask"), "", kind="why", question="¿Por qué?")
    answer_enquiry(world.wallet, [SCHOOL], UUID(made.location[-36:]), kind=AnswerKind.MISTAKE, law=None, text="", actor="staff:1")
    for decision in ("accept", "close"):
        assert post(browser, made.location, on="/access-log/" + txn + "/ask", decision=decision).status_code == 403, decision
    assert world.run_sql("select state from enquiries")[0][0] == "answered"
    row = world.run_sql("select delegation_id, powers from delegations")[0]
    ended = Acting(
        delegation_id=row.delegation_id,
        subject=f"cl-run:{RUN}",
        name="",
        kind=Kind.PROXY,
        powers=frozenset({Power.VIEW, Power.WITHDRAW}),
        reach=Reach(),
    )
    world.run_sql("update delegations set state = 'ended', end_reason = 'revoked', state_since = now()")
    late = world.presence(PARENT).for_another(ended)
    with pytest.raises(PowerLost):
        open_enquiry(world.wallet, late, UUID(txn), kind=EnquiryKind.WHY, question="", lang="es")
    with pytest.raises(PowerLost):
        settle_enquiry(world.wallet, late, UUID(made.location[-36:]), EnquiryState.ACCEPTED)


@pytest.mark.rule("wallet", "D8")
def test_what_a_delegate_looked_at_is_named(world: World) -> None:
    assert appoint(world, Power.VIEW).status_code == 303
    browser = acting_browser(world)
    for address in ("/my-data", "/history", "/enquiries"):
        assert browser.get(address).status_code == 200
    words = main_of(world.browser().get("/done-for-me"))
    for said in ("descargó lo que se guarda sobre usted", "miró su historial", "miró sus preguntas"):
        assert said in words, said


def all_cores(world: World) -> list[dict[str, object]]:
    return [json.loads(row[0]) for row in world.run_sql("select core from audit_entries order by entry_id")]


@pytest.mark.rule("wallet", "D3")
def test_at_18_the_parents_consent_waits_thirty_days_for_the_young_persons_word(world: World, register: MemoryMandates) -> None:
    consent_id = granted_by_parent(world, register, years=18, days=-10)  # 18 in ten days
    world.clock.advance(seconds=11 * DAY)
    parent = world.browser(PARENT, name=PARENT_NAME)
    with parent.session_transaction() as session:
        session["acting"] = str(world.run_sql("select delegation_id from delegations")[0][0])
    assert parent.get("/").status_code == 403  # the clock alone ends it, before any job ran
    assert delegation_ends.run_clock(world.wallet) == 1
    assert world.run_sql("select end_reason from delegations")[0][0] == "majority"
    young = world.browser(CHILD, name=CHILD_NAME)
    assert "Usted ya tiene 18" in main_of(young.get(f"/consents/{consent_id}"))
    subject = {"scheme": "cl-run", "value": CHILD}
    assert world.fetch(world.exchange_body(consent_id, subject=subject)).json["reason"] == "no_record"  # it still holds
    world.clock.advance(seconds=30 * DAY)  # nobody said anything; no job has run
    assert world.fetch(world.exchange_body(consent_id, subject=subject)).status_code == 403
    delegation_ends.run_clock(world.wallet)
    assert (consent_of(world)["state"], consent_of(world)["state_reason"]) == ("invalidated", "delegation_ended")


@pytest.mark.rule("wallet", "D3")
def test_of_age_she_keeps_it_and_it_lives_on(world: World, register: MemoryMandates) -> None:
    consent_id = granted_by_parent(world, register, years=18, days=-10)
    young = world.browser(CHILD, name=CHILD_NAME)
    assert post(young, f"/consents/{consent_id}/keep", on=f"/consents/{consent_id}").status_code == 403  # not yet 18
    world.clock.advance(seconds=12 * DAY)
    young = world.browser(CHILD, name=CHILD_NAME)
    assert post(young, f"/consents/{consent_id}/keep", on=f"/consents/{consent_id}").status_code == 303
    assert consent_of(world)["confirm_by"] is None
    kinds = [row[0] for row in world.run_sql("select type from consent_events order by event_id")]
    assert kinds == ["granted", "confirmed"]
    world.clock.advance(seconds=10 * DAY)
    delegation_ends.run_clock(world.wallet)
    assert consent_of(world)["state"] == "active"


@pytest.mark.rule("wallet", "D4")
@pytest.mark.parametrize(
    ("years", "fields", "is_seen"), [(13, ["full_name"], False), (14, ["full_name"], True), (15, FIELDS, False), (16, FIELDS, True)]
)
def test_an_adolescent_sees_and_ends_what_a_parent_gave_from_an_age(
    world: World, register: MemoryMandates, years: int, fields: list[str], is_seen: bool
) -> None:
    register.by_delegate[PARENT] = [child(world, years=years)]
    world.decide(acting_browser(world), asked(world, fields=fields).json["view_uri"], "grant")
    consent_id = consent_of(world)["consent_id"]
    young = world.browser(CHILD, name=CHILD_NAME)
    assert (young.get(f"/consents/{consent_id}").status_code == 200) is is_seen
    assert ("Colegio" in main_of(young.get("/permissions"))) is is_seen
    if is_seen:
        assert post(young, f"/consents/{consent_id}/withdraw", on=f"/consents/{consent_id}/withdraw").status_code == 200
        assert consent_of(world)["state"] == "withdrawn"


@pytest.mark.rule("wallet", "D5")
def test_a_delegate_hands_nothing_on_and_widens_nothing(world: World) -> None:
    appoint(world, Power.GRANT)
    browser = acting_browser(world)
    for address in ("/acting", "/delegations/new", "/done-for-me"):
        assert browser.get(address).status_code == 403, address
    assert post(browser, "/delegations", on="/", run=CHILD, until="2027-01-01", power="grant").status_code == 403
    assert world.run_sql("select count(*) from delegations")[0][0] == 1


@pytest.mark.rule("wallet", "D7")
def test_the_end_stops_new_acts_at_once_and_what_a_principal_could_have_given_lives_on(world: World) -> None:
    appoint(world, Power.GRANT, Power.WITHDRAW)
    proxy = acting_browser(world)
    view_uri = world.ask().json["view_uri"]
    assert world.decide(proxy, view_uri, "grant").status_code == 303
    page = proxy.get(world.ask().json["view_uri"].removeprefix(PUBLIC_URL), follow_redirects=True)
    delegation = world.run_sql("select delegation_id from delegations")[0][0]
    assert post(world.browser(), f"/delegations/{delegation}/end", on="/acting").status_code == 303
    assert world.submit(proxy, page, "grant").status_code == 403
    assert [row[0] for row in world.run_sql("select state from consents")] == ["active"]
    assert post(world.browser(), f"/delegations/{delegation}/end", on="/acting").status_code == 303  # again changes nothing
    stranger = world.browser(CHILD, name=CHILD_NAME)
    assert post(stranger, f"/delegations/{delegation}/end", on="/acting").status_code == 404


@pytest.mark.rule("wallet", "D7")
def test_custody_that_is_lost_takes_the_consents_with_it(world: World, register: MemoryMandates) -> None:
    granted_by_parent(world, register)
    register.by_delegate[PARENT] = []
    world.clock.advance(seconds=25 * 3600)
    assert delegation_checks.recheck(world.wallet) == 1
    assert (consent_of(world)["state"], consent_of(world)["state_reason"]) == ("invalidated", "delegation_ended")
    jobs = [row[0] for row in world.run_sql("select job from outbox")]
    assert "announce_delegation" in jobs


@pytest.mark.rule("wallet", "D8")
@pytest.mark.rule("wallet", "§6")
def test_the_principal_sees_each_act_of_the_delegate_and_it_is_in_the_log(world: World) -> None:
    appoint(world, Power.GRANT)
    browser = acting_browser(world)
    world.decide(browser, world.ask().json["view_uri"], "grant")
    browser.get("/access-log")
    shown = main_of(world.browser().get("/done-for-me"))
    for words in (PARENT_NAME, "dio un permiso", "dijo que sí a una solicitud", "miró quién vio sus datos"):
        assert words in shown
    cores = [json.loads(row[0]) for row in world.run_sql("select core from audit_entries order by entry_id")]
    acted = [core for core in cores if core.get("on_behalf_of")]
    assert {core["action"] for core in acted} >= {"wallet:delegation:used", "wallet:consent:granted", "wallet:request:granted"}
    assert PARENT_NAME not in json.dumps(cores)


@pytest.mark.rule("wallet", "D9")
def test_a_death_in_the_register_closes_all_consents_and_powers(world: World, register: MemoryMandates) -> None:
    granted_by_parent(world, register)
    asked(world)
    died = child(world)
    register.by_delegate[PARENT] = [Mandate(**{**vars(died), "is_deceased": True})]
    world.clock.advance(seconds=25 * 3600)
    delegation_checks.recheck(world.wallet)
    assert (consent_of(world)["state"], consent_of(world)["state_reason"]) == ("invalidated", "subject_deceased")
    assert [row[0] for row in world.run_sql("select state from consent_request_items order by state")] == ["accepted", "invalidated"]
    assert world.run_sql("select end_reason from delegations")[0][0] == "deceased"


@pytest.mark.rule("wallet", "§6")
@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"run": "11.111.111-2"}, "dígito"),
        ({"until": "mañana"}, "cinco años"),
        ({"until": "2020-01-01"}, "cinco años"),
    ],
)
def test_a_wrong_form_says_what_to_do_and_keeps_what_was_typed(world: World, fields: dict[str, str], says: str) -> None:
    answer = post(world.browser(), "/delegations", on="/delegations/new", **{"run": PARENT, "until": "2026-12-31", **fields})
    assert answer.status_code == 400
    assert says in main_of(answer)
    assert next(iter(fields.values())) in answer.text


@pytest.mark.rule("wallet", "§6")
def test_nobody_acts_for_herself_or_by_anothers_power(world: World, register: MemoryMandates) -> None:
    assert appoint(world, run=RUN).status_code == 400
    appoint(world, Power.GRANT)
    delegation = str(world.run_sql("select delegation_id from delegations")[0][0])
    stranger = world.browser(CHILD, name=CHILD_NAME)
    assert post(stranger, "/acting", on="/acting", delegation=delegation).status_code == 403
