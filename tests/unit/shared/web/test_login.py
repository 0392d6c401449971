import dataclasses
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from werkzeug.test import TestResponse

from shared.app import base_app, register
from shared.clock import FixedClock
from shared.context import Context
from shared.ids import SeededIds
from shared.problems import Forbidden
from shared.routes import Routes
from shared.settings import Secret
from shared.web.login import login_blueprint
from shared.web.openid import LOGOUT_EVENT
from shared.web.person import is_own_path, require_level
from shared.web.signed_in import Citizen
from tests.unit.shared.conftest import make_settings
from tests.unit.shared.web.issuer import URL, Issuer


@pytest.fixture
def issuer(clock: FixedClock) -> Issuer:
    return Issuer(clock)


@pytest.fixture
def context(shared_database: str, redis_url: str, clock: FixedClock, ids: SeededIds, issuer: Issuer) -> Iterator[Context]:
    settings = make_settings(shared_database, redis_url, login_client_id="toy-web", login_client_secret=Secret("s3:cr et"))
    made = Context(settings, "toy", clock, ids)
    made.http = issuer
    yield made
    made.close()


@pytest.fixture
def app(context: Context) -> Flask:
    app = base_app(context, import_name=__name__)
    routes = Routes("portal", __name__, access=Citizen())

    @routes.route("/mine", methods=["GET", "POST"])
    def mine() -> ResponseReturnValue:
        return dataclasses.asdict(g.person)

    @routes.get("/strong")
    def strong() -> ResponseReturnValue:
        return str(require_level(2, max_age_seconds=600).level)

    @routes.get("/a-page", access=Citizen())
    def a_page() -> ResponseReturnValue:
        raise Forbidden("A page with its header.")

    register(app, [routes, login_blueprint(scopes=("profile", "run"))])
    return app


def sign_in(client: FlaskClient, issuer: Issuer, path: str = "/mine", **back: str) -> TestResponse:
    """Go to a page, be sent to the issuer, come back; `back` changes the query one comes back with."""
    to_login = client.get(path)
    assert to_login.status_code == 303
    to_issuer = client.get(to_login.headers["Location"])
    assert to_issuer.status_code == 303
    query = {name: value for name, value in {**issuer.authorize(to_issuer.headers["Location"]), **back}.items() if value != ""}
    return client.get("/login/callback?" + urlencode(query))


def test_who_is_not_signed_in_is_sent_to_the_issuer_with_all_that_protects_the_way_back(client: FlaskClient, issuer: Issuer) -> None:
    location = client.get("/mine?tab=2").headers["Location"]
    assert location == "/login?next=%2Fmine%3Ftab%3D2"
    asked = issuer.authorize(client.get(location).headers["Location"]) and issuer.asked
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "openid profile run"
    assert asked["redirect_uri"] == "http://localhost:9000/login/callback"
    assert asked["ui_locales"] == "es"
    assert len(asked["state"]) >= 30
    assert len(asked["nonce"]) >= 30
    assert len(asked["code_challenge"]) == 43


def test_one_comes_back_to_the_page_one_wanted_and_is_known(client: FlaskClient, issuer: Issuer) -> None:
    response = sign_in(client, issuer, "/mine?tab=2")
    assert (response.status_code, response.headers["Location"]) == (303, "/mine?tab=2")
    person = client.get("/mine").get_json()
    assert (person["sub"], person["name"], person["run"], person["amr"]) == ("p-1", "Camila Andrea Soto Pérez", "11111111-1", ["pwd"])


def test_the_client_proves_itself_by_its_secret(client: FlaskClient, issuer: Issuer) -> None:
    sign_in(client, issuer)
    form, headers = issuer.forms[0]
    assert headers["Authorization"] == "Basic dG95LXdlYjpzMyUzQWNyJTIwZXQ="  # toy-web:s3%3Acr%20et  RFC 6749 §2.3.1
    assert "client_secret" not in form


