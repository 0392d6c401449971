"""What a person gives, and to whom."""

import pyotp
import pytest

from identity.operations import register
from tests.factories.identity import RUN_TOTP, TOTP_SECRET, House, sent_to_client, web_client


def test_a_private_client_asks_once_for_each_set_of_data(house: House) -> None:
    browser = house.browser()
    browser.authorize(client_id="private", scope="openid name")
    page = browser.log_in().get_data(as_text=True)
    assert "Camila Andrea Soto Pérez" in page
    assert "camila@example.com" not in page
    assert 'name="decision"' in page
    assert "code" in sent_to_client(browser.send({"decision": "grant"}))
    assert "code" in sent_to_client(browser.authorize(client_id="private", scope="openid name"))
    more = browser.authorize(client_id="private", scope="openid name email")
    assert "camila@example.com" in more.get_data(as_text=True)
    assert sent_to_client(browser.authorize(client_id="private", scope="openid email", prompt="none"))["error"] == "consent_required"


def test_saying_no_goes_back_with_access_denied(house: House) -> None:
    browser = house.browser()
    browser.authorize(client_id="private")
    browser.log_in()
    assert sent_to_client(browser.send({"decision": "refuse"}))["error"] == "access_denied"
    assert house.audited("identity:release:given") == []


@pytest.mark.rule("identity", "AZ-12")
def test_prompt_consent_asks_public_services_too(house: House) -> None:
    browser = house.browser()
    browser.sign_in()
    page = browser.authorize(prompt="consent")
    assert 'value="grant"' in page.get_data(as_text=True)
    assert "code" in sent_to_client(browser.send({"decision": "grant"}))


@pytest.mark.rule("identity", "AZ-16")
def test_levels_are_tried_when_wished_and_kept_when_required(house: House) -> None:
    two = "urn:andamio:acr:2"
    strict = web_client(client_id="strict", default_acr_values=(two,), sector="strict")
    register.create_client(house.identity, strict, actor="test", secret="s" * 40)
    browser = house.browser()
    assert "code" in browser.sign_in(acr_values=two), "wished: the level reached is told in the token"
    assert sent_to_client(browser.authorize(client_id="strict"))["error"] == "unmet_authentication_requirements"
    strong = house.browser()
    strong.authorize(client_id="strict")
    strong.log_in(RUN_TOTP)
    assert "code" in sent_to_client(strong.send({"code": pyotp.TOTP(TOTP_SECRET).at(house.clock.now())}))
