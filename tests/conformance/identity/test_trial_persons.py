"""Test persons of a team: every case at the edge, on trial only, among themselves only (§1.8, §3.11)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pyotp
import pytest
from sqlalchemy import text

from identity.models.organisation import Role
from identity.operations import people, register, teams, trial_persons
from identity.operations.refusals import NotOfTheTeam
from identity.operations.throttles import throttle_key
from identity.operations.trial_persons import Shown
from identity.providers.base import Hashed
from identity.standards import rfc8628
from identity.standards.trial_cases import CASES
from shared.run import parse_run
from shared.states import WrongState
from tests.conformance.identity.test_account import form_at
from tests.conformance.identity.test_passkeys import enter
from tests.factories.identity import CALLBACK, RUN, RUN_TOTP, SECRET, TOTP_SECRET, House, QuickHasher, sent_to_client, web_client, words_of

pytestmark = pytest.mark.rule("identity", "§3.11")
TRIAL = {"client_id": "trial"}


@pytest.fixture
def team(house: House) -> House:
    """José owns organisation one, which tries a service and runs a live one."""
    register.make_owner(house.identity, "org-one", house.person_id(RUN_TOTP))
    register.create_service(
        house.identity,
        service_id="service-trial",
        org_id="org-one",
        name="Servicio en prueba",
        purpose="Pruebas.",
        stage="trial",
        release_basis="law",
        start_url="https://client.example/",
        contact_email="equipo@example.com",
        actor="test",
    )
    client = web_client(client_id="trial", service_id="service-trial", scopes=("openid", "profile", "run", "email", "represent"))
    register.create_client(house.identity, client, actor="test", secret=SECRET)
    return house


@pytest.fixture
def made(team: House) -> dict[str, Shown]:
    owner = team.person_id(RUN_TOTP)
    trial_persons.make_persons(team.identity, owner, "service-trial")
    _, persons = trial_persons.list_persons(team.identity, owner, "service-trial")
    return {person.case.key: person for person in persons}


def answer_of(house: House, person: Shown, **changes: str) -> dict[str, str]:
    """What the client is sent once the person gave RUN and password."""
    browser = house.browser()
    browser.authorize(**{**TRIAL, **changes})
    answer = browser.log_in(person.run, person.password)
    return sent_to_client(answer) if answer.status_code == 303 else {"page": words_of(answer)}


def test_the_console_makes_shows_and_resets_them(team: House) -> None:
    browser = enter(team, RUN_TOTP)
    browser.open("/team/services/service-trial/persons")
    page = words_of(browser.send({}, form=form_at(browser, "/persons")))
    for words in ("El RUN termina en K", "Está bloqueada", "Marie-Thérèse Jean-Baptiste", "Restablecer"):
        assert words in page
    assert "Crear" not in page, "all are there"
    assert words_of(browser.send({}, form=form_at(browser, "/plain/reset"))).count("Restablecer") == len(CASES) + 1
    assert len(team.audited("identity:trial-person:reset")) == 1


def test_those_who_can_sign_in_do_and_the_others_are_told_what_everybody_is_told(team: House, made: dict[str, Shown]) -> None:
    for key in ("plain", "one-name", "long-name", "letter", "minor", "foreigner", "no-contact", "company"):
        assert "code" in answer_of(team, made[key]), key
    for key in ("locked", "not-activated", "deceased"):
        assert "no es correcta" in answer_of(team, made[key])["page"], key


def test_each_case_is_what_it_says(team: House, made: dict[str, Shown]) -> None:
    assert set(made) == {case.key for case in CASES}
    assert made["letter"].run.endswith("-K")
    assert all(40_000_000 <= parse_run(person.run).numero < 50_000_000 for person in made.values())
    browser = team.browser()
    browser.authorize(**TRIAL)
    browser.log_in(made["second-factor"].run, made["second-factor"].password)
    code = pyotp.TOTP(made["second-factor"].totp_secret or "").at(team.clock.now())
    sent = sent_to_client(browser.send({"code": code}))
    form = team.code_form(sent["code"], client_id="trial")
    assert team.token(form).status_code == 200
    company = team.browser()
    company.authorize(**TRIAL, scope="openid represent")
    assert "Panadería de Prueba SpA" in words_of(company.log_in(made["company"].run, made["company"].password))


def test_they_never_reach_a_live_service_nor_that_of_another_team(team: House, made: dict[str, Shown]) -> None:
    assert answer_of(team, made["plain"], client_id="web")["error"] == "access_denied"
    assert answer_of(team, made["plain"], client_id="private")["error"] == "access_denied"
    with team.identity.db.begin() as connection:
        connection.execute(text("UPDATE services SET stage = 'live' WHERE service_id = 'service-trial'"))
    assert answer_of(team, made["plain"])["error"] == "access_denied"
    with pytest.raises(WrongState):
        trial_persons.list_persons(team.identity, team.person_id(RUN_TOTP), "service-trial")
    browser = enter(team, RUN_TOTP)
    assert "Personas de prueba" not in words_of(browser.open("/team/services/service-trial"))
    assert browser.open("/team/services/service-trial/persons").status_code == 409


def test_what_they_let_a_service_have_ends_when_it_goes_live(team: House, made: dict[str, Shown]) -> None:
    register.add_member(team.identity, org_id="org-one", run=parse_run(RUN), role=Role.DEVELOPER, expires_at=None, actor="test")
    codes = (answer_of(team, made["plain"])["code"], team.browser().sign_in(RUN, **TRIAL)["code"])
    tokens = [team.token(team.code_form(code, client_id="trial")).json["access_token"] for code in codes]
    with team.identity.db.begin() as connection:
        asked = text("UPDATE services SET live_asked_by = :id, live_asked_at = now() WHERE service_id = 'service-trial'")
        connection.execute(asked, {"id": team.person_id(RUN_TOTP)})
    teams.approve_live(team.identity, team.person_id(RUN), "service-trial")
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    assert [team.client().get("/openid/userinfo", headers=one).status_code for one in headers] == [401, 200]
    with team.identity.db.engine.connect() as connection:
        revoked = text("SELECT count(*) FROM grants g JOIN trial_persons t USING (person_id) WHERE g.revoked_at IS NULL")
        assert connection.execute(revoked).scalar_one() == 0


def test_on_trial_in_production_only_the_team_and_its_persons_come_in(team: House) -> None:
    assert team.browser().sign_in(RUN, **TRIAL)["error"] == "access_denied"
    register.add_member(team.identity, org_id="org-one", run=parse_run(RUN), role=Role.DEVELOPER, expires_at=None, actor="test")
    assert "code" in team.browser().sign_in(RUN, **TRIAL)


def test_who_does_not_reach_a_service_is_told_before_the_second_factor(team: House) -> None:
    person_id = team.person_id(RUN)
    people.add_totp(team.identity, person_id, TOTP_SECRET, name="app", actor="test")
    browser = team.browser()
    browser.authorize(**TRIAL)
    assert sent_to_client(browser.log_in(RUN))["error"] == "access_denied"


@pytest.mark.rule("identity", "§2.19")
def test_a_screen_of_a_service_on_trial_is_refused_for_good(team: House) -> None:
    grants = ("authorization_code", rfc8628.GRANT_TYPE)
    new = web_client(client_id="kiosk", service_id="service-trial", policy="public", native=True, redirect_uris=("cl.example.app:/cb",))
    register.create_client(team.identity, replace(new, grant_types=grants, post_logout_redirect_uris=(), sector="kiosk"), actor="test")
    form = {"client_id": "kiosk", "scope": "openid"}
    asked = team.client().post("/openid/device_authorization", data=form).json
    browser = team.browser()
    browser.open("/device")
    browser.send({"user_code": asked["user_code"]})
    browser.log_in(RUN)
    assert "todavía está a prueba" in words_of(browser.send({"decision": "grant"}))
    poll = {"client_id": "kiosk", "grant_type": rfc8628.GRANT_TYPE, "device_code": asked["device_code"]}
    assert team.token(poll).json["error"] == "access_denied"


def test_of_two_presses_at_once_one_makes_them(team: House) -> None:
    owner, both = team.person_id(RUN_TOTP), Barrier(2)

    class Together(QuickHasher):
        def hash(self, password: str) -> Hashed:
            both.wait(timeout=20)
            return super().hash(password)

    team.identity.__dict__["hasher"] = Together()
    with ThreadPoolExecutor(2) as pool:
        presses = [pool.submit(trial_persons.make_persons, team.identity, owner, "service-trial") for _ in range(2)]
    assert [press.exception() for press in presses] == [None, None]
    assert len(trial_persons.list_persons(team.identity, owner, "service-trial")[1]) == len(CASES)


def test_a_reset_takes_known_browsers_questions_and_waits_too(team: House, made: dict[str, Shown]) -> None:
    person, owner = made["second-factor"], team.person_id(RUN_TOTP)
    person_id = team.person_id(person.run)
    browser = team.browser()
    browser.authorize(**TRIAL)
    browser.log_in(person.run, person.password)
    for _ in range(5):
        browser.send({"code": "000000"})
    browser.send({}, form=form_at(browser, "/approval"))
    key = throttle_key(team.identity, "otp", str(person_id), None)

    def kept() -> list[int]:
        counts = ("approvals WHERE person_id = :id", "throttles WHERE key = :key")
        with team.identity.db.engine.connect() as connection:
            return [connection.execute(text(f"SELECT count(*) FROM {one}"), {"id": person_id, "key": key}).scalar_one() for one in counts]

    assert kept() == [1, 1]
    trial_persons.reset_person(team.identity, owner, "service-trial", "second-factor")
    assert kept() == [0, 0]


def test_in_the_sandbox_everybody_does(team: House) -> None:
    team.identity.settings = replace(team.identity.settings, environment="sandbox")
    assert "code" in team.browser().sign_in(RUN, **TRIAL)


def test_a_reset_undoes_what_was_done_to_a_person(team: House, made: dict[str, Shown]) -> None:
    owner, plain = team.person_id(RUN_TOTP), made["plain"]
    browser = team.browser()
    browser.open("/account/security/password")
    browser.log_in(plain.run, plain.password)
    assert browser.send({"password": "cuatro palabras sin relación"}).status_code == 200
    assert "page" in answer_of(team, plain)
    trial_persons.reset_person(team.identity, owner, "service-trial", "plain")
    assert "code" in answer_of(team, plain)
    assert 'id="password"' in browser.open("/account").get_data(as_text=True), "the session of before is over"
    for key in ("locked", "company", "second-factor", "deceased", "not-activated"):
        trial_persons.reset_person(team.identity, owner, "service-trial", key)
    assert "page" in answer_of(team, made["locked"])


def test_they_stay_among_themselves(team: House, made: dict[str, Shown]) -> None:
    from identity.errors import RegisterNotFound
    from identity.operations import giving
    from identity.operations.giving import Gift
    from identity.operations.refusals import MandateRefused

    now = team.clock.now()
    until = now.replace(year=now.year + 1)

    def gift(run: str) -> Gift:
        return Gift(parse_run(run), ("read",), (), now, until)

    plain, real = team.person_id(made["plain"].run), team.person_id(RUN)
    with pytest.raises(MandateRefused):
        giving.give(team.identity, plain, gift(RUN))
    with pytest.raises(MandateRefused):
        giving.give(team.identity, real, gift(made["plain"].run))
    assert giving.give(team.identity, plain, gift(made["minor"].run)).startswith("mdt_")
    with pytest.raises(RegisterNotFound):
        register.add_member(
            team.identity, org_id="org-one", run=parse_run(made["plain"].run), role=Role.OWNER, expires_at=None, actor="test"
        )


def test_who_only_looks_sees_them_and_strangers_do_not(team: House, made: dict[str, Shown]) -> None:
    register.add_member(team.identity, org_id="org-one", run=parse_run(RUN), role=Role.AUDITOR, expires_at=None, actor="test")
    auditor = team.person_id(RUN)
    assert len(trial_persons.list_persons(team.identity, auditor, "service-trial")[1]) == len(made)
    for change in (
        lambda: trial_persons.make_persons(team.identity, auditor, "service-trial"),
        lambda: trial_persons.reset_person(team.identity, auditor, "service-trial", "plain"),
        lambda: trial_persons.reset_person(team.identity, team.person_id(RUN_TOTP), "service-trial", "nobody"),
        lambda: trial_persons.list_persons(team.identity, team.person_id(made["plain"].run), "service-trial"),
    ):
        with pytest.raises(NotOfTheTeam):
            change()


def test_nothing_of_them_is_readable_at_rest(team: House, made: dict[str, Shown]) -> None:
    with team.identity.db.engine.connect() as connection:
        rows = str(connection.execute(text("SELECT * FROM trial_persons")).all())
    assert made["plain"].password not in rows
    assert CALLBACK not in rows