def test_without_a_secret_it_proves_itself_by_its_key(
    shared_database: str, redis_url: str, clock: FixedClock, ids: SeededIds, issuer: Issuer
) -> None:
    settings = make_settings(shared_database, redis_url, login_client_id="toy-web")
    context = Context(settings, "toy", clock, ids)
    context.http = issuer
    app = base_app(context, import_name=__name__)
    register(app, [login_blueprint()])
    client = app.test_client()
    query = issuer.authorize(client.get("/login").headers["Location"])
    assert client.get("/login/callback?" + urlencode(query)).headers["Location"] == "/"
    form, headers = issuer.forms[0]
    key = ECKey.import_key(json.loads(settings.client_key.reveal()))
    claims = jwt.decode(form["client_assertion"], key, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["sub"], claims["aud"], claims["exp"] - claims["iat"]) == ("toy-web", "toy-web", URL, 60)
    assert headers == {}
    context.close()


def test_signing_in_changes_the_session_id_and_the_form_s_mark(client: FlaskClient, issuer: Issuer) -> None:
    client.get(client.get("/mine").headers["Location"])
    before = client.get_cookie("toy-session")
    sign_in(client, issuer)
    after = client.get_cookie("toy-session")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert client.get_cookie("toy-form") is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://other.example"},
        {"aud": "other"},
        {"aud": ["toy-web", "other"]},
        {"azp": "other"},
        {"exp": 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": 4_000_000_000},
        {"nonce": "other"},
        {"nonce": None},
        {"nonce": 5},
        {"sub": None},
        {"sub": ""},
        {"sub": "p-2"},  # userinfo is of p-1
    ],
    ids=str,
)
def test_an_id_token_that_fails_one_check_signs_nobody_in(client: FlaskClient, issuer: Issuer, wrong: dict[str, Any]) -> None:
    issuer.claims = wrong
    response = sign_in(client, issuer)
    assert response.status_code == 400
    assert "No pudimos iniciar su sesión" in response.text
    assert client.get("/mine").status_code == 303


@pytest.mark.parametrize("signed", ["stranger", "hmac", "unknown kid", "logout token"])
def test_an_id_token_that_is_not_signed_by_the_issuer_signs_nobody_in(client: FlaskClient, issuer: Issuer, signed: str) -> None:
    if signed == "stranger":
        issuer.signing_key = ECKey.generate_key("P-256", {"kid": "issuer-1"}, private=True)
    elif signed == "hmac":
        issuer.signing_key = OctKey.import_key(json.dumps(issuer.key.as_dict(private=False)).encode())  # type: ignore[assignment]
        issuer.header = {"alg": "HS256", "kid": "issuer-1"}
    elif signed == "unknown kid":
        issuer.header["kid"] = "issuer-9"
    else:
        issuer.header["typ"] = "logout+jwt"
    assert sign_in(client, issuer).status_code == 400
    assert client.get("/mine").status_code == 303


@pytest.mark.parametrize(
    "back", [{"state": "other"}, {"state": ""}, {"iss": "https://other.example"}, {"iss": ""}, {"error": "server_error"}], ids=str
)
def test_an_answer_that_is_not_to_our_question_signs_nobody_in(client: FlaskClient, issuer: Issuer, back: dict[str, str]) -> None:
    assert sign_in(client, issuer, **back).status_code == 400
    assert issuer.forms == []
    assert client.get("/mine").status_code == 303


def test_an_answer_counts_once(client: FlaskClient, issuer: Issuer) -> None:
    sign_in(client, issuer)
    again = client.get("/login/callback?" + urlencode({"state": issuer.asked["state"], "code": "code-1", "iss": URL}))
    assert again.status_code == 400


def test_an_answer_to_somebody_else_s_question_is_not_taken(app: Flask, client: FlaskClient, issuer: Issuer) -> None:
    query = issuer.authorize(client.get("/login").headers["Location"])
    victim = app.test_client()
    assert victim.get("/login/callback?" + urlencode(query)).status_code == 400


