"""Vectors of trust: who was checked how, and who signed in how, asked and told apart (§2.26, RFC 8485)."""

import json

import pyotp
import pytest

from identity.models.finders import find_credentials
from identity.operations import proofings
from identity.standards import jose, rfc8485
from shared.run import parse_run
from tests.conformance.identity.test_identity_assurance import PROOFING
from tests.factories.identity import PUBLIC_URL, RUN, RUN_TOTP, TOTP_SECRET, Browser, House, sent_to_client
from tests.factories.identity_protocol import fapi_client

BAD = [
    "",
    "{",
    "P2",
    '"P2"',
    "[]",
    "[1]",
    "[null]",
    '[""]',
    '["P9"]',
    '["P1.P2"]',
    '["Ca.Cb"]',
    '["P1."]',
    '["p1"]',
    '["P1","X"]',
    "[" * 200,
]
BAD += [json.dumps(["P1"] * 9), json.dumps(["P1.Ca" * 200])]


def check_in_person(house: House, run: str) -> None:
    """Have a person checked at a counter: P2."""
    with house.identity.transaction() as tx:
        found = find_credentials(tx.connection, house.identity.cipher, parse_run(run))
        assert found is not None
        proofings.record_proofing(house.identity, tx, found.person_id, PROOFING, actor="test")


def send_code(house: House, browser: Browser) -> dict[str, str]:
    return sent_to_client(browser.send({"code": pyotp.TOTP(TOTP_SECRET).at(house.clock.now())}))


def claims(house: House, answer: dict[str, str]) -> dict[str, object]:
    token = house.token(house.code_form(answer["code"])).json["id_token"]
    return {name: jose.read_claim(token, name) for name in ("vot", "vtm", "acr")}


@pytest.mark.rule("identity", "§2.26", "§2.29")
def test_vectors_that_are_refused(house: House) -> None:
    client = fapi_client(house)
    for vtr in BAD[1:]:
        answer = sent_to_client(house.browser().authorize(vtr=vtr))
        assert answer["error"] == "invalid_request", vtr
        assert client.push(vtr=vtr).json["error"] == "invalid_request", vtr
    for other in ({"acr_values": "urn:andamio:acr:1"}, {"claims": '{"id_token":{"acr":{"value":"urn:andamio:acr:1"}}}'}):
        assert sent_to_client(house.browser().authorize(vtr='["P0.Ca"]', **other))["error"] == "invalid_request"
    assert "code" in house.browser().sign_in(vtr=""), "empty is absent"


@pytest.mark.rule("identity", "§2.26")
@pytest.mark.parametrize(("vtr", "vot"), [(["Ca"], "P2.Ca"), (["P2"], "P2.Ca"), (["P3.Ca", "P1.Ca"], "P2.Ca"), (["P2.Cc", "Ca"], "P2.Ca")])
def test_the_first_that_the_person_can_satisfy_counts(house: House, vtr: list[str], vot: str) -> None:
    check_in_person(house, RUN)
    told = claims(house, house.browser().sign_in(vtr=json.dumps(vtr)))
    assert told == {"vot": vot, "vtm": PUBLIC_URL + "/trust", "acr": "urn:andamio:acr:1"}
    assert house.client().get("/trust").status_code == 200


@pytest.mark.rule("identity", "§2.26")
def test_a_vector_may_ask_for_a_second_factor(house: House) -> None:
    browser = house.browser()
    browser.authorize(vtr='["P0.Cb"]')
    browser.log_in(RUN_TOTP)
    told = claims(house, send_code(house, browser))
    assert told == {"vot": "P0.Cb", "vtm": PUBLIC_URL + "/trust", "acr": "urn:andamio:acr:2"}


@pytest.mark.rule("identity", "§2.26", "AZ-16", "AZ-10")
def test_vectors_that_cannot_be_satisfied_are_refused(house: House) -> None:
    browser = house.browser()
    for vtr in ('["P1.Ca"]', '["Cb"]', '["P3","Cc"]'):
        assert browser.sign_in(vtr=vtr)["error"] == "unmet_authentication_requirements", vtr
    browser.sign_in()
    assert sent_to_client(browser.authorize(vtr='["P0.Ca"]', prompt="none"))["code"]
    assert sent_to_client(browser.authorize(vtr='["Cb"]', prompt="none"))["error"] == "unmet_authentication_requirements"


@pytest.mark.rule("identity", "§2.26", "RT-4")
def test_who_did_not_ask_is_not_told(house: House) -> None:
    assert claims(house, house.browser().sign_in())["vot"] is None


def test_vectors_are_written_as_they_are_read() -> None:
    assert rfc8485.told(2, "urn:andamio:acr:3") == "P2.Cc"
    assert rfc8485.told(0, "urn:andamio:acr:assisted") == "P0.Ca"
    assert rfc8485.parse(rfc8485.as_text(["P2.Cb", "P0"])) == ("P2.Cb", "P0")
