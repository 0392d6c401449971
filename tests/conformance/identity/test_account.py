"""The account's pages: factors, sessions, history, connected services, contacts (§3.2, §3.4, §3.8–§3.10)."""

import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from bs4 import BeautifulSoup

from identity.operations import connected, history
from identity.providers.notify_sender import NotifySender
from identity.standards.acr import TWO_FACTORS
from shared.http import Outbound
from shared.settings import Secret
from tests.conformance.identity.test_login import acr_of, code_now
from tests.conformance.identity.test_passkeys import add_passkey, enter
from tests.factories.authenticator import Authenticator
from tests.factories.counted import forgotten
from tests.factories.identity import CALLBACK, PASSWORD, PUBLIC_URL, RUN, RUN_TOTP, SECRET, Browser, House, sent_to_client, words_of
from tests.factories.identity_account import KeepingSender

NEW = "cuatro palabras sin relación"


def link(browser: Browser, words: str) -> str:
    """The address of the link with these words."""
    assert browser.page is not None
    for found in BeautifulSoup(browser.page.get_data(as_text=True), "html.parser").select("main a"):
        if words in found.get_text():
            return str(found["href"])
    raise AssertionError(words)


def form_at(browser: Browser, ending: str) -> int:
    """The number of the form that posts to an address with this ending."""
    assert browser.page is not None
    forms = BeautifulSoup(browser.page.get_data(as_text=True), "html.parser").select("main form")
    return next(number for number, form in enumerate(forms) if str(form.get("action", "")).endswith(ending))


def make_codes(browser: Browser) -> list[str]:
    browser.open("/account/security")
    page = browser.send({}, form=form_at(browser, "/codes"))
    return [item.get_text() for item in BeautifulSoup(page.get_data(as_text=True), "html.parser").select("li .app-code")]


@pytest.mark.parametrize("path", ["/account", "/account/security", "/account/sessions", "/account/history", "/account/services"])
def test_strangers_are_sent_to_sign_in_and_come_back(house: House, path: str) -> None:
    browser = house.browser()
    assert 'id="password"' in browser.open(path).get_data(as_text=True)
    answer = browser.log_in()
    assert answer.status_code == 200
    assert answer.request.path == path


@pytest.mark.rule("identity", "PW-4", "PW-6")
@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("breve", "muy corta"),
        ("x" * 257, "muy larga"),
        ("Camila Andrea Soto 1111", "su nombre"),
        ("contraseñacontraseña", "Mucha gente"),
        ("abcabcabcabcabcabc", "Mucha gente"),
        ("tab\tin the password!", "signo"),
    ],
)
def test_weak_passwords_are_refused_with_the_reason(house: House, password: str, words: str) -> None:
    browser = enter(house)
    browser.open("/account/security/password")
    answer = browser.send({"password": password})
    assert answer.status_code == 400
    assert words in words_of(answer)
    assert password not in answer.get_data(as_text=True)


@pytest.mark.rule("identity", "PW-5", "§3.9")
def test_a_new_password_signs_all_others_out_and_is_told(house: House) -> None:
    elsewhere = house.browser()
    code = elsewhere.sign_in()["code"]
    token = house.token(house.code_form(code)).json["access_token"]
    browser = enter(house)
    browser.open("/account/security/password")
    assert browser.send({"password": NEW}).status_code == 200
    assert house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert 'id="password"' in elsewhere.authorize().get_data(as_text=True)
    assert browser.open("/account").status_code == 200, "this browser stays"
    again = house.browser()
    again.authorize()
    assert again.log_in(RUN, PASSWORD).status_code == 400
    assert "code" in sent_to_client(again.log_in(RUN, NEW))
    assert "password-changed" in house.notices()


@pytest.mark.rule("identity", "§3.2")
def test_an_app_counts_once_a_code_of_it_came_back(house: House) -> None:
    browser = enter(house)
    browser.open("/account/security")
    page = browser.send({"name": "Mi aplicación"}, form=form_at(browser, "/app"))
    shown = re.sub(r"\s", "", BeautifulSoup(page.get_data(as_text=True), "html.parser").select_one(".app-code").get_text())  # type: ignore[union-attr]
    assert len(shown) == 32
    assert browser.send({"code": "000000"}).status_code == 400
    assert "code" in house.browser().sign_in(), "not confirmed: not asked for"
    right = pyotp.TOTP(shown).at(house.clock.now())
    browser.open("/account/security/app")
    assert browser.send({"code": right}).status_code == 200
    other = house.browser()
    other.authorize(acr_values=TWO_FACTORS)
    other.log_in()
    assert other.send({"code": right}).status_code == 400, "each step is taken once, also the one that confirmed"
    house.clock.advance(seconds=30)
    code = sent_to_client(other.send({"code": pyotp.TOTP(shown).at(house.clock.now())}))["code"]
    assert acr_of(house, code) == (TWO_FACTORS, ["pwd", "otp"])