def test_an_answer_that_took_an_hour_is_too_late(client: FlaskClient, issuer: Issuer, clock: FixedClock) -> None:
    query = issuer.authorize(client.get("/login").headers["Location"])
    for _ in range(3):  # another tab keeps the session going
        clock.advance(seconds=1250)
        client.get("/login")
    assert client.get("/login/callback?" + urlencode(query)).status_code == 400


def test_who_says_no_at_the_issuer_is_told_that_nothing_was_done(client: FlaskClient, issuer: Issuer) -> None:
    response = sign_in(client, issuer, error="access_denied")
    assert response.status_code == 403
    assert "Usted no inició sesión" in response.text


def test_two_tabs_may_sign_in_at_once(client: FlaskClient, issuer: Issuer) -> None:
    first = issuer.authorize(client.get("/login?next=/mine").headers["Location"])
    asked = issuer.asked
    client.get("/login?next=/staff")
    issuer.asked = asked
    assert client.get("/login/callback?" + urlencode(first)).headers["Location"] == "/mine"


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "mine",
        "",
        "/a b",
        "/" + "x" * 3000,
    ],
)
def test_one_is_never_sent_on_to_another_origin(client: FlaskClient, path: str) -> None:
    assert not is_own_path(path)
    assert client.get("/login?" + urlencode({"next": path})).status_code == 400


@given(st.text(alphabet="/\\:.?#@ax\t\n%", max_size=12))
def test_an_own_path_has_no_host_however_it_is_read(path: str) -> None:
    if is_own_path(path):
        assert path[0] == "/"
        assert path[1:2] not in {"/", "\\"}
        assert "\\" not in path
        assert not urlsplit(path).netloc


def test_the_issuer_away_is_told_and_passes(client: FlaskClient, issuer: Issuer) -> None:
    issuer.away = True
    response = client.get("/login")
    assert response.status_code == 503
    assert "no es posible iniciar sesión" in response.text
    issuer.away = False
    assert client.get("/login").status_code == 303


@pytest.mark.parametrize(("status", "shown"), [(400, 400), (500, 503), (429, 503)])
def test_a_refused_code_signs_nobody_in(client: FlaskClient, issuer: Issuer, status: int, shown: int) -> None:
    issuer.token_status = status
    assert sign_in(client, issuer).status_code == shown
    assert client.get("/mine").status_code == 303


def test_metadata_of_another_issuer_are_not_believed(client: FlaskClient, issuer: Issuer) -> None:
    issuer.metadata["issuer"] = "https://other.example"
    assert client.get("/login").status_code == 503


def test_a_stronger_proof_is_asked_for_and_then_enough(client: FlaskClient, issuer: Issuer) -> None:
    sign_in(client, issuer)
    location = client.get("/strong").headers["Location"]
    assert parse_qs(urlsplit(location).query) == {"next": ["/strong"], "level": ["2"], "max_age": ["600"]}
    query = issuer.authorize(client.get(location).headers["Location"])
    assert issuer.asked["acr_values"] == "urn:andamio:acr:2"
    assert issuer.asked["max_age"] == "600"
    issuer.claims = {"acr": "urn:andamio:acr:2"}
    assert client.get("/login/callback?" + urlencode(query)).headers["Location"] == "/strong"
    assert client.get("/strong").text == "2"


def test_a_proof_too_old_is_asked_for_again_and_an_old_one_is_not_taken(client: FlaskClient, issuer: Issuer, clock: FixedClock) -> None:
    issuer.claims = {"acr": "urn:andamio:acr:2"}
    sign_in(client, issuer)
    assert client.get("/strong").text == "2"
    clock.advance(seconds=700)
    location = client.get("/strong").headers["Location"]
    query = issuer.authorize(client.get(location).headers["Location"])
    issuer.claims = {"acr": "urn:andamio:acr:2", "auth_time": int(clock.now().timestamp()) - 700}
    assert client.get("/login/callback?" + urlencode(query)).status_code == 400


