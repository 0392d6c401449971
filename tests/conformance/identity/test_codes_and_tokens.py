"""A code works once, whoever tries at the same time; what it gave dies with its reuse."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests.factories.identity import LEGACY_SECRET, RUN, House, authorization

THREADS = 20


def about(house: House, token: str) -> int:
    return house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.mark.rule("identity", "TK-4")
def test_of_twenty_parallel_redemptions_exactly_one_wins(house: House) -> None:
    form = house.code_form(house.new_code())
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda _: house.token(form), range(THREADS)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (THREADS - 1)
    assert {answer.json["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert about(house, winner.json["access_token"]) == 401


@pytest.mark.rule("identity", "CA-4")
def test_of_twenty_parallel_uses_of_one_assertion_exactly_one_wins(house: House) -> None:
    form = house.machine_form()
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda _: house.token(form).status_code, range(THREADS)))
    assert sorted(answers) == [200] + [401] * (THREADS - 1)


@pytest.mark.rule("identity", "TK-4")
@pytest.mark.parametrize("seconds", [1, 30, 3000])
def test_reuse_revokes_what_the_first_use_gave(house: House, seconds: int) -> None:
    code = house.new_code()
    token = house.token(house.code_form(code)).json["access_token"]
    assert about(house, token) == 200
    house.clock.advance(seconds=seconds)
    assert house.token(house.code_form(code)).json["error"] == "invalid_grant"
    assert about(house, token) == 401
    assert len(house.audited("identity:code:reused")) == 1


@pytest.mark.rule("identity", "TK-4")
def test_another_clients_try_revokes_nothing(house: House) -> None:
    code = house.new_code()
    token = house.token(house.code_form(code)).json["access_token"]
    house.token(house.code_form(code, client_id="web-two"))
    assert about(house, token) == 200


@pytest.mark.rule("identity", "HT-6", "HT-7")
def test_no_opaque_secret_stands_in_the_database(house: House) -> None:
    browser = house.browser()
    code = browser.sign_in()["code"]
    token = house.token(house.code_form(code)).json["access_token"]
    cookies = [cookie.value for cookie in browser.http._cookies.values()]
    assert len(code) == len(token) == 43
    with house.identity.db.engine.connect() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        dump = "\n".join(str(row) for table in tables for row in connection.execute(text(f'SELECT t::text FROM "{table}" t')))
    for secret in (code, token, *cookies, "a long enough passphrase 1"):
        assert secret not in dump
    assert RUN not in dump
    assert "Camila" not in dump


@pytest.mark.rule("identity", "UI-1", "UI-2", "UI-7", "HT-3")
def test_how_a_token_is_shown_and_what_is_answered(house: House) -> None:
    http = house.client()
    token = house.token(house.code_form(house.new_code())).json["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    for path in ("/openid/userinfo", "/openid/userinfo/"):
        assert http.get(path, headers=bearer).status_code == 200
        assert http.post(path, headers=bearer).status_code == 200
        assert http.post(path, data={"access_token": token}).status_code == 200
    assert http.post("/openid/userinfo", headers={"Authorization": f"bearer {token}"}).headers["Cache-Control"] == "no-store"
    assert http.get(f"/openid/userinfo?access_token={token}").status_code == 400
    assert http.post("/openid/userinfo", data={"access_token": token}, headers=bearer).status_code == 400
    bare = http.get("/openid/userinfo")
    assert (bare.status_code, bare.headers["WWW-Authenticate"]) == (401, "Bearer")
    for bad in ("nonsense", "x" * 5000, token + "x"):
        answer = http.get("/openid/userinfo", headers={"Authorization": f"Bearer {bad}"})
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    house.clock.advance(seconds=3600)
    assert about(house, token) == 401


@pytest.mark.rule("identity", "UI-2", "AZ-17", "TK-9")
def test_without_openid_it_is_plain_oauth(house: House) -> None:
    answer = house.token(house.code_form(house.new_code(scope="email profile")))
    assert "id_token" not in answer.json
    assert about(house, answer.json["access_token"]) == 403


@pytest.mark.rule("identity", "UI-7")
def test_a_closed_account_is_not_told_about(house: House) -> None:
    from identity.models.finders import find_credentials
    from identity.models.person import PersonState
    from identity.operations.people import set_state
    from shared.run import parse_run

    token = house.token(house.code_form(house.new_code())).json["access_token"]
    with house.identity.reading() as tx:
        person = find_credentials(tx.connection, house.identity.cipher, parse_run(RUN))
    assert person is not None
    set_state(house.identity, person.person_id, PersonState.DECEASED, actor="test")
    assert about(house, token) == 401


@pytest.mark.rule("identity", "ID-2", "CU-36")
def test_the_subject_is_stable_in_a_sector_and_differs_between_sectors(house: House) -> None:
    def subject(client_id: str) -> str:
        answer = house.token(house.code_form(house.new_code(client_id=client_id), client_id=client_id))
        return str(house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {answer.json['access_token']}"}).json["sub"])

    assert subject("web") == subject("web")
    assert subject("web") != subject("web-two")
    assert len(subject("web")) == 43


@pytest.mark.rule("identity", "CU-31", "CU-33", "CU-30", "CU-32", "CU-35", "ID-3")
def test_code_written_for_clave_unica_works(house: House) -> None:
    browser = house.browser()
    values = {"client_id": "legacy", "scope": "openid run name", "code_challenge": None, "code_challenge_method": None, "nonce": None}
    page = browser.open("/openid/authorize/", query_string=authorization(**values))
    assert page.status_code == 200
    code = browser.log_in().headers["Location"].split("code=")[1].split("&")[0]
    form = house.code_form(code, client_id="legacy", client_secret=LEGACY_SECRET, code_verifier=None, state="anything")
    answer = house.client().post("/openid/token/", data=form)
    assert answer.json["token_type"] == "bearer"
    assert answer.json["expires_in"] == 3600
    about_person = house.client().post("/openid/userinfo/", headers={"Authorization": f"Bearer {answer.json['access_token']}"}).json
    assert about_person["RolUnico"] == {"numero": 11111111, "DV": "1", "tipo": "RUN"}
    assert about_person["name"] == {"nombres": ["Camila", "Andrea"], "apellidos": ["Soto", "Pérez"]}
    assert set(about_person) == {"sub", "RolUnico", "name"}