@pytest.mark.rule("identity", "§3.4")
def test_recovery_codes_work_once_each_and_new_ones_replace_them(house: House) -> None:
    browser = enter(house, RUN_TOTP)
    first = make_codes(browser)
    assert len(set(first)) == 10
    assert all(len(code.replace(" ", "")) == 13 for code in first)
    other = house.browser()
    other.authorize()
    other.log_in(RUN_TOTP)
    assert "code" in sent_to_client(other.send({"code": first[0].lower().replace(" ", "-")}))
    again = house.browser()
    again.authorize()
    again.log_in(RUN_TOTP)
    assert again.send({"code": first[0]}).status_code == 400
    second = make_codes(browser)
    again.authorize()
    again.log_in(RUN_TOTP)
    assert again.send({"code": first[1]}).status_code == 400
    assert "code" in sent_to_client(again.send({"code": second[1]}))
    assert "code-used" in house.notices()


@pytest.mark.rule("identity", "WA-5")
def test_the_last_strong_factor_stays_until_there_is_another_way_back(house: House) -> None:
    browser = enter(house)
    add_passkey(browser, Authenticator(PUBLIC_URL))
    browser.open("/account/security")
    path = link(browser, "Quitar")
    browser.open(path)
    refused = browser.send({})
    assert refused.status_code == 409
    assert "códigos de recuperación" in words_of(refused)
    make_codes(browser)
    browser.open(path)
    assert browser.send({}).status_code == 200
    assert len(house.audited("identity:passkey:removed")) == 1
    assert "authenticator-removed" in house.notices()
    assert browser.open(path).status_code == 404


@pytest.mark.rule("identity", "WA-5")
def test_nobody_removes_what_is_of_somebody_else(house: House) -> None:
    browser = enter(house, RUN_TOTP)
    browser.open("/account/security")
    path = link(browser, "Quitar")
    other = enter(house)
    assert other.open(path).status_code == 404


@pytest.mark.rule("identity", "§3.4", "LK-1")
def test_a_text_message_is_the_last_resort_marked_as_such_and_dies_after_five_tries(house: House) -> None:
    browser = enter(house)
    add_passkey(browser, Authenticator(PUBLIC_URL))
    other = house.browser()
    page = other.authorize(acr_values=TWO_FACTORS) and other.log_in()
    assert "menos seguro" in words_of(page)
    other.send({}, form=form_at(other, "/message"))
    sent = [message for message in house.deliver() if message["channel"] == "sms" and "Su código para ingresar" in message["body"]]
    assert [message["to"] for message in sent] == ["+56911111111"]
    code = re.search(r"\b[0-9]{6}\b", sent[0]["body"])
    assert code
    issued = sent_to_client(other.send({"code": code[0]}, form=form_at(other, "/code")))["code"]
    assert acr_of(house, issued) == (TWO_FACTORS, ["pwd", "sms"])
    third = house.browser()
    third.authorize(acr_values=TWO_FACTORS)
    third.log_in()
    third.send({}, form=form_at(third, "/message"))
    code = re.search(r"\b[0-9]{6}\b", next(m["body"] for m in house.deliver() if "Su código para ingresar" in m["body"]))
    assert code
    wrong = "000000" if code[0] != "000000" else "111111"
    for _ in range(5):
        third.send({"code": wrong}, form=form_at(third, "/code"))
    house.clock.advance(seconds=61)
    third.open(str(third.page.request.path))  # type: ignore[union-attr]  # a page was opened
    assert "/message" in third.page.get_data(as_text=True)  # type: ignore[union-attr]  # as above


@pytest.mark.rule("identity", "§3.9")
def test_sessions_are_listed_and_closed_elsewhere(house: House) -> None:
    elsewhere = house.browser()
    elsewhere.http.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
    elsewhere.sign_in()
    browser = enter(house)
    page = browser.open("/account/sessions")
    assert "Chrome · Android" in words_of(page)
    assert browser.send({}, form=form_at(browser, "/close")).status_code == 200
    assert 'id="password"' in elsewhere.authorize().get_data(as_text=True)
    assert browser.open("/account").status_code == 200