def test_who_cannot_reach_the_level_is_told_instead_of_being_sent_round(client: FlaskClient, issuer: Issuer) -> None:
    sign_in(client, issuer)
    sign_in(client, issuer, "/strong")  # comes back with one factor all the same
    response = client.get("/strong")
    assert response.status_code == 403
    assert "una forma más segura" in response.text


def test_the_header_says_whose_session_it_is_and_for_whom_one_acts(client: FlaskClient, issuer: Issuer) -> None:
    issuer.userinfo["urn:andamio:represents"] = {"type": "person", "name": "José Ñancupil Huenchumán"}
    sign_in(client, issuer)
    page = client.get("/a-page")
    assert "Camila Andrea Soto Pérez" in page.text
    assert "Usted actúa por José Ñancupil Huenchumán" in page.text
    assert "form-action 'self' http://localhost:9001" in page.headers["Content-Security-Policy"]


def test_a_form_is_checked_also_of_who_is_signed_in(client: FlaskClient, issuer: Issuer) -> None:
    sign_in(client, issuer)
    assert client.post("/mine").status_code == 403
    assert client.post("/logout").status_code == 403
    assert client.get("/mine").status_code == 200


def sign_out(client: FlaskClient) -> TestResponse:
    import re

    mark = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/a-page").text)
    assert mark is not None
    return client.post("/logout", data={"csrf_token": mark[1]})


def test_signing_out_ends_ours_and_goes_on_to_the_issuer(client: FlaskClient, issuer: Issuer) -> None:
    sign_in(client, issuer)
    response = sign_out(client)
    assert response.headers["Location"].startswith(URL + "/logout?id_token_hint=")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert parse_qs(urlsplit(response.headers["Location"]).query)["post_logout_redirect_uri"] == ["http://localhost:9000/"]
    assert client.get("/mine").status_code == 303


def test_signing_out_works_while_the_issuer_is_away(client: FlaskClient, issuer: Issuer, clock: FixedClock) -> None:
    sign_in(client, issuer)
    issuer.away = True
    clock.advance(seconds=400)
    assert sign_out(client).status_code == 303
    assert client.get("/mine").status_code == 303


def logout_claims(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    claims = {**issuer.standard_claims(), "jti": "j-1", "events": {LOGOUT_EVENT: {}}, "nonce": None, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def test_the_end_at_the_issuer_ends_the_session_here(client: FlaskClient, issuer: Issuer) -> None:
    sign_in(client, issuer)
    token = issuer.sign(logout_claims(issuer), typ="logout+jwt")
    assert client.application.test_client().post("/login/back-channel", data={"logout_token": token}).status_code == 200
    assert client.get("/mine").status_code == 303


@pytest.mark.parametrize(
    ("changes", "typ"),
    [
        ({"nonce": "n"}, "logout+jwt"),
        ({"events": None}, "logout+jwt"),
        ({"events": {"other": {}}}, "logout+jwt"),
        ({"sid": None}, "logout+jwt"),
        ({"jti": None}, "logout+jwt"),
        ({"aud": "other"}, "logout+jwt"),
        ({"iss": "https://other.example"}, "logout+jwt"),
        ({"exp": 1}, "logout+jwt"),
        ({}, "JWT"),
    ],
    ids=str,
)
def test_a_logout_token_that_fails_one_check_ends_nothing(client: FlaskClient, issuer: Issuer, changes: dict[str, Any], typ: str) -> None:
    sign_in(client, issuer)
    token = issuer.sign(logout_claims(issuer, **changes), typ=typ)
    assert client.post("/login/back-channel", data={"logout_token": token}).status_code == 400
    assert client.get("/mine").status_code == 200


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 20_000])
def test_what_is_no_token_is_refused(client: FlaskClient, token: str) -> None:
    assert client.post("/login/back-channel", data={"logout_token": token}).status_code == 400


def test_a_refused_form_of_a_visitor_who_is_not_signed_in_leads_to_the_start(client: FlaskClient) -> None:
    assert client.post("/mine", data={"x": "1"}).headers["Location"] == "/login?next=%2F"
