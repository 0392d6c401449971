"""Signing keys change without anybody noticing."""

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from identity.operations import keys
from tests.factories.identity import RESOURCE, SECRET, SIGNED_OUT, House, web_client
from tests.factories.identity_protocol import enter

DAY = 86_400


def published(house: House) -> list[str]:
    return [jwk["kid"] for jwk in house.client().get("/openid/jwks").json["keys"] if jwk["alg"] == "ES256"]


def signs(house: House) -> str:
    token = house.token(house.machine_form(scope="notify:send")).json["access_token"]
    jwks = KeySet.import_key_set(house.client().get("/openid/jwks").json)
    return str(jwt.decode(token, jwks, algorithms=["ES256"]).header["kid"])


@pytest.mark.rule("identity", "KY-1", "KY-2")
def test_a_new_key_is_published_before_it_signs_and_the_old_one_after(house: House) -> None:
    old = signs(house)
    keys.rotate_keys(house.identity, actor="test")
    (new,) = set(published(house)) - {old}
    assert signs(house) == old
    keys.rotate_keys(house.identity, actor="test")
    assert signs(house) == old, "it has not waited long enough"
    house.clock.advance(seconds=DAY)
    keys.rotate_keys(house.identity, actor="test")
    assert signs(house) == new
    assert set(published(house)) == {old, new}
    house.clock.advance(seconds=DAY + 3601)
    keys.tend_keys(house.identity)
    assert published(house) == [new]


@pytest.mark.rule("identity", "KY-4")
def test_in_an_emergency_the_new_key_signs_at_once(house: House) -> None:
    old = signs(house)
    result = house.app.test_cli_runner().invoke(args=["identity", "rotate-keys", "--emergency"])
    assert result.exit_code == 0, result.output
    assert signs(house) != old
    assert {entry["object"] for entry in house.audited("identity:key:retired")} >= {old}
    listed = house.app.test_cli_runner().invoke(args=["identity", "list-keys"])
    assert "retired" in listed.output


@pytest.mark.rule("identity", "KY-1")
def test_time_alone_rotates_keys(house: House) -> None:
    old = signs(house)
    for _ in range(95):
        keys.tend_keys(house.identity)
        house.clock.advance(seconds=DAY)
    assert signs(house) != old
    assert old not in published(house)


@pytest.mark.rule("identity", "KY-1", "LO-2", "AZ-14")
def test_an_id_token_of_a_removed_key_still_says_goodbye(house: House) -> None:
    browser = house.browser()
    id_token = house.token(house.code_form(browser.sign_in()["code"])).json["id_token"]
    keys.rotate_keys(house.identity, actor="test", emergency=True)
    house.clock.advance(seconds=DAY + 3601)
    keys.tend_keys(house.identity)
    answer = browser.open("/openid/end-session", query_string={"id_token_hint": id_token, "post_logout_redirect_uri": SIGNED_OUT})
    assert answer.headers["Location"] == SIGNED_OUT


@pytest.mark.parametrize("kid", ["no-such-key", "-DkQ0tX8", "--kQ0tX8"])
def test_a_stolen_key_that_is_not_known_is_said_so(house: House, kid: str) -> None:
    result = house.app.test_cli_runner().invoke(args=["identity", "revoke-keys", kid])
    assert result.exit_code == 1, "a name that begins with a hyphen is not taken for an option"
    assert f"There is no key {kid}." in result.output


@pytest.mark.rule("identity", "KY-4", "§2.24")
def test_nothing_that_a_stolen_key_signed_counts_any_more(house: House) -> None:
    enter(house, web_client(client_id="rs", audiences=(RESOURCE,), auth_method="client_secret_basic"), secret=SECRET)
    browser = house.browser()
    given = house.token(house.code_form(browser.sign_in(resource=RESOURCE)["code"])).json
    machine = house.token(house.machine_form(scope="notify:send")).json["access_token"]
    asking = {"client_id": "rs", "client_secret": SECRET}

    def is_active(token: str) -> bool:
        return bool(house.client().post("/openid/introspect", data={**asking, "token": token}).json["active"])

    assert [is_active(given["access_token"]), is_active(machine)] == [True, True]
    stolen = signs(house)
    keys.rotate_keys(house.identity, actor="test")
    waiting = next(kid for kid in published(house) if kid != stolen)
    result = house.app.test_cli_runner().invoke(args=["identity", "revoke-keys", stolen, waiting])
    assert result.exit_code == 0, result.output
    document = house.client().get("/openid/jwks").json
    assert {entry["kid"] for entry in document["revoked_keys"]} == {stolen, waiting}
    assert not {jwk["kid"] for jwk in document["keys"]} & {stolen, waiting}
    assert signs(house) in set(published(house)), "another key signs at once"
    assert [is_active(given["access_token"]), is_active(machine)] == [False, False]
    assert is_active(house.token(house.machine_form(scope="notify:send")).json["access_token"])
    hint = {"id_token_hint": given["id_token"], "post_logout_redirect_uri": SIGNED_OUT}
    assert browser.open("/openid/end-session", query_string=hint).status_code == 400, "not even as a hint"
    assert {entry["object"] for entry in house.audited("identity:key:revoked")} == {stolen, waiting}
    listed = house.app.test_cli_runner().invoke(args=["identity", "list-keys"])
    assert f"revoked   {stolen}" in listed.output
