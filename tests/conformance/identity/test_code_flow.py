"""The whole flow, as a client sees it."""

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.factories.identity import ISSUER, RUN, STATE, House


def claims_of(house: House, token: str) -> dict[str, object]:
    keys = KeySet.import_key_set(house.client().get("/openid/jwks").json)
    return dict(jwt.decode(token, keys, algorithms=["ES256", "RS256"]).claims)


@pytest.mark.rule("identity", "AZ-6", "AZ-8", "TK-6", "ID-1", "ID-5", "UI-4")
def test_sign_in_gives_code_tokens_and_claims(house: House) -> None:
    sent = house.browser().sign_in()
    assert sent["state"] == STATE
    assert sent["iss"] == ISSUER
    answer = house.token(house.code_form(sent["code"]))
    assert answer.status_code == 200, answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    claims = claims_of(house, answer.json["id_token"])
    assert claims["aud"] == "web"
    assert claims["nonce"] == "n-0S6_WzA2Mj"
    assert claims["acr"] == "urn:andamio:acr:1"
    assert claims["amr"] == ["pwd"]
    assert "name" not in claims
    about = house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {answer.json['access_token']}"})
    assert about.json["sub"] == claims["sub"]
    assert about.json["name"] == "Camila Andrea Soto Pérez"
    assert about.json["RolUnico"] == {"numero": 11111111, "DV": "1", "tipo": "RUN"}
    assert str(claims["sub"]) != RUN
