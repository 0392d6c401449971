"""In-person activation and its controls; the civil registry behind its adapter (§3.6, ID-12)."""

import json
import re
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from identity.models.organisation import Role
from identity.models.person import PersonState
from identity.operations import activation, operating, proofings, register, registry_events
from identity.operations.activation import Check, Choice
from identity.operations.refusals import ActivationRefused, PasswordRefused, TwoPersonsNeeded
from identity.providers.civil_registry import Change, ListRegistry, RegistryAway, RegistryPerson
from shared.run import parse_run
from tests.conformance.identity.test_account import form_at
from tests.conformance.identity.test_passkeys import enter
from tests.factories.identity import RUN, RUN_TOTP, SECRET, House, sent_to_client, web_client, words_of

NEW, CARD = "7654321-6", "A000000042"
PASSWORD = "lluvia tejado naranja reloj"
ROSA = RegistryPerson(("Rosa", "Elena"), ("Quilodrán",), date(1960, 5, 1), True, True, date(2022, 5, 4), date(2032, 5, 4))
OFFICER, SECOND = RUN_TOTP, RUN


@pytest.fixture
def registry(house: House) -> ListRegistry:
    own = RegistryPerson(("José",), ("Ñancupil",), date(1980, 1, 1), alive=True, document_valid=True)
    made = ListRegistry({(NEW, CARD): ROSA, (OFFICER, "A000000001"): own})
    house.identity.__dict__["civil_registry"] = made
    house.identity.settings = replace(house.identity.settings, staff_level=2)
    for run in (OFFICER, SECOND):
        register.add_member(house.identity, org_id="org-one", run=parse_run(run), role=Role.OFFICER, expires_at=None, actor="test")
    return made


def check(**changes: object) -> Check:
    made = Check(parse_run(NEW), CARD, True, "card-and-face", "org-one", "mesón 3", "printed")
    return replace(made, **changes)  # type: ignore[arg-type]  # each test gives the field's own type


def give(house: House, **changes: object) -> str:
    issued = activation.issue(house.identity, check(**changes), officer_id=house.person_id(OFFICER))
    assert issued.code is not None
    return issued.code


def choose(password: str = PASSWORD) -> Choice:
    return Choice(password, "rosa@example.com", terms_accepted=True)


@pytest.mark.rule("identity", "§3.6")
def test_a_person_activates_with_the_code_and_signs_in(house: House, registry: ListRegistry) -> None:
    code = give(house)
    assert len(code) == 10
    browser = house.browser()
    browser.authorize()
    assert browser.log_in(NEW, PASSWORD).status_code == 400, "not yet"
    page = house.browser()
    page.open("/activar")
    shown = page.send({"run": "7.654.321-6", "code": code.lower(), "password": PASSWORD, "email": "rosa@example.com", "terms": "yes"})
    assert shown.status_code == 200
    assert len(re.findall(r'class="app-code"', shown.get_data(as_text=True))) == 10
    assert "code" in sent_to_client(browser.log_in(NEW, PASSWORD))
    with house.identity.reading() as tx:
        checked = proofings.find_proofing(house.identity, tx.connection, house.person_id(NEW))
    assert checked is not None
    assert (checked.level, checked.check_method, checked.organisation, checked.document_number) == (2, "vpip", "org-one", CARD)
    assert checked.expires_on == date(2032, 5, 4)
    assert activation.standing(house.identity, parse_run(NEW)).state == "used"
    with pytest.raises(ActivationRefused):
        activation.activate(house.identity, parse_run(NEW), code, choose())