@pytest.mark.rule("identity", "§3.10")
def test_history_tells_each_sign_in_and_not_me_shuts_all_others_out(house: House) -> None:
    thief = house.browser()
    thief.sign_in()
    browser = enter(house)
    text = words_of(browser.open("/account/history"))
    assert "Servicio Uno" in text
    assert "Usted ingresó" in text
    browser.open(link(browser, "No fui yo"))
    browser.send({})
    assert 'id="password"' in browser.page.get_data(as_text=True)  # type: ignore[union-attr]  # a page was opened
    assert 'id="password"' in thief.authorize().get_data(as_text=True)
    assert len(house.audited("identity:login:disowned")) == 1


@pytest.mark.rule("identity", "§3.10")
def test_history_is_exported_filtered_and_of_nobody_else(house: House) -> None:
    house.browser().sign_in()
    browser = enter(house)
    exported = browser.open("/account/history/export.json")
    assert exported.headers["Cache-Control"] == "no-store"
    events = json.loads(exported.get_data())["events"]
    assert {event["what"] for event in events} == {"login"}
    assert "Servicio Uno" in browser.open("/account/history/export.csv").get_data(as_text=True)
    assert json.loads(browser.open("/account/history/export.json?what=logout").get_data())["events"] == []
    assert browser.open("/account/history?what=nonsense").status_code == 400
    other = enter(house, RUN_TOTP)
    assert len(json.loads(other.open("/account/history/export.json").get_data())["events"]) == 1


@pytest.mark.rule("identity", "§3.10")
def test_each_day_is_sealed_and_a_row_that_was_changed_is_found(house: House) -> None:
    house.browser().sign_in()
    house.clock.advance(seconds=3 * 86_400)
    assert history.seal_days(house.identity) == 3
    assert history.seal_days(house.identity) == 0
    assert history.first_broken_day(house.identity) is None
    from sqlalchemy import text

    with house.identity.db.begin() as connection:
        connection.execute(text("UPDATE history_events SET what = 'logout'"))
    broken = history.first_broken_day(house.identity)
    assert broken is not None
    assert broken.isoformat() == "2026-06-08"


