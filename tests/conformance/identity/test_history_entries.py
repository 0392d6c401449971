"""What a person finds in their history: consent given and withdrawn, signing out, and tokens that were used twice (§3.10)."""

import pytest

from identity.models.history import What
from identity.operations import connected, history
from tests.conformance.identity.test_passkeys import enter
from tests.conformance.identity.test_refresh import begin, refresh
from tests.factories.identity import RUN, House
from tests.factories.identity_protocol import refreshing_app


def kinds(house: House) -> list[What]:
    return [row.what for row in history.read(house.identity, house.person_id(RUN))]


@pytest.mark.rule("identity", "§3.10", "§3.8")
def test_consent_given_and_withdrawn(house: House) -> None:
    browser = house.browser()
    browser.authorize(client_id="private", scope="openid name")
    browser.log_in()
    browser.send({"decision": "grant"})
    (given,) = history.read(house.identity, house.person_id(RUN), what=[What.CONSENT_GIVEN])
    assert (given.details["service"], given.details["organisation"]) == ("Banco", "org-private")
    assert "name" in str(given.details["claims"])
    connected.withdraw(house.identity, house.person_id(RUN), "private")
    assert kinds(house)[0] is What.CONSENT_WITHDRAWN


@pytest.mark.rule("identity", "§3.10")
def test_signing_out(house: House) -> None:
    browser = enter(house)
    browser.open("/openid/end-session")
    browser.send({"decision": "leave"})
    assert kinds(house)[0] is What.LOGOUT
    again = house.browser()
    again.open("/openid/end-session")
    assert kinds(house).count(What.LOGOUT) == 1, "who was not signed in did not sign out"


@pytest.mark.rule("identity", "§3.10", "TK-4")
def test_a_code_that_came_twice(house: House) -> None:
    code = house.new_code()
    house.token(house.code_form(code))
    assert What.REUSE not in kinds(house)
    assert house.token(house.code_form(code)).status_code == 400
    (row,) = history.read(house.identity, house.person_id(RUN), what=[What.REUSE])
    assert (row.details["service"], row.details["channel"]) == ("Servicio Uno", "api")


@pytest.mark.rule("identity", "§3.10", "RT-6")
def test_a_refresh_token_that_came_twice(house: House) -> None:
    refreshing_app(house)
    first = begin(house, "app-refresh")["refresh_token"]
    second = refresh(house, first, "app-refresh").json["refresh_token"]
    refresh(house, second, "app-refresh")
    assert What.REUSE not in kinds(house)
    assert refresh(house, first, "app-refresh").status_code == 400
    assert kinds(house)[0] is What.REUSE