@pytest.mark.rule("identity", "§3.6", "IA-7")
def test_the_check_at_the_counter_is_told_to_who_asks_for_verified_claims(house: House, registry: ListRegistry) -> None:
    activation.activate(house.identity, parse_run(NEW), give(house), choose())
    new = web_client(client_id="entitled", scopes=("openid", "profile", "document"), sector="e.example")
    register.create_client(house.identity, new, actor="test", secret=SECRET)
    evidence = [{"type": {"value": "document"}, "check_details": [{"check_method": None}], "document_details": None}]
    wish = {"verification": {"trust_framework": None, "assurance_level": None, "evidence": evidence}, "claims": {"given_name": None}}
    sent = house.browser().sign_in(
        NEW, PASSWORD, client_id="entitled", scope="openid", claims=json.dumps({"userinfo": {"verified_claims": wish}})
    )
    token = (house.token(house.code_form(sent["code"], client_id="entitled")).json or {})["access_token"]
    told = (house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"}).json or {})["verified_claims"]
    assert told["claims"] == {"given_name": "Rosa Elena"}
    assert told["verification"]["assurance_level"] == "urn:andamio:ip:2"
    (document,) = told["verification"]["evidence"]
    assert document["check_details"] == [{"check_method": "vpip"}]
    assert document["document_details"]["document_number"] == CARD
    assert document["document_details"]["date_of_expiry"] == "2032-05-04"


@pytest.mark.rule("identity", "§3.6")
def test_five_wrong_codes_block_it_and_strangers_learn_nothing(house: House, registry: ListRegistry) -> None:
    code = give(house)
    told = set()
    for run, wrong in [(NEW, "2222222222"), ("12345678-5", "2222222222"), (RUN, "2222222222")]:
        with pytest.raises(ActivationRefused) as refused:
            activation.activate(house.identity, parse_run(run), wrong, choose())
        told.add(refused.value.detail)
    assert len(told) == 1
    for _ in range(4):
        with pytest.raises(ActivationRefused):
            activation.activate(house.identity, parse_run(NEW), "2222222222", choose())
    assert activation.standing(house.identity, parse_run(NEW)).state == "blocked"
    with pytest.raises(ActivationRefused):
        activation.activate(house.identity, parse_run(NEW), code, choose())
    fresh = give(house)
    assert activation.activate(house.identity, parse_run(NEW), fresh, choose())


@pytest.mark.rule("identity", "§3.6")
def test_a_new_code_cancels_the_old_and_both_end_after_fifteen_days(house: House, registry: ListRegistry) -> None:
    old, new = give(house), give(house)
    with pytest.raises(ActivationRefused):
        activation.activate(house.identity, parse_run(NEW), old, choose())
    house.clock.advance(seconds=15 * 86_400)
    assert activation.standing(house.identity, parse_run(NEW)).state == "expired"
    with pytest.raises(ActivationRefused):
        activation.activate(house.identity, parse_run(NEW), new, choose())


def test_a_weak_password_does_not_use_the_code_up(house: House, registry: ListRegistry) -> None:
    code = give(house)
    with pytest.raises(PasswordRefused):
        activation.activate(house.identity, parse_run(NEW), code, choose("Rosa Elena Quilodrán"))
    assert activation.activate(house.identity, parse_run(NEW), code, choose())


@pytest.mark.rule("identity", "§3.6")
@pytest.mark.parametrize(
    ("person", "changes"),
    [
        (None, {"document_number": "A999"}),
        (replace(ROSA, alive=False), {}),
        (replace(ROSA, document_valid=False), {}),
        (replace(ROSA, born_on=date(2012, 6, 9)), {}),
        (ROSA, {"face_matches": False}),
    ],
)
def test_who_is_not_proved_gets_no_code(
    house: House, registry: ListRegistry, person: RegistryPerson | None, changes: dict[str, object]
) -> None:
    if person is not None:
        registry.documents[NEW, CARD] = person
    with pytest.raises(ActivationRefused):
        give(house, **changes)
    assert house.audited("identity:activation:issued") == []


def test_fourteen_today_is_old_enough(house: House, registry: ListRegistry) -> None:
    registry.documents[NEW, CARD] = replace(ROSA, born_on=date(2012, 6, 8))
    assert give(house)


@pytest.mark.rule("identity", "§3.6")
def test_nobody_activates_themselves_and_the_try_is_seen(house: House, registry: ListRegistry) -> None:
    with pytest.raises(TwoPersonsNeeded):
        give(house, run=parse_run(OFFICER), document_number="A000000001")
    assert len(house.audited("identity:activation:refused")) == 1


@pytest.mark.rule("identity", "§3.6")
@pytest.mark.parametrize("changes", [{"check_method": "video"}, {"is_relative": True}])
def test_video_and_relatives_need_a_second_officer(house: House, registry: ListRegistry, changes: dict[str, object]) -> None:
    officer, second = house.person_id(OFFICER), house.person_id(SECOND)
    issued = activation.issue(house.identity, check(**changes), officer_id=officer)
    assert issued.waits
    assert issued.code is None
    assert [row[0] for row in activation.list_waiting(house.identity, ["org-one"])] == [issued.id]
    with pytest.raises(TwoPersonsNeeded):
        activation.approve(house.identity, issued.id, officer_id=officer, org_ids=["org-one"])
    with pytest.raises(Exception, match="no such code"):
        activation.approve(house.identity, issued.id, officer_id=second, org_ids=["org-private"])
    approved = activation.approve(house.identity, issued.id, officer_id=second, org_ids=["org-one"])
    assert approved.code
    assert activation.activate(house.identity, parse_run(NEW), approved.code, choose())


@pytest.mark.rule("identity", "§3.6")
def test_a_code_that_is_sent_is_not_shown_to_the_officer(house: House, registry: ListRegistry) -> None:
    officer = enter(house, OFFICER)
    officer.open("/office")
    values = {"run": NEW, "document_number": CARD, "org_id": "org-one", "place": "mesón 3", "check_method": "card-and-face"}
    page = officer.send({**values, "delivery": "email", "contact": "rosa@example.com", "face": "yes"})
    assert page.status_code == 200, words_of(page)
    sent = [message for message in house.deliver() if message["to"] == "rosa@example.com"]
    code = re.search(r"([2-9A-Z]{4} [2-9A-Z]{4} [2-9A-Z]{2})", sent[0]["subject"])
    assert code
    assert code[1] not in page.get_data(as_text=True)
    officer.open("/office")
    standing = officer.send({"run": NEW}, form=form_at(officer, "/standing"))
    assert "Vigente" in words_of(standing)
    officer.open("/office")
    assert officer.send({**values, "delivery": "sms", "contact": "x", "face": "yes"}).status_code == 400


@pytest.mark.rule("identity", "§3.6")
def test_mass_issuance_stands_out_in_the_days_report(house: House, registry: ListRegistry) -> None:
    for _ in range(12):
        give(house)
    report = operating.list_outliers(house.identity)
    assert [(row.count, row.is_outlier) for row in report] == [(12, True)]
    house.clock.advance(seconds=86_401)
    assert operating.list_outliers(house.identity) == []


def test_while_the_registry_is_away_people_sign_in_and_offices_are_told(house: House, registry: ListRegistry) -> None:
    registry.away = True
    with pytest.raises(RegistryAway):
        give(house)
    officer = enter(house, OFFICER)
    officer.open("/office")
    values = {
        "run": NEW,
        "document_number": CARD,
        "org_id": "org-one",
        "place": "x",
        "check_method": "card-and-face",
        "delivery": "printed",
    }
    answer = officer.send({**values, "face": "yes"})
    assert "no responde" in words_of(answer)
    assert registry_events.follow(house.identity) == 0


def test_the_account_follows_names_and_death(house: House, registry: ListRegistry) -> None:
    browser = house.browser()
    code = browser.sign_in()["code"]
    token = house.token(house.code_form(code)).json["access_token"]
    registry.events = [
        Change(1, parse_run(RUN), ("Camila",), ("Soto", "Lagos"), True),
        Change(2, parse_run("12345678-5"), ("X",), ("Y",), True),
    ]
    assert registry_events.follow(house.identity) == 2
    told = house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"}).json
    assert told["name"] == "Camila Soto Lagos"
    assert "data-changed" in house.notices()
    assert registry_events.follow(house.identity) == 0, "each event once"
    registry.events.append(Change(3, parse_run(RUN), ("Camila",), ("Soto", "Lagos"), False))
    registry_events.follow(house.identity)
    assert house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert 'id="password"' in browser.authorize().get_data(as_text=True)
    assert browser.log_in().status_code == 400
    assert house.state_of(RUN) == PersonState.DECEASED


def test_ids_of_persons_are_not_the_run(house: House) -> None:
    assert isinstance(house.person_id(RUN), UUID)
