"""Help at a counter, on the telephone and in the neighbourhood: proofs, tokens, limits, and what the person sees (§4.2)."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from bs4 import BeautifulSoup
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import text

from identity.models.assisted import Proof
from identity.models.history import What
from identity.models.organisation import Role
from identity.models.person import PersonState
from identity.operations import (
    assistance,
    assistance_views,
    assisted_sessions,
    history,
    people,
    register,
    sessions,
    teams,
)
from identity.operations.assistance import Ask, Begun
from identity.operations.refusals import AssistanceNotFound, AssistanceRefused, NotOfTheTeam
from identity.operations.retention import forget_history
from identity.providers.civil_registry import ListRegistry, RegistryPerson
from identity.standards.acr import ASSISTED, ONE_FACTOR
from identity.standards.oidc_claims import Facts
from shared.problems import TooManyRequests
from shared.run import parse_run
from shared.states import WrongState
from tests.conformance.identity.test_account import form_at
from tests.conformance.identity.test_login import code_now
from tests.conformance.identity.test_passkeys import enter
from tests.factories.identity import PASSWORD, RESOURCE, RUN, RUN_TOTP, SECRET, Browser, House, sent_to_client, web_client, words_of

AGENT, CITIZEN, COLLEAGUE, CARD = RUN_TOTP, RUN, "33333333-3", "A000000001"
ACTIONS = ("information", "draft")


@pytest.fixture
def office(house: House) -> House:
    """A counter: an agent, a colleague, a service that lets agents help, and a civil registry."""
    house.identity.settings = replace(house.identity.settings, staff_level=1, assist_review_percent=0)
    camila = RegistryPerson(("Camila",), ("Soto",), date(1990, 1, 1), alive=True, document_valid=True)
    house.identity.__dict__["civil_registry"] = ListRegistry({(CITIZEN, CARD): camila})
    rosa = people.create_person(house.identity, Facts(parse_run(COLLEAGUE), ("Rosa",), ("Quilodrán",)), actor="test")
    people.set_password(house.identity, rosa, PASSWORD, actor="test")
    for run in (AGENT, COLLEAGUE):
        register.add_member(house.identity, org_id="org-one", run=parse_run(run), role=Role.AGENT, expires_at=None, actor="test")
    new = web_client(client_id="counter", scopes=("openid", "name", "run", "assist", "notify:send"), sector="counter.example")
    new = replace(new, grant_types=("authorization_code", "refresh_token"), backchannel_logout_uri="https://counter.example/out")
    register.create_client(house.identity, new, actor="test", secret=SECRET)
    return house


def ask(**changes: Any) -> Ask:
    made = Ask(parse_run(CITIZEN), "counter", "org-one", "mesón 3", "Llenar el formulario", "counter", ACTIONS, Proof.CARD)
    return replace(made, **{"document_number": CARD, "signed": True, **changes})


def begin(house: House, agent: str = AGENT, **changes: Any) -> Begun:
    return assistance.begin(house.identity, ask(**changes), agent_id=house.person_id(agent))


def at_service(house: House, run: str = AGENT, **changes: str) -> Browser:
    """An agent's browser at the service's page for agents: at the chooser, or where it was led without one."""
    browser = house.browser()
    browser.authorize(**{"client_id": "counter", "scope": "openid name run assist", **changes})
    browser.log_in(run)
    if run == RUN_TOTP:
        house.clock.advance(seconds=30)  # each code once
        browser.send({"code": code_now(house)})
    return browser


def redeem(house: House, browser: Browser, whom: str) -> dict[str, Any]:
    code = sent_to_client(browser.send({"whom": whom}))["code"]
    answer = house.token(house.code_form(code, client_id="counter"))
    assert answer.status_code == 200, answer.json
    return dict(answer.json or {})


def read(house: House, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(house.client().get("/openid/jwks").json or {})
    return dict(jwt.decode(token, keys, algorithms=["ES256"]).claims)


def userinfo(house: House, reply: dict[str, Any]) -> Any:
    return house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {reply['access_token']}"})


@pytest.mark.rule("identity", "AS-1", "AS-2", "AS-3", "AS-4", "AS-5")
def test_an_agent_at_the_counter_helps_and_the_token_says_so(office: House) -> None:
    begun = begin(office)
    assert begun.state == "open"
    assert office.notices() == ["assisted", "assisted"], "the person is told at once, on each contact"
    mine = read(office, redeem_self(office, CITIZEN)["id_token"])
    reply = redeem(office, at_service(office, resource=RESOURCE, scope="openid name run assist offline_access"), begun.assisted_id)
    told, access = read(office, reply["id_token"]), read(office, reply["access_token"])
    assert told["sub"] == mine["sub"], "the subject is the person who is helped"
    for claims in (told, access):
        act = claims["act"]
        assert {name: act[name] for name in ("org", "office", "role")} == {"org": "org-one", "office": "mesón 3", "role": "agent"}
        assert act["sub"] != claims["sub"]
        assert (claims["acr"], claims["urn:andamio:assist_proof"]) == (ASSISTED, "card")
        assert claims["urn:andamio:assist"]["actions"] == list(ACTIONS)
    assert "refresh_token" not in reply, "nothing outlives the session, whatever was asked"
    introspected = office.client().post(
        "/openid/introspect", data={"token": reply["access_token"], "client_id": "counter", "client_secret": SECRET}
    )
    assert introspected.json["act"]["org"] == "org-one"
    row = history.read(office.identity, office.person_id(CITIZEN), what=[What.ASSISTED])[0]
    assert (row.details["agent"], row.details["reason"], row.details["channel"]) == ("org-one", "Llenar el formulario", "counter")


def redeem_self(house: House, run: str) -> dict[str, Any]:
    browser = house.browser()
    sent = browser.sign_in(run, client_id="counter", scope="openid name run")
    return dict(house.token(house.code_form(sent["code"], client_id="counter")).json or {})


@pytest.mark.rule("identity", "AS-2", "AS-3", "CB-9")
def test_on_the_telephone_the_person_says_yes_on_their_own_device(office: House) -> None:
    begun = begin(office, channel="telephone", proof=Proof.DEVICE)
    assert begun.state == "asked"
    assert len(begun.match_code) == 2
    agent = at_service(office)
    assert "code" in sent_to_client(agent.page), "nobody is helped yet"  # type: ignore[arg-type]  # it was opened
    citizen = office.browser()
    citizen.open("/account/requests")
    listed = citizen.log_in(CITIZEN)
    link = BeautifulSoup(listed.get_data(as_text=True), "html.parser").select_one("main li a")
    assert link is not None
    shown = citizen.open(str(link["href"]))
    assert "org-one" in words_of(shown)
    assert "Llenar el formulario" in words_of(shown)
    citizen.send({"decision": "grant", "match_code": begun.match_code})
    reply = redeem(office, at_service(office), begun.assisted_id)
    told = read(office, reply["id_token"])
    assert (told["acr"], told["amr"]) == (ONE_FACTOR, ["pwd"]), "the person's own proof"
    assert told["urn:andamio:assist_proof"] == "device"
    assert told["act"]["role"] == "agent"


@pytest.mark.rule("identity", "AS-2", "CB-10")
@pytest.mark.parametrize("decision", ["refuse", "not_me", "wrong number"])
def test_a_no_ends_it_and_a_wrong_number_is_a_no(office: House, decision: str) -> None:
    begun = begin(office, proof=Proof.DEVICE)
    citizen = office.browser()
    citizen.open("/account/requests")
    listed = citizen.log_in(CITIZEN)
    link = BeautifulSoup(listed.get_data(as_text=True), "html.parser").select_one("main li a")
    assert link is not None
    citizen.open(str(link["href"]))
    other = f"{(int(begun.match_code) + 1) % 100:02}"
    citizen.send({"decision": "grant", "match_code": other} if decision == "wrong number" else {"decision": decision})
    assert assistance_views.of_agent(office.identity, office.person_id(AGENT)) == []
    assert len(office.audited("identity:assisted-session:refused")) == 1
    assert office.audited("identity:assisted-session:opened") == []


@pytest.mark.rule("identity", "§3.11")
def test_nobody_is_helped_at_a_service_on_trial_that_they_do_not_reach(office: House) -> None:
    with office.identity.db.begin() as connection:
        connection.execute(text("UPDATE services SET stage = 'trial' WHERE service_id = 'service-one'"))
    with pytest.raises(AssistanceRefused, match="trial"):
        begin(office)
    told = [begin(office, proof=Proof.DEVICE, run=parse_run(run)).state for run in (CITIZEN, "7654321-6")]
    assert told == ["asked", "asked"], "the agent does not learn who has an account"
    assert len(office.audited("identity:assisted-session:begun")) == 2


@pytest.mark.rule("identity", "AS-2", "CB-8")
def test_nobody_learns_whether_a_run_has_an_account(office: House) -> None:
    known, unknown = begin(office, proof=Proof.DEVICE), begin(office, proof=Proof.DEVICE, run=parse_run("7654321-6"))
    assert (known.state, len(known.match_code)) == (unknown.state, len(unknown.match_code)) == ("asked", 2)
    told = set()
    for run in (CITIZEN, "7654321-6"):
        with pytest.raises(AssistanceRefused) as refused:
            begin(office, proof=Proof.CODE, code="123456", run=parse_run(run))
        told.add(refused.value.detail)
    assert len(told) == 1


@pytest.mark.rule("identity", "AS-2")
@pytest.mark.parametrize(("kind", "proof", "life"), [("now", Proof.CODE, 15 * 60), ("telephone", Proof.PHONE_CODE, 30 * 86_400)])
def test_a_code_of_the_person_lets_one_agent_help_once(office: House, kind: str, proof: Proof, life: int) -> None:
    def make() -> str:
        citizen = enter(office, CITIZEN)
        citizen.open("/account/help")
        page = citizen.send({}, form=form_at(citizen, f"/codes/{kind}"))
        found = BeautifulSoup(page.get_data(as_text=True), "html.parser").select_one(".app-code")
        assert found is not None
        return found.get_text()

    code = make()
    with pytest.raises(AssistanceRefused):
        begin(office, proof=Proof.PHONE_CODE if proof is Proof.CODE else Proof.CODE, code=code)
    assert begin(office, proof=proof, code=code).state == "open"
    with pytest.raises(AssistanceRefused):
        begin(office, proof=proof, code=code)
    late = make()
    office.clock.advance(seconds=life)
    with pytest.raises(AssistanceRefused):
        begin(office, proof=proof, code=late)
    guessed = make()
    for _ in range(5):
        with pytest.raises(AssistanceRefused):
            begin(office, proof=proof, code="000000" if guessed != "0000 00" else "111111")
    with pytest.raises(AssistanceRefused):
        begin(office, proof=proof, code=guessed)


@pytest.mark.rule("identity", "AS-1", "AS-2", "AS-7", "AS-9")
@pytest.mark.parametrize(
    "changes",
    [
        {"document_number": "A9"},
        {"signed": False},
        {"channel": "telephone"},
        {"actions": ("submit",)},
        {"actions": ()},
        {"actions": ("information", "password")},
        {"reason": "x"},
        {"client_id": "web"},
        {"client_id": "identity-account"},
        {"org_id": "org-private"},
        {"run": parse_run(AGENT)},
    ],
)
def test_help_that_is_refused(office: House, changes: dict[str, Any]) -> None:
    with pytest.raises(AssistanceRefused):
        begin(office, **changes)
    assert office.audited("identity:assisted-session:opened") == []


@pytest.mark.rule("identity", "AS-4")
def test_it_ends_after_half_an_hour_and_with_a_press(office: House) -> None:
    for how in ("time", "press", "agent signs out"):
        begun = begin(office)
        browser = at_service(office)
        reply = redeem(office, browser, begun.assisted_id)
        assert userinfo(office, reply).json["act"]["org"] == "org-one"
        if how == "time":
            office.clock.advance(seconds=30 * 60)
            assert userinfo(office, reply).status_code == 401, "before any job has run"
            assert assisted_sessions.expire_due(office.identity) == 1
        elif how == "press":
            assistance.close(office.identity, begun.assisted_id, agent_id=office.person_id(AGENT))
        else:
            end_session_of(office, AGENT)
        assert userinfo(office, reply).status_code == 401
        office.clock.advance(seconds=86_400)
    twice = begin(office)
    assistance.close(office.identity, twice.assisted_id, agent_id=office.person_id(AGENT))
    with pytest.raises(WrongState):
        assistance.close(office.identity, twice.assisted_id, agent_id=office.person_id(AGENT))


def end_session_of(house: House, run: str) -> None:
    with house.identity.transaction() as tx:
        sessions.end_sessions_of(house.identity, tx, house.person_id(run))


@pytest.mark.rule("identity", "AS-4")
def test_an_agent_never_reaches_the_account_of_the_person(office: House) -> None:
    begin(office)
    browser = at_service(office)
    for path in ("/account/profile", "/account/history", "/account/mandates", "/account/security"):
        page = words_of(browser.open(path))
        assert "Camila" not in page, path
        assert "11.111.111-1" not in page, path
    assert (CITIZEN, "identity-account") not in [(CITIZEN, client) for client, _ in assistance.list_clients(office.identity, ["org-one"])]


@pytest.mark.rule("identity", "AS-4")
def test_private_services_need_what_the_person_agreed_before(office: House) -> None:
    new = web_client(client_id="bank", service_id="service-private", scopes=("openid", "name", "assist"), sector="bank.example")
    register.create_client(office.identity, new, actor="test", secret=SECRET)
    register.add_member(office.identity, org_id="org-private", run=parse_run(AGENT), role=Role.AGENT, expires_at=None, actor="test")
    begun = begin(office, client_id="bank", org_id="org-private")
    agent = at_service(office, client_id="bank", scope="openid name assist")
    assert sent_to_client(agent.send({"whom": begun.assisted_id}))["error"] == "access_denied"
    citizen = office.browser()
    citizen.authorize(client_id="bank", scope="openid name")
    citizen.log_in(CITIZEN)
    citizen.send({"decision": "grant"})
    assert "code" in sent_to_client(at_service(office, client_id="bank", scope="openid name assist").send({"whom": begun.assisted_id}))


@pytest.mark.rule("identity", "AS-5")
def test_the_person_objects_in_the_account_or_by_the_paper_receipt(office: House) -> None:
    first, second = begin(office), begin(office)
    reply = redeem(office, at_service(office), first.assisted_id)
    citizen = enter(office, CITIZEN)
    assert "org-one" in words_of(citizen.open("/account/help"))
    citizen.send({}, form=form_at(citizen, f"/{first.assisted_id}/object"))
    assert userinfo(office, reply).status_code == 401
    stranger = office.browser()
    stranger.open("/receipt")
    assert stranger.send({"code": "2222222222"}).status_code == 400
    shown = stranger.send({"code": second.receipt_code.lower()})
    assert "mesón 3" in words_of(shown)
    assert "Llenar el formulario" in words_of(shown)
    assert "11.111.111-1" not in words_of(shown)
    done = stranger.send({"decision": "object"})
    assert "reclamó" in words_of(done)
    report = assistance_views.report(office.identity)
    assert [(row.count, row.objected) for row in report] == [(2, 2)]
    assert len(assistance_views.to_review(office.identity)) == 2
    office.clock.advance(seconds=734 * 86_400)
    forget_history(office.identity)  # the reason, which may say much of the person, goes with the history
    shown = office.browser()
    shown.open("/receipt")
    page = words_of(shown.send({"code": second.receipt_code.lower()}))
    assert "Llenar el formulario" not in page
    with pytest.raises(AssistanceNotFound):
        assistance.object_to(office.identity, first.assisted_id, person_id=office.person_id(COLLEAGUE))


@pytest.mark.rule("identity", "AS-6")
def test_a_second_agent_joins_and_stands_outside_in_act(office: House) -> None:
    begun = begin(office)
    assistance.join(office.identity, begun.join_code, agent_id=office.person_id(COLLEAGUE))
    outer = read(office, redeem(office, at_service(office, COLLEAGUE), begun.assisted_id)["id_token"])["act"]
    inner = read(office, redeem(office, at_service(office), begun.assisted_id)["id_token"])["act"]
    assert outer["act"]["sub"] == inner["sub"] != outer["sub"]
    assert "act" not in inner
    assert len(office.audited("identity:assisted-session:joined")) == 1
    with pytest.raises(AssistanceRefused):
        assistance.join(office.identity, begun.join_code, agent_id=office.person_id(CITIZEN))


@pytest.mark.rule("identity", "AS-7")
def test_a_helper_does_less_and_stays_at_the_assisted_level(office: House) -> None:
    helper = "33333333-3"
    register.add_member(office.identity, org_id="org-private", run=parse_run(helper), role=Role.HELPER, expires_at=None, actor="test")
    register.make_owner(office.identity, "org-one", office.person_id(AGENT))
    teams.set_assistance(
        office.identity, office.person_id(AGENT), "service-one", actions=("information", "submit"), offices=("org-private",)
    )
    with pytest.raises(AssistanceRefused):
        begin(office, helper, org_id="org-private", channel="helper", actions=("submit",))
    begun = begin(office, helper, org_id="org-private", channel="helper", actions=("information",), proof=Proof.DEVICE)
    citizen = office.browser()
    citizen.open("/account/requests")
    listed = citizen.log_in(CITIZEN)
    link = BeautifulSoup(listed.get_data(as_text=True), "html.parser").select_one("main li a")
    assert link is not None
    citizen.open(str(link["href"]))
    citizen.send({"decision": "grant", "match_code": begun.match_code})
    told = read(office, redeem(office, at_service(office, helper), begun.assisted_id)["id_token"])
    assert (told["acr"], told["act"]["role"]) == (ASSISTED, "helper")


@pytest.mark.rule("identity", "AS-8")
def test_limits_per_agent_and_four_eyes_for_the_same_person(office: House) -> None:
    for _ in range(2):
        assert begin(office).state == "open"
    third = begin(office)
    assert third.state == "waiting"
    boss, colleague = office.person_id(AGENT), office.person_id(COLLEAGUE)
    for agent, orgs in ((boss, ["org-one"]), (colleague, ["org-private"])):
        with pytest.raises((AssistanceRefused, AssistanceNotFound)):
            assistance.approve(office.identity, third.assisted_id, agent_id=agent, org_ids=orgs)
    browser = enter(office, COLLEAGUE)
    browser.open("/assist")
    browser.send({}, form=form_at(browser, "/approve"))
    assert [view.state for view in assistance_views.of_agent(office.identity, boss)] == ["open"] * 3
    for number in range(assistance.PER_HOUR_MAX - 3):
        begin(office, proof=Proof.DEVICE, run=parse_run("7654321-6" if number % 2 else "12345678-5"))
    with pytest.raises(AssistanceRefused):
        begin(office)
    office.clock.advance(seconds=3_600)
    assert begin(office, COLLEAGUE).state == "open"


@pytest.mark.rule("identity", "AS-8")
def test_the_lot_picks_sessions_to_look_at(office: House) -> None:
    begin(office)
    assert assistance_views.to_review(office.identity) == []
    office.identity.settings = replace(office.identity.settings, assist_review_percent=100)
    begin(office)
    assert len(assistance_views.to_review(office.identity)) == 1


@pytest.mark.rule("identity", "AS-8", "CB-9")
def test_one_question_at_a_time_reaches_a_person(office: House) -> None:
    begin(office, proof=Proof.DEVICE)
    with pytest.raises(TooManyRequests):
        begin(office, COLLEAGUE, proof=Proof.DEVICE)


@pytest.mark.rule("identity", "AS-9")
def test_only_the_team_says_what_agents_may_do(office: House) -> None:
    with pytest.raises(NotOfTheTeam):
        teams.set_assistance(office.identity, office.person_id(CITIZEN), "service-one", actions=(), offices=())
    register.make_owner(office.identity, "org-one", office.person_id(AGENT))
    browser = enter(office, AGENT)
    browser.open("/team/services/service-one")
    page = browser.send({"actions": "submit", "offices": "no-such"}, form=form_at(browser, "/assistance"))
    assert page.status_code == 400
    browser.send({"actions": "submit", "offices": "org-private"}, form=form_at(browser, "/assistance"))
    assert begin(office, actions=("submit",)).state == "open"


@pytest.mark.rule("identity", "AS-1")
def test_the_console_begins_by_form_and_is_for_agents_alone(office: House) -> None:
    assert enter(office, CITIZEN).open("/assist").status_code == 403
    agent = enter(office, AGENT)
    assert '<option value="org-one">' in agent.open("/assist").get_data(as_text=True)
    form = {"run": "11.111.111-1", "client_id": "counter", "org_id": "org-one", "office": "mesón 3", "reason": "Llenar el formulario"}
    form |= {"actions": "information", "channel": "counter", "proof": "card", "document_number": CARD, "signed": "yes"}
    for name, value in (("run", "1-1"), ("office", ""), ("channel", "fax"), ("proof", "word"), ("org_id", "org-two"), ("signed", "")):
        assert agent.send({**form, name: value}, form=form_at(agent, "/assist")).status_code == 400, name
    page = agent.send(form, form=form_at(agent, "/assist"))
    assert page.status_code == 200
    assert "Ya puede ayudar" in words_of(page)
    listed = agent.open("/assist")
    assert "Camila" not in words_of(listed), "whom they help is before them, not on the list"
    agent.send({}, form=form_at(agent, "/close"))
    assert assistance_views.of_agent(office.identity, office.person_id(AGENT)) == []


@pytest.mark.rule("identity", "AS-1")
def test_it_takes_the_level_of_staff_at_the_service_too(office: House) -> None:
    begin(office)
    office.identity.settings = replace(office.identity.settings, staff_level=3)
    page = at_service(office).page
    assert page is not None
    assert "code" in sent_to_client(page), "for themselves: who did not sign in strongly helps nobody"


@pytest.mark.rule("identity", "AS-4")
def test_a_person_who_is_suspended_meanwhile_is_not_helped(office: House) -> None:
    begun = begin(office)
    reply = redeem(office, at_service(office), begun.assisted_id)
    people.set_state(office.identity, office.person_id(CITIZEN), PersonState.SUSPENDED, actor="test")
    assert userinfo(office, reply).status_code == 401
