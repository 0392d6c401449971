"""Acting by a sign-in for whom identity names: within its limits, and no longer.  Spec: wallet contract §6, U13; identity §4.1."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from joserfc import jwt

from shared.web.openid import OpenIdClient
from tests.factories.wallet import ISSUER, ISSUER_KEY, OTHER_RUN, PUBLIC_URL, RUN, IssuerKeys, World
from tests.unit.shared.web.issuer import Issuer
from tests.unit.wallet.routes.test_delegations import appoint, consent_of, main_of, post
from wallet.standards import account_events as events
from wallet.standards.account_events import MEDIA_TYPE, TYP
from wallet.standards.acting import Kind, Power, powers_by_mandate, shared_out

COMPANY, COMPANY_NAME, SUB = "76543210-3", "Panadería La Espiga SpA", "p-1"
COMPANY_ID = {"numero": 76543210, "DV": "3", "tipo": "RUT"}
SUBJECT = {"scheme": "cl-rut", "value": COMPANY}
SHARED = {Power.GRANT, Power.RENEW}


@pytest.fixture
def issuer(world: World) -> Issuer:
    made = Issuer(world.clock)
    made.userinfo["name"] = "José Ñancupil Huenchumán"
    made.userinfo["RolUnico"] = {"numero": 22222222, "DV": "2", "tipo": "RUN"}
    world.wallet.http = made
    world.app.extensions["andamio-login"] = OpenIdClient(world.wallet, scopes=("profile", "roles", "run"))
    world.wallet.__dict__["issuer_keys"] = IssuerKeys()
    world.run_sql("alter table datasets disable trigger frozen")
    world.run_sql("""update datasets set subject_kinds = '["person", "company"]'""")
    world.register.people[COMPANY] = world.register.people[RUN]
    return made


def mandate(**changes: Any) -> dict[str, Any]:
    told = {"type": "company", "name": COMPANY_NAME, "sub": "c-1", "id": COMPANY_ID, "mandate_id": "mdt_1", "source": "registry"}
    return {**told, "powers": ["read", "sign"], **changes}


def sign_in(issuer: Issuer, browser: FlaskClient, **changes: Any) -> FlaskClient:
    """A browser whose person chose at identity to act by a mandate."""
    issuer.userinfo["urn:andamio:represents"] = mandate(**changes)
    return come_back(issuer, browser, "&represent=1")


def come_back(issuer: Issuer, browser: FlaskClient, query: str) -> FlaskClient:
    to_issuer = browser.get("/login?next=/" + query)
    browser.last = browser.get("/login/callback?" + urlencode(issuer.authorize(to_issuer.location)))  # type: ignore[attr-defined]  # for the test
    return browser


def company_request(world: World) -> str:
    answer = world.ask(world.request_body(subject=SUBJECT))
    assert answer.status_code == 201, answer.json
    return str(answer.json["view_uri"])


def end_mandate(world: World, mandate_id: str = "mdt_1") -> None:
    now = int(world.clock.now().timestamp())
    claims = {"iss": ISSUER, "aud": PUBLIC_URL, "iat": now, "jti": world.wallet.ids.token(8)}
    claims |= {"events": {events.MANDATE_ENDED: {"event_timestamp": now, "mandate_id": mandate_id}}}
    claims |= {"sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": SUB}}
    token = jwt.encode({"alg": "ES256", "kid": "issuer", "typ": TYP}, claims, ISSUER_KEY, algorithms=["ES256"])
    assert world.app.test_client().post("/events", data=token, headers={"Content-Type": MEDIA_TYPE}).status_code == 202


@pytest.mark.rule("wallet", "U13")
@pytest.mark.rule("wallet", "D6")
@pytest.mark.rule("wallet", "L9")
def test_who_signed_in_for_a_company_sees_and_decides_its_consents(world: World, issuer: Issuer) -> None:
    mine, theirs = world.granted(run=OTHER_RUN), company_request(world)
    browser = sign_in(issuer, world.app.test_client())
    assert issuer.asked["scope"].endswith(" represent")
    assert issuer.asked["prompt"] == "select_account"
    home = browser.get("/")
    assert COMPANY_NAME in home.text
    assert "Colegio Las Araucarias" in main_of(home)
    assert browser.get(f"/consents/{mine}").status_code == 404  # what is the person's own is not the company's
    assert world.decide(browser, theirs, "grant").status_code == 303
    consent_id = consent_of(world, COMPANY, "cl-rut")["consent_id"]
    assert world.fetch(world.exchange_body(consent_id, subject=SUBJECT)).status_code == 200
    assert "José Ñancupil Huenchumán, por " + COMPANY_NAME in main_of(browser.get(f"/consents/{consent_id}"))
    assert post(browser, f"/consents/{consent_id}/withdraw", on=f"/consents/{consent_id}/withdraw").status_code == 200
    assert consent_of(world, COMPANY, "cl-rut")["state"] == "withdrawn"
    for address in ("/acting", "/mailbox", "/delegations/new"):
        assert browser.get(address).status_code == 403, address


@pytest.mark.rule("wallet", "D7")
def test_a_mandate_that_ended_is_lost_at_the_next_page_and_a_later_one_counts(world: World, issuer: Issuer) -> None:
    browser = sign_in(issuer, world.app.test_client())
    assert browser.get("/").status_code == 200
    page = browser.get(company_request(world).removeprefix(PUBLIC_URL), follow_redirects=True)
    end_mandate(world, "mdt_other")
    assert browser.get("/").status_code == 200
    end_mandate(world)
    assert world.submit(browser, page, "grant").status_code == 403
    assert world.run_sql("select count(*) from consents")[0][0] == 0
    assert COMPANY_NAME not in browser.get("/").text  # she goes on for herself
    assert [tuple(row) for row in world.run_sql("select state, end_reason from delegations")] == [("ended", "not_in_register")]
    world.clock.advance(seconds=3600)
    again = sign_in(issuer, world.app.test_client(), mandate_id="mdt_2")
    assert COMPANY_NAME in again.get("/").text


@pytest.mark.rule("wallet", "D7")
def test_the_clock_alone_ends_a_mandate(world: World, issuer: Issuer) -> None:
    until = world.clock.now() + timedelta(seconds=600)
    browser = sign_in(issuer, world.app.test_client(), valid_until=until.isoformat())
    page = browser.get(company_request(world).removeprefix(PUBLIC_URL), follow_redirects=True)
    world.clock.advance(seconds=600)
    assert world.submit(browser, page, "grant").status_code == 403  # no job has run
    assert world.run_sql("select count(*) from consents")[0][0] == 0


@pytest.mark.rule("wallet", "D7")
def test_a_power_is_one_of_that_sign_in_and_of_no_other(world: World, issuer: Issuer) -> None:
    browser = sign_in(issuer, world.app.test_client())
    delegation = str(world.run_sql("select delegation_id from delegations")[0][0])
    plain = world.browser(OTHER_RUN, name="José")
    assert "Panadería" not in main_of(plain.get("/acting"))
    assert post(plain, "/acting", on="/acting", delegation=delegation).status_code == 403
    come_back(issuer, browser, "&max_age=60")
    assert issuer.asked["scope"].endswith(" represent")  # signing in again, for a grant, keeps for whom
    assert "prompt" not in issuer.asked
    assert post(browser, "/acting/stop", on="/").status_code == 303
    assert COMPANY_NAME not in browser.get("/").text
    come_back(issuer, browser, "&max_age=60")
    assert "represent" not in issuer.asked["scope"]


@pytest.mark.rule("wallet", "D2")
@pytest.mark.rule("wallet", "D5")
@pytest.mark.rule("wallet", "L16")
@pytest.mark.parametrize(
    ("kind", "told", "joint", "alone", "together"),
    [
        (Kind.COMPANY, ["read", "sign"], 1, set(Power), set()),
        (Kind.COMPANY, ["sign"], 2, set(Power) - SHARED, SHARED),
        (Kind.COMPANY, ["read"], 2, {Power.VIEW}, set()),
        (Kind.COMPANY, ["read", "manage"], 1, {Power.VIEW}, set()),
        (Kind.COMPANY, ["pay", "receive"], 1, set(), set()),
        (Kind.COURT, ["sign"], 1, set(Power), set()),
        (Kind.COURT, ["sign"], 3, set(Power) - SHARED, SHARED),
        (Kind.PROXY, ["read", "sign", "manage"], 1, {Power.VIEW}, set()),
        (Kind.PROXY, ["sign"], 2, {Power.VIEW}, set()),
        (Kind.COMPANY, ["SIGN", "<b>"], 1, set(), set()),
    ],
)
def test_a_mandate_is_worth_what_its_powers_say(kind: Kind, told: list[str], joint: int, alone: set[Power], together: set[Power]) -> None:
    assert shared_out(powers_by_mandate(kind, told), joint=joint) == (alone, together)


def second_person(issuer: Issuer) -> None:
    issuer.claims["sub"] = issuer.userinfo["sub"] = "p-2"
    issuer.userinfo["name"] = "Camila Andrea Soto Pérez"
    issuer.userinfo["RolUnico"] = {"numero": 11111111, "DV": "1", "tipo": "RUN"}


@pytest.mark.rule("wallet", "D2")
def test_two_who_sign_together_each_sign_in_and_the_second_yes_counts(world: World, issuer: Issuer) -> None:
    first = sign_in(issuer, world.app.test_client(), powers_joint=2)
    kept = world.decide(first, company_request(world), "grant")
    assert kept.status_code == 303
    assert world.run_sql("select count(*) from consents")[0][0] == 0
    second_person(issuer)
    second = sign_in(issuer, world.app.test_client(), powers_joint=2, mandate_id="mdt_2")
    assert world.submit(second, second.get(kept.location), "grant").status_code == 303
    assert consent_of(world, COMPANY, "cl-rut")["state"] == "active"
    sign_in(issuer, second, mandate_id="mdt_2")  # the register changed: she signs alone now
    assert world.decide(second, company_request(world), "grant").status_code == 303
    assert world.run_sql("select count(*) from consents")[0][0] == 2


@pytest.mark.rule("wallet", "D7")
def test_a_mandate_that_identity_ends_between_two_yeses_takes_its_yes_with_it(world: World, issuer: Issuer) -> None:
    first = sign_in(issuer, world.app.test_client(), powers_joint=2)
    kept = world.decide(first, company_request(world), "grant")
    end_mandate(world)
    second_person(issuer)
    second = sign_in(issuer, world.app.test_client(), powers_joint=2, mandate_id="mdt_2")
    page = second.get(kept.location)
    assert "José" not in main_of(page)
    assert world.submit(second, page, "grant").status_code == 303
    assert world.run_sql("select count(*) from consents")[0][0] == 0


@pytest.mark.rule("wallet", "§6")
@pytest.mark.parametrize(
    "changes",
    [
        {"powers": ["pay"]},
        {"id": None},
        {"id": {"numero": "76543210", "DV": "3"}},
        {"id": {"numero": 76543210, "DV": "9"}},
        {"valid_until": "mañana"},
        {"powers_joint": 0},
        {"powers_joint": "2"},
        {"powers_joint": True},
        {"valid_until": "2001-01-01T00:00:00Z"},
        {"type": "person", "id": {"numero": 22222222, "DV": "2"}},
    ],
)
def test_a_mandate_that_gives_nothing_here_leaves_her_signed_in_for_herself(
    world: World, issuer: Issuer, changes: dict[str, object]
) -> None:
    browser = sign_in(issuer, world.app.test_client(), **changes)
    assert browser.last.status_code == 403  # type: ignore[attr-defined]  # set above
    home = browser.get("/")
    assert (home.status_code, "Usted actúa por" in home.text) == (200, False)
    assert world.run_sql("select count(*) from delegations")[0][0] == 0


@pytest.mark.rule("wallet", "D8")
def test_a_person_who_gave_a_mandate_sees_it_and_what_was_done_and_gives_more_here(world: World, issuer: Issuer) -> None:
    whom = {"type": "person", "name": "Camila Andrea Soto Pérez", "id": {"numero": 11111111, "DV": "1"}, "source": "granted"}
    browser = sign_in(issuer, world.app.test_client(), **whom)
    assert browser.get("/access-log").status_code == 200
    assert world.decide(browser, world.ask().json["view_uri"], "grant").status_code == 403
    assert "José Ñancupil Huenchumán" in main_of(world.browser().get("/acting"))
    assert "miró quién vio sus datos" in main_of(world.browser().get("/done-for-me"))
    assert appoint(world, Power.GRANT, run=OTHER_RUN).status_code == 303  # beside the mandate, not instead of it
    assert world.run_sql("select count(*) from delegations where state = 'active'")[0][0] == 2


@pytest.mark.rule("wallet", "§6")
def test_the_page_of_powers_offers_the_sign_in_where_the_service_has_it(world: World) -> None:
    assert "represent=1" not in world.browser().get("/acting").text
    world.wallet.settings = type(world.wallet.settings)(**{**vars(world.wallet.settings), "represent": True})
    assert "/login?next=/&amp;represent=1" in world.browser().get("/acting").text
