"""How the answer of an authorization request comes back: signed, after a fault of ours, and after the reply was lost (AZ-22, TK-7)."""

import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy.exc import OperationalError

from identity.models.client import POLICIES, Binding, PolicyName
from identity.standards import discovery, jose
from tests.conformance.identity.test_codes_and_tokens import about
from tests.factories.identity import CALLBACK, ISSUER, STATE, House, sent_to_client
from tests.factories.identity_protocol import fapi_client


def opened(house: House, response: str, alg: str = "ES256") -> dict[str, Any]:
    keys = KeySet.import_key_set(house.client().get("/openid/jwks").json)
    return dict(jwt.decode(response, keys, algorithms=[alg]).claims)


@pytest.mark.rule("identity", "AZ-8", "AZ-9", "§2.27")
@pytest.mark.parametrize("mode", ["jwt", "query.jwt"])
def test_a_signed_answer_holds_everything(house: House, mode: str) -> None:
    browser = house.browser()
    browser.authorize(response_mode=mode)
    sent = sent_to_client(browser.log_in())
    assert set(sent) == {"response"}
    claims = opened(house, sent["response"])
    assert {name: claims[name] for name in ("iss", "aud", "state")} == {"iss": ISSUER, "aud": "web", "state": STATE}
    assert 0 < claims["exp"] - house.clock.now().timestamp() <= 600
    assert house.token(house.code_form(claims["code"])).status_code == 200
    refused = opened(house, sent_to_client(house.browser().authorize(response_mode=mode, prompt="none"))["response"])
    assert refused["error"] == "login_required"


@pytest.mark.rule("identity", "AZ-9", "§2.27")
def test_a_signed_answer_may_be_posted_and_comes_to_fapi_clients_too(house: House) -> None:
    from bs4 import BeautifulSoup

    client, browser = fapi_client(house), house.browser()
    request_uri = client.push(response_mode="form_post.jwt").json["request_uri"]
    browser.open("/openid/authorize", query_string={"client_id": "fapi", "request_uri": request_uri})
    page = BeautifulSoup(browser.log_in().get_data(as_text=True), "html.parser")
    form = page.select_one("main form")
    assert form is not None
    assert form["action"] == CALLBACK
    fields = {str(each["name"]): str(each["value"]) for each in form.select("input")}
    assert set(fields) == {"response"}
    assert client.redeem(opened(house, fields["response"])["code"]).status_code == 200


@pytest.mark.rule("identity", "AZ-22", "§2.29")
@pytest.mark.parametrize(
    ("fault", "code"),
    [(RuntimeError("secret text"), "server_error"), (OperationalError("select", {}, Exception("secret text")), "temporarily_unavailable")],
)
def test_a_fault_of_ours_is_told_to_the_client_without_its_text(
    house: House, monkeypatch: pytest.MonkeyPatch, fault: Exception, code: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("identity.routes.authorize.next_need", fail)
    answer = house.browser().authorize()
    sent = sent_to_client(answer)
    assert (sent["error"], sent["state"], sent["iss"]) == (code, STATE, ISSUER)
    assert "secret" not in answer.headers["Location"]


@pytest.mark.rule("identity", "TK-7", "TK-4", "TK-5")
def test_a_lost_reply_leaves_no_token_that_nobody_holds(house: House) -> None:
    """The client never saw the first answer and tries again: it is refused, and what the first one held is dead."""
    code = house.new_code()
    lost = house.token(house.code_form(code)).json
    assert house.token(house.code_form(code)).json["error"] == "invalid_grant"
    assert about(house, lost["access_token"]) == 401
    again = house.token(house.code_form(house.new_code()))
    assert again.status_code == 200


@pytest.mark.rule("identity", "UI-6")
def test_what_was_told_is_noted_by_name_and_without_values(house: House) -> None:
    token = house.token(house.code_form(house.new_code(scope="openid email"))).json["access_token"]
    assert about(house, token) == 200
    noted = house.audited("identity:claims:released")[-1]
    assert noted["data"]["claims"] == ["email", "email_verified", "sub"]
    assert "camila" not in json.dumps(noted)


@pytest.mark.rule("identity", "§2.0", "CA-5", "CA-6", "PA-8", "PK-3", "RT-5", "RT-6", "TK-8")
def test_the_table_of_policies_is_the_contracts() -> None:
    by_key = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")
    secrets = ("client_secret_basic", "client_secret_post")
    told = {
        name: (
            p.auth_methods,
            p.pkce_required,
            p.par_required,
            p.binding,
            p.issuer_audience_only,
            p.rotates_refresh_tokens,
            p.code_ttl_seconds,
        )
        for name, p in POLICIES.items()
    }
    code_seconds = 60
    assert told == {
        PolicyName.LEGACY: (secrets, False, False, Binding.NEVER, False, False, 300),
        PolicyName.WEB: ((*secrets, "private_key_jwt"), True, False, Binding.OPTIONAL, False, False, code_seconds),
        PolicyName.PUBLIC: (("none",), True, False, Binding.OPTIONAL, False, True, code_seconds),
        PolicyName.FAPI2: (by_key, True, True, Binding.REQUIRED, True, False, code_seconds),
        PolicyName.MACHINE: (by_key, False, False, Binding.OPTIONAL, True, False, code_seconds),
        PolicyName.CHANNEL: (by_key, False, False, Binding.REQUIRED, True, False, code_seconds),
    }
    for name in (PolicyName.FAPI2, PolicyName.MACHINE, PolicyName.CHANNEL):
        assert "RS256" not in POLICIES[name].algorithms
    assert all("none" not in policy.algorithms for policy in POLICIES.values())
    assert POLICIES[PolicyName.MACHINE].grant_types[0] == "client_credentials"
    assert discovery.RESPONSE_MODES[0] == "query"
    assert "none" not in jose.CLIENT_ALGORITHMS