@pytest.mark.rule("identity", "§3.10", "QA-12")
def test_history_and_what_is_behind_it_goes_after_its_days(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("identity.operations.retention.AT_ONCE", 1)
    from sqlalchemy import func, select, update

    from identity.models.authenticator import ContactChange
    from identity.models.grant import Release
    from identity.models.history import HistoryEvent
    from identity.models.recovery import Recovery
    from identity.models.sso_session import SsoSession
    from identity.operations.retention import forget_history

    def left() -> dict[str, int]:
        with house.identity.reading() as tx:
            wanted = (HistoryEvent, Recovery, Release, ContactChange)
            return {model.__tablename__: tx.connection.execute(select(func.count()).select_from(model)).scalar_one() for model in wanted}

    def words() -> set[str]:
        with house.identity.reading() as tx:
            return set(tx.connection.execute(select(SsoSession.device)).scalars())

    person_id, now = house.person_id(RUN), house.clock.now()
    client_id = house.identity.clients.find("web").id
    recovery = {"id_hash": "0" * 64, "person_id": person_id, "cancel_hash": "1" * 64, "state": "cancelled", "proofs": []}
    with house.identity.db.begin() as connection:
        connection.execute(Recovery.__table__.insert().values(recovery | {"created_at": now, "expires_at": now}))
        for version, withdrawn_at in ((1, now), (2, None)):
            row = {"id": house.identity.ids.uuid7(), "person_id": person_id, "client_id": client_id, "claims": ["name"], "version": version}
            connection.execute(Release.__table__.insert().values(row | {"created_at": now, "withdrawn_at": withdrawn_at}))
        row = {"person_id": person_id, "channel": "email", "value_sealed": b"x", "asked_at": now, "confirmed_at": now}
        connection.execute(ContactChange.__table__.insert().values(row))
    house.browser().sign_in()
    house.browser().sign_in()
    with house.identity.db.begin() as connection:
        connection.execute(update(SsoSession).values(device="Firefox, Linux"))
    before = left()
    house.clock.advance(seconds=732 * 86_400)
    history.seal_days(house.identity)
    forget_history(house.identity)
    assert (left(), words()) == (before, {"Firefox, Linux"})  # the day itself is kept whole
    house.clock.advance(seconds=86_400)
    house.browser().sign_in()
    history.seal_days(house.identity)
    forget_history(house.identity)
    assert left() == {"history_events": 1, "recoveries": 0, "releases": 1, "contact_changes": 0}
    assert history.first_broken_day(house.identity) is None
    house.clock.advance(seconds=86_400)
    history.seal_days(house.identity)
    forget_history(house.identity)
    assert "Firefox, Linux" not in words()  # these sessions could have lasted into the next day
    assert history.first_broken_day(house.identity) is None
    with house.identity.db.begin() as connection:
        connection.execute(update(HistoryEvent).values(what="logout"))
    assert history.first_broken_day(house.identity) == house.clock.now().date() - timedelta(days=1)


@pytest.mark.rule("identity", "§3.10", "QA-12")
def test_sign_ins_that_ended_go_after_their_days_and_those_for_another_stay(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What still may be used stays, however old; so does what says who acted for whom, with its sign-on."""
    monkeypatch.setattr("identity.operations.retention.AT_ONCE", 1)
    from sqlalchemy import select, update

    from identity.models.assisted import AssistedSession
    from identity.models.grant import AccessToken, AuthorizationCode, Grant, RefreshToken
    from identity.models.interaction import Interaction
    from identity.models.sso_session import SsoSession
    from identity.tasks import clear_expired, forget_history

    def rows(model: Any) -> list[Any]:
        with house.identity.reading() as tx:
            return list(tx.connection.execute(select(model.__table__)).all())

    def days(number: int) -> None:
        house.clock.advance(seconds=number * 86_400)
        clear_expired(house.identity)
        forget_history(house.identity)

    for _ in range(3):
        house.token(house.code_form(house.new_code()))
    plain, helped, used = (row.id for row in rows(Grant))
    person_id, now = house.person_id(RUN), house.clock.now()
    session = {"id": uuid.UUID(int=1), "assisted_id": "as-1", "agent_id": person_id, "org_id": "o", "office": "o", "role": "agent"}
    session |= {
        "client_id": house.identity.clients.find("web").id,
        "channel": "counter",
        "reason_sealed": b"x",
        "actions": [],
        "proof": "card",
    }
    session |= {"state": "closed", "created_at": now, "expires_at": now}
    with house.identity.db.begin() as connection:
        connection.execute(AssistedSession.__table__.insert().values(session))
        connection.execute(update(Grant).where(Grant.id == helped).values(assisted_id=uuid.UUID(int=1)))
        token = {"token_hash": "0" * 64, "grant_id": used, "generation": 99, "created_at": now}
        connection.execute(RefreshToken.__table__.insert().values(token | {"expires_at": now + timedelta(days=900)}))
    days(3)
    assert [rows(model) for model in (AuthorizationCode, AccessToken, Interaction)] == [[], [], []]
    days(728)
    assert {row.id for row in rows(Grant)} == {plain, helped, used}
    with forgotten("identity") as gone:
        days(3)
    assert gone["grants"] == 1
    assert {row.id for row in rows(Grant)} == {helped, used}
    assert {row.id for row in rows(SsoSession)} == {row.session_id for row in rows(Grant)}
    days(200)
    assert {row.id for row in rows(Grant)} == {helped}
    assert len(rows(SsoSession)) == 1


@pytest.mark.rule("identity", "§3.8", "§3.10")
def test_a_service_that_was_given_data_is_listed_until_it_is_taken_back_however_old_the_last_sign_in(house: House) -> None:
    from identity.tasks import clear_expired, forget_history

    browser = house.browser()
    browser.authorize(client_id="private")
    browser.log_in()
    browser.send({"decision": "grant"})
    assert connected.list_connected(house.identity, house.person_id(RUN))[0].last_used_at is not None
    house.clock.advance(seconds=800 * 86_400)
    clear_expired(house.identity)
    forget_history(house.identity)
    (listed,) = connected.list_connected(house.identity, house.person_id(RUN))
    assert (listed.client_id, listed.last_used_at, listed.asks) == ("private", None, True)
    page = words_of(enter(house).open("/account/services"))
    assert "Banco" in page
    assert "Sin uso desde hace mucho tiempo" in page or "Not used for a long time" in page
    connected.withdraw(house.identity, house.person_id(RUN), "private")
    assert "private" not in {each.client_id for each in connected.list_connected(house.identity, house.person_id(RUN))}


@pytest.mark.rule("identity", "§3.8")
def test_a_connected_service_is_ended_and_asks_again(house: House) -> None:
    browser = house.browser()
    browser.authorize(client_id="private")
    browser.log_in()
    code = sent_to_client(browser.send({"decision": "grant"}))["code"]
    token = house.token(house.code_form(code, client_id="private", client_secret=SECRET, redirect_uri=CALLBACK)).json["access_token"]
    page = browser.open("/account/services")
    assert "Banco" in words_of(page)
    browser.send({}, form=form_at(browser, "/services/private/withdraw"))
    assert house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert 'value="grant"' in browser.authorize(client_id="private").get_data(as_text=True)
    assert browser.http.post("/account/services/nobody/withdraw", base_url=PUBLIC_URL).status_code == 403


@pytest.mark.rule("identity", "§3.7", "ID-14")
def test_a_contact_changes_when_its_code_came_back_and_the_old_one_is_told(house: House) -> None:
    browser = enter(house)
    browser.open("/account/profile/email")
    assert browser.send({"value": "not an address"}).status_code == 400
    browser.send({"value": "nueva@example.com"})
    sent = house.deliver()
    assert [message["to"] for message in sent] == ["nueva@example.com"]
    assert browser.send({"code": "000000"}).status_code == 400
    code = re.search(r"\b[0-9]{6}\b", sent[0]["subject"])
    assert code
    assert "nueva@example.com" in words_of(browser.send({"code": code[0]}))
    told = {message["to"] for message in house.deliver()}
    assert told == {"camila@example.com", "+56911111111"}


@pytest.mark.rule("identity", "§3.10")
def test_notices_speak_the_persons_language_and_say_how_to_check(house: House) -> None:
    browser = enter(house)
    browser.open("/account/profile")
    browser.send({"language": "en"}, form=form_at(browser, "/language"))
    house.deliver()
    add_passkey(browser, Authenticator(PUBLIC_URL))
    sent = house.deliver()
    assert {message["channel"] for message in sent} == {"email", "sms"}
    email = next(message for message in sent if message["channel"] == "email")
    assert email["subject"] == "A way to sign in was added to your account"
    assert "Teléfono" in email["body"]
    assert "This was not me" in email["body"]
    assert PUBLIC_URL + "/account" in email["body"]


def test_a_new_device_is_told_and_the_first_one_is_not(house: House) -> None:
    house.browser().sign_in()
    assert house.notices() == []
    house.browser().sign_in()
    assert set(house.notices()) == {"new-device"}


@pytest.mark.rule("identity", "§3.10")
def test_while_notify_is_away_people_sign_in_and_the_notices_wait_for_it(house: House) -> None:
    key = Secret(f"identity-{uuid.UUID(int=1)}-{uuid.UUID(int=2)}")
    nobody = Outbound(private_hosts=("127.0.0.1:9",))
    house.identity.__dict__["sender"] = NotifySender(
        nobody, house.clock, url="http://127.0.0.1:9", api_key=key, email_template="one", sms_template="two"
    )
    for _ in range(2):
        assert "code" in house.browser().sign_in()
        house.run_jobs()
    waiting = house.notices()
    assert set(waiting) == {"new-device"}
    house.clock.advance(seconds=3 * 86_400)
    house.run_jobs()
    assert house.notices() == waiting, "days later too"
    house.identity.__dict__["sender"] = back = KeepingSender()
    house.clock.advance(seconds=3_600)
    house.run_jobs()
    assert (len(back.sent), house.notices()) == (len(waiting), [])
    nobody.close()


def test_signing_out_ends_the_session(house: House) -> None:
    browser = enter(house)
    token = browser.open("/account").get_data(as_text=True).split('name="csrf_token" value="')[1].split('"')[0]
    out = browser.http.post("/account/sign-out", data={"csrf_token": token}, base_url=PUBLIC_URL)
    assert out.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert 'id="password"' in browser.open("/account").get_data(as_text=True)


def test_who_cannot_reach_the_level_is_told_what_to_do(house: House) -> None:
    browser = house.browser()
    browser.open("/login/start?next=/account&level=3")
    answer = browser.log_in()
    assert answer.status_code == 403
    assert "llave de acceso" in words_of(answer)


def test_sign_in_leads_to_no_other_place_than_ours(house: House) -> None:
    browser = house.browser()
    browser.open("/login/start?next=https://evil.example/")
    assert browser.log_in().request.path == "/account"


@pytest.mark.rule("identity", "§3.2")
def test_the_code_of_another_person_does_not_help(house: House) -> None:
    browser = enter(house)
    browser.open("/account/security")
    browser.send({}, form=form_at(browser, "/app"))
    assert browser.send({"code": code_now(house)}).status_code == 400
