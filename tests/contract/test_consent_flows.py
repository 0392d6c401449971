"""A permission within a sign-in: identity asks, the wallet shows, tokens carry what was given.  Spec: RFC 9396; Grant Management -03.

Both services are here, on databases of their own; a call of one to the other is handed to the other's app.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import text
from werkzeug.test import TestResponse

from identity.operations.own_tokens import own_token
from shared.auth import TokenVerifier
from shared.clock import FixedClock
from shared.http import OutboundFailed, Reply
from shared.ids import SeededIds
from tests.conformance.identity.test_login import code_now
from tests.engines import Engines
from tests.factories.identity import (
    ISSUER,
    PUBLIC_URL,
    RUN_TOTP,
    SECRET,
    Browser,
    House,
    authorization,
    furnished_copy,
    open_house,
    web_client,
)
from tests.factories.identity import sent_to_client as sent
from tests.factories.identity_protocol import enter
from tests.factories.wallet import AGREEMENT, CONSUMER, DATASET, FIELDS, PROCEDURE, PURPOSE, RUN, World
from tests.factories.wallet_fixtures import make_world
from wallet.operations.consent_flows import GRANT_ENDED
from wallet.operations.consents import narrow, pause, resume, withdraw
from wallet.tasks import jobs as wallet_jobs

WALLET = "https://wallet.example"
ASKED, GIVEN = "urn:andamio:consent-request", "urn:andamio:consent"


@dataclass
class Pair:
    """Identity, the wallet, and a client that both know."""

    house: House
    world: World
    is_away: bool = False
    calls: list[str] = field(default_factory=list)

    def to_wallet(self, method: str, url: str, **call: Any) -> Reply:
        if self.is_away:
            raise OutboundFailed("away", sent=False)
        return self._hand(self.world.app.test_client(), method, url, **call)

    def to_identity(self, method: str, url: str, **call: Any) -> Reply:
        return self._hand(self.house.client(), method, url, **call)

    def _hand(self, client: Any, method: str, url: str, **call: Any) -> Reply:
        self.calls.append(f"{method} {urlsplit(url).path}")
        answer = client.open(urlsplit(url).path, method=method, json=call.get("json"), headers=call.get("headers"))
        return Reply(answer.status_code, {}, answer.data)

    # --- the client ---

    def element(self, **changes: Any) -> dict[str, Any]:
        until = (self.world.clock.now() + timedelta(days=30)).isoformat().replace("+00:00", "Z")
        values = {"type": ASKED, "datatypes": [DATASET], "fields": FIELDS, "purpose": PURPOSE, "valid_until": until}
        return {**values, "fetch": "until_procedure_end", "procedure": {"code": PROCEDURE, "case_id": "POST-1"}, **changes}

    def push(self, *elements: dict[str, Any], **changes: Any) -> TestResponse:
        details = json.dumps(list(elements) or [self.element()])
        form = authorization(client_id=CONSUMER, scope="openid", authorization_details=details, client_secret=SECRET, **changes)
        return self.house.client().post("/openid/par", data=form)

    def sign_in(self, *elements: dict[str, Any], **changes: Any) -> tuple[Browser, TestResponse]:
        """Push, sign in, and return where identity sends the browser."""
        pushed = self.push(*elements, **changes)
        assert pushed.status_code == 201, pushed.text
        browser = self.house.browser()
        query = {"client_id": CONSUMER, "request_uri": pushed.json["request_uri"]}
        answer = browser.open("/openid/authorize", query_string=query)
        return browser, browser.log_in() if answer.status_code == 200 else answer

    def decide(self, browser: Browser, at: TestResponse, decision: str) -> TestResponse:
        """Decide at the wallet, come back, and return where identity sends the browser then."""
        view = at.headers["Location"]
        assert view.startswith(WALLET + "/c/"), view
        back = self.world.decide(self.world.browser(RUN), view.removeprefix(WALLET), decision)
        assert back.status_code == 303, back.text
        return self.return_to(browser, back.headers["Location"])

    def return_to(self, browser: Browser, back: str) -> TestResponse:
        page = browser.open(back.removeprefix(PUBLIC_URL))
        onward = page.headers["Refresh"].removeprefix("0; url=")
        assert f'href="{onward}"' in page.text
        return browser.open(onward)

    def given(self, **changes: Any) -> dict[str, Any]:
        """Go the whole way with a yes, and return the token answer."""
        return dict(self.redeem(sent(self.decide(*self.sign_in(**changes), "grant"))["code"]).json)

    def redeem(self, code: str, **changes: Any) -> TestResponse:
        return self.house.token(self.house.code_form(code, client_id=CONSUMER, **changes))

    def refresh(self, token: str) -> TestResponse:
        return self.house.token({"grant_type": "refresh_token", "refresh_token": token, "client_id": CONSUMER, "client_secret": SECRET})

    def run_wallet_jobs(self) -> None:
        from shared import outbox
        from shared.tasks import run_leased

        wallet = self.world.wallet
        while True:
            with wallet.db.begin() as connection:
                rows = outbox.lease_due(connection, wallet.clock.now(), limit=100)
            if not rows:
                return
            for row in rows:
                run_leased(wallet, wallet_jobs, row.job, row.id, row.lease, runner="test")


@pytest.fixture
def pair(
    engines: Engines, run_folder: Path, database: Callable[[str], str], redis_url: str, clock: FixedClock, ids: SeededIds
) -> Iterator[Pair]:
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True) as house:
        world = make_world(database("wallet"), redis_url, clock, ids)
        both = Pair(house, world)
        house.identity.settings = replace(house.identity.settings, wallet_url=WALLET)
        house.identity.prepared.document = None
        world.wallet.settings = replace(world.wallet.settings, public_url=WALLET, issuer=ISSUER)
        house.identity.http.request = both.to_wallet  # type: ignore[method-assign]
        world.wallet.http.request = both.to_identity  # type: ignore[method-assign]
        world.wallet.__dict__["token_verifier"] = TokenVerifier(house.identity.issuer_keys, clock, issuer=ISSUER, audience=WALLET)
        world.wallet.tokens.token = lambda audience, scope: own_token(house.identity, audience, scope)  # type: ignore[method-assign]
        types = (ASKED, GIVEN, "urn:andamio:payment")
        both_ways = ("authorization_code", "refresh_token")
        enter(
            house,
            web_client(client_id=CONSUMER, authorization_details_types=types, resources=(WALLET,), grant_types=both_ways),
            secret=SECRET,
        )
        yield both
        world.wallet.close()


@pytest.mark.rule("wallet", "§12")
def test_a_yes_at_the_wallet_stands_in_code_token_and_introspection(pair: Pair) -> None:
    reply = pair.given()
    element = reply["authorization_details"][0]
    assert (element["type"], element["fields"], element["datatypes"]) == (GIVEN, sorted(FIELDS), [DATASET])
    consents = pair.world.run_sql("select consent_id::text, chain_id::text, client_id from consents")
    assert [tuple(row) for row in consents] == [(element["identifier"], reply["grant_id"], CONSUMER)]
    assert element["grant_id"] == reply["grant_id"]
    assert (
        pair.house.app.test_client().get("/openid/.well-known/openid-configuration").json["grant_management_endpoint"] == WALLET + "/grants"
    )


@pytest.mark.rule("wallet", "§12")
def test_the_person_is_asked_once_by_the_wallet_and_not_again_by_identity(pair: Pair) -> None:
    browser, at = pair.sign_in()
    again = browser.open(f"/login/{_interaction(pair, at)}/permission")
    assert again.headers["Location"] == at.headers["Location"]
    assert pair.world.run_sql("select count(*) from consent_requests")[0][0] == 1
    assert "code" in sent(pair.decide(browser, at, "grant"))


def _interaction(pair: Pair, at: TestResponse) -> str:
    code = at.headers["Location"].rpartition("/")[2]
    row = pair.world.run_sql("select redirect_uri from consent_requests")[0]
    assert code
    return str(row[0]).split("/login/")[1].split("/")[0]


@pytest.mark.rule("wallet", "§12")
def test_details_that_are_identitys_to_show_are_still_shown(pair: Pair) -> None:
    payment = {"type": "urn:andamio:payment", "amount_minor": 14_500, "currency": "CLP"}
    browser, at = pair.sign_in(pair.element(), payment)
    page = pair.decide(browser, at, "grant")
    assert page.status_code == 200
    assert "14.500" in page.text or "14,500" in page.text
    assert DATASET not in page.text
    reply = pair.redeem(sent(browser.send({"decision": "grant"}))["code"]).json
    assert [one["type"] for one in reply["authorization_details"]] == [GIVEN, "urn:andamio:payment"]


@pytest.mark.rule("wallet", "§12")
@pytest.mark.parametrize("decision", ["refuse", "later"])
def test_a_no_goes_to_the_client_and_nothing_is_given(pair: Pair, decision: str) -> None:
    answer = sent(pair.decide(*pair.sign_in(), decision))
    assert answer["error"] == "access_denied"
    assert "code" not in answer
    assert pair.world.run_sql("select count(*) from consents")[0][0] == 0


@pytest.mark.rule("wallet", "§12")
def test_a_refused_permission_is_not_asked_again_at_once(pair: Pair) -> None:
    pair.decide(*pair.sign_in(), "refuse")
    _, answer = pair.sign_in()
    assert sent(answer)["error"] == "access_denied"


@pytest.mark.rule("wallet", "§12")
def test_an_address_proves_nothing(pair: Pair) -> None:
    browser, at = pair.sign_in()
    back = f"{PUBLIC_URL}/login/{_interaction(pair, at)}/permission/back?request_id=1&iss={WALLET}&granted=true"
    answer = pair.return_to(browser, back)
    assert answer.headers["Location"] == at.headers["Location"]


@pytest.mark.rule("wallet", "§12")
def test_a_permission_that_ended_before_the_code_gives_no_code(pair: Pair) -> None:
    browser, at = pair.sign_in()
    back = pair.world.decide(pair.world.browser(RUN), at.headers["Location"].removeprefix(WALLET), "grant")
    consent_id = pair.world.run_sql("select consent_id from consents")[0][0]
    person = pair.world.browser(RUN)
    pair.world.submit(person, person.get(f"/consents/{consent_id}/withdraw"), "withdraw")
    assert sent(pair.return_to(browser, back.headers["Location"]))["error"] == "access_denied"


def enter_another(pair: Pair, browser: Browser, at: TestResponse) -> str:
    """Say yes at the wallet, then have somebody else sign in with the same browser; return the way back."""
    back = pair.world.decide(pair.world.browser(RUN), at.headers["Location"].removeprefix(WALLET), "grant").headers["Location"]
    log_in_as_another(pair, browser)
    return str(back)


def log_in_as_another(pair: Pair, browser: Browser) -> None:
    pair.house.clock.advance(seconds=31)  # the next code of the app is another one
    browser.authorize(prompt="login")
    browser.log_in(RUN_TOTP)
    sent(browser.send({"code": code_now(pair.house)}))


@pytest.mark.rule("wallet", "§12")
def test_what_one_person_permits_is_nothing_that_another_gave(pair: Pair) -> None:
    browser, at = pair.sign_in()
    answer = pair.return_to(browser, enter_another(pair, browser, at))
    view = answer.headers["Location"]
    assert view.startswith(WALLET + "/c/")
    assert view != at.headers["Location"], "the wallet asks the other person"
    with pair.house.identity.db.engine.connect() as connection:
        held = text("SELECT count(*) FROM grants WHERE jsonb_typeof(authorization_details) = 'array'")
        assert connection.execute(held).scalar_one() == 0


@pytest.mark.rule("wallet", "§12")
def test_a_permission_that_was_taken_goes_to_nobody_else(pair: Pair) -> None:
    payment = {"type": "urn:andamio:payment", "amount_minor": 14_500, "currency": "CLP"}
    browser, at = pair.sign_in(pair.element(), payment)
    page = pair.decide(browser, at, "grant")  # the payment is asked about
    assert page.status_code == 200
    path = page.request.path
    log_in_as_another(pair, browser)
    assert sent(browser.open(path))["error"] == "access_denied"


NOT_ALLOWED: list[dict[str, Any]] = [
    {"datatypes": ["nothing-like-it"]},
    {"fields": ["not_declared"]},
    {"purpose": "other"},
    {"valid_until": "2020-01-01T00:00:00Z"},
    {"valid_until": "soon"},
    {"fetch": "periodic"},
]


@pytest.mark.rule("wallet", "§12")
def test_what_the_agreement_does_not_allow_is_told_to_the_client(pair: Pair) -> None:
    told = {str(changes): sent(pair.sign_in(pair.element(**changes))[1])["error"] for changes in NOT_ALLOWED}
    assert told == dict.fromkeys(map(str, NOT_ALLOWED), "invalid_authorization_details")


@pytest.mark.rule("wallet", "§12")
def test_without_an_agreement_nobody_is_asked(pair: Pair) -> None:
    pair.world.run_sql("update agreements set state = 'suspended' where agreement_id = :id", id=AGREEMENT)
    _, answer = pair.sign_in()
    assert sent(answer)["error"] == "invalid_authorization_details"


WHOLE = {"type": ASKED, "datatypes": [DATASET], "fields": FIELDS, "purpose": PURPOSE, "valid_until": "x"}
LAW = {"type": "urn:andamio:legal-access", "agreement_id": "a", "dataset_id": "d", "fields": ["f"], "procedure": {"code": "p"}}
NOT_OF_THEIR_TYPE: dict[str, dict[str, Any]] = {
    "missing": {"type": ASKED, "datatypes": [DATASET], "fields": FIELDS},
    "two datasets": {**WHOLE, "datatypes": [DATASET, "second"]},
    "wrong JSON type": {**WHOLE, "datatypes": DATASET},
    "unknown member": {**WHOLE, "more": 1},
    "unknown value": {**WHOLE, "mode": "keep"},
    "not this client's": LAW,
    "unknown type": {"type": "urn:andamio:nothing"},
}


@pytest.mark.rule("wallet", "§12")
def test_an_element_that_does_not_fit_its_type_is_refused_when_pushed(pair: Pair) -> None:
    told = {name: pair.push(element).json["error"] for name, element in NOT_OF_THEIR_TYPE.items()}
    assert told == dict.fromkeys(NOT_OF_THEIR_TYPE, "invalid_authorization_details")


@pytest.mark.rule("wallet", "§12")
def test_two_permissions_at_once_and_one_that_is_not_pushed_are_refused(pair: Pair) -> None:
    assert pair.push(pair.element(), pair.element(purpose="b")).json["error"] == "invalid_authorization_details"
    details = json.dumps([pair.element()])
    answer = pair.house.browser().authorize(client_id=CONSUMER, scope="openid", authorization_details=details)
    assert sent(answer)["error"] == "invalid_request"


@pytest.mark.rule("wallet", "§12")
def test_a_wallet_that_is_away_is_told_as_passing(pair: Pair) -> None:
    pair.is_away = True
    _, answer = pair.sign_in()
    assert sent(answer)["error"] == "temporarily_unavailable"


@pytest.mark.rule("wallet", "§12")
@pytest.mark.parametrize(("status", "slug"), [(401, "unauthorized"), (403, "forbidden"), (408, ""), (429, "rate_limited")])
def test_a_call_that_the_wallet_does_not_take_now_is_no_fault_of_the_client(pair: Pair, status: int, slug: str) -> None:
    pair.house.identity.http.request = lambda *_, **__: Reply(status, {}, json.dumps({"type": f"urn:x:{slug}"}).encode())  # type: ignore[method-assign]
    _, answer = pair.sign_in()
    assert sent(answer)["error"] == "temporarily_unavailable"


@pytest.mark.rule("wallet", "§12")
def test_an_end_that_names_no_possible_client_is_refused(pair: Pair) -> None:
    ours = {"Authorization": "Bearer " + own_token(pair.house.identity, PUBLIC_URL, "identity:grants")}
    answer = pair.house.client().post("/grants/ended", json={"client_id": "a\x00b", "grant_id": SOME_GRANT}, headers=ours)
    assert answer.status_code in {400, 422}, answer.text


@pytest.mark.rule("wallet", "§12")
def test_without_a_page_nothing_can_be_asked(pair: Pair) -> None:
    browser, at = pair.sign_in(prompt="none")
    assert sent(at)["error"] == "login_required"
    browser.sign_in()
    pushed = pair.push(prompt="none").json["request_uri"]
    answer = browser.open("/openid/authorize", query_string={"client_id": CONSUMER, "request_uri": pushed})
    assert sent(answer)["error"] == "consent_required"


@pytest.mark.rule("wallet", "§12")
def test_a_token_for_the_wallet_names_a_given_permission_by_its_identifier(pair: Pair) -> None:
    code = sent(pair.decide(*pair.sign_in(resource=WALLET), "grant"))["code"]
    identifier = str(pair.world.run_sql("select consent_id from consents")[0][0])
    named = json.dumps([{"type": GIVEN, "identifier": identifier}])
    reply = pair.redeem(code, authorization_details=named, resource=WALLET).json
    assert reply["authorization_details"][0]["fields"] == sorted(FIELDS)
    other = sent(pair.decide(*pair.sign_in(pair.element(procedure={"code": PROCEDURE, "case_id": "POST-2"})), "grant"))["code"]
    unknown = json.dumps([{"type": GIVEN, "identifier": identifier}])
    assert pair.redeem(other, authorization_details=unknown).json["error"] == "invalid_authorization_details"


@pytest.mark.rule("wallet", "§12")
def test_a_grant_is_asked_after_and_given_up_with_identitys_tokens_and_refreshing_ends(pair: Pair) -> None:
    reply = pair.given()
    grant_id = reply["grant_id"]
    wallet = pair.world.app.test_client()

    def token(scope: str, client_id: str = CONSUMER) -> dict[str, str]:
        return {"Authorization": "Bearer " + _token(pair, client_id, scope)}

    found = wallet.get(f"/grants/{grant_id}", headers=token("grant_management_query"))
    assert found.json["authorization_details"][0]["identifier"] == reply["authorization_details"][0]["identifier"]
    assert wallet.delete(f"/grants/{grant_id}", headers=token("grant_management_revoke", "other-consumer")).status_code == 403
    assert wallet.delete(f"/grants/{grant_id}", headers=token("grant_management_revoke")).status_code == 204
    access = reply["access_token"]
    userinfo = {"Authorization": f"Bearer {access}"}
    assert pair.house.client().get("/openid/userinfo", headers=userinfo).status_code == 200
    pair.run_wallet_jobs()
    assert "POST /grants/ended" in pair.calls
    assert pair.house.client().get("/openid/userinfo", headers=userinfo).status_code == 401
    assert [core["object"] for core in pair.house.audited("identity:grant:ended")] == [grant_id]


def _token(pair: Pair, client_id: str, scope: str) -> str:
    from identity.standards import jose, rfc9068

    identity = pair.house.identity
    signer = identity.keys.signer("ES256")
    claims = rfc9068.access_token_claims(
        issuer=ISSUER,
        audience=WALLET,
        subject=client_id,
        client_id=client_id,
        scopes=(scope,),
        issued_at=int(identity.clock.now().timestamp()),
        ttl_seconds=60,
        jti=identity.ids.token(16),
    )
    return jose.sign(claims, key=signer.key, alg=signer.alg, kid=signer.kid, typ=rfc9068.TYP)


@pytest.mark.rule("wallet", "§12")
def test_the_person_who_withdraws_ends_the_tokens_too(pair: Pair) -> None:
    reply = pair.given()
    person = pair.world.browser(RUN)
    where = f"/consents/{reply['authorization_details'][0]['identifier']}/withdraw"
    pair.world.submit(person, person.get(where), "withdraw")
    pair.run_wallet_jobs()
    userinfo = {"Authorization": f"Bearer {reply['access_token']}"}
    assert pair.house.client().get("/openid/userinfo", headers=userinfo).status_code == 401


@pytest.mark.rule("wallet", "§12")
def test_a_wider_permission_replaces_a_grant_and_ends_its_tokens(pair: Pair) -> None:
    browser, at = pair.sign_in(pair.element(fields=FIELDS[:1]))
    first = pair.redeem(sent(pair.decide(browser, at, "grant"))["code"]).json
    second = pair.given(grant_management_action="replace", grant_id=first["grant_id"])
    assert second["grant_id"] == first["grant_id"]
    assert second["authorization_details"][0]["fields"] == sorted(FIELDS)
    states = pair.world.run_sql("select state from consents order by consent_version")
    assert [row[0] for row in states] == ["superseded", "active"]
    old, new = ({"Authorization": f"Bearer {one['access_token']}"} for one in (first, second))
    assert pair.house.client().get("/openid/userinfo", headers=old).status_code == 401
    pair.run_wallet_jobs()
    assert pair.house.client().get("/openid/userinfo", headers=new).status_code == 200


@pytest.mark.rule("wallet", "§7", "U10", "U11")
def test_the_page_says_that_a_yes_ends_another_permission_and_the_record_keeps_it(pair: Pair) -> None:
    browser, at = pair.sign_in(pair.element(fields=FIELDS[:1]))
    first = pair.redeem(sent(pair.decide(browser, at, "grant"))["code"]).json
    _, at = pair.sign_in(grant_management_action="replace", grant_id=first["grant_id"])
    person = pair.world.browser(RUN)
    page = person.get(at.headers["Location"].removeprefix(WALLET), follow_redirects=True)
    said = BeautifulSoup(page.text, "html.parser").select_one("#ends")
    assert said is not None
    assert "Si dice que sí, termina otro permiso" in said.get_text()
    assert said.select_one(f"a[href='/consents/{first['authorization_details'][0]['identifier']}']") is not None
    assert page.text.index('id="ends"') < page.text.index('value="grant"')
    assert pair.world.submit(person, page, "grant").status_code == 303
    _, plain = pair.sign_in(pair.element(procedure={"code": PROCEDURE, "case_id": "POST-2"}))
    assert 'id="ends"' not in person.get(plain.headers["Location"].removeprefix(WALLET), follow_redirects=True).text


SOME_GRANT = "7f0c5c1e-0000-4000-8000-000000000001"
NAMED_WRONGLY = [
    ({"grant_management_action": "merge", "grant_id": SOME_GRANT}, "invalid_request"),
    ({"grant_management_action": "replace"}, "invalid_request"),
    ({"grant_management_action": "create", "grant_id": SOME_GRANT}, "invalid_request"),
    ({"grant_id": SOME_GRANT}, "invalid_request"),
    ({"grant_management_action": "replace", "grant_id": "mine"}, "invalid_grant_id"),
]


@pytest.mark.rule("wallet", "§12")
def test_a_grant_that_is_named_wrongly_is_refused_when_pushed(pair: Pair) -> None:
    assert [pair.push(**changes).json["error"] for changes, _ in NAMED_WRONGLY] == [error for _, error in NAMED_WRONGLY]


@pytest.mark.rule("wallet", "§12")
def test_a_grant_that_is_not_there_cannot_be_replaced(pair: Pair) -> None:
    _, answer = pair.sign_in(grant_management_action="replace", grant_id=SOME_GRANT)
    assert sent(answer)["error"] == "invalid_grant_id"


@pytest.mark.rule("wallet", "§12")
def test_a_flow_leads_back_to_identity_only_and_is_identitys_to_begin(pair: Pair) -> None:
    wallet, body = pair.world.app.test_client(), {"id": "7f0c5c1e-0000-4000-8000-000000000001", "client_id": CONSUMER}
    item = {"dataset_id": DATASET, "purpose_id": PURPOSE, "fields": FIELDS, "valid_until": pair.element()["valid_until"]}
    body |= {"subject": {"scheme": "cl-run", "value": RUN}, "item": item}  # type: ignore[dict-item]
    body["redirect_uri"] = "https://elsewhere.example/login"
    ours = {"Authorization": "Bearer " + own_token(pair.house.identity, WALLET, "wallet:flows")}
    assert wallet.post("/consent-flows", json=body, headers=ours).status_code == 400
    theirs = {"Authorization": "Bearer " + _token(pair, CONSUMER, "wallet:consents")}
    assert wallet.post("/consent-flows", json={**body, "redirect_uri": PUBLIC_URL + "/login/x"}, headers=theirs).status_code == 403


@pytest.mark.rule("wallet", "§12")
def test_a_permission_that_was_renewed_outside_a_sign_in_still_ends_the_tokens(pair: Pair) -> None:
    reply = pair.given()
    world, browser = pair.world, pair.world.browser(RUN)
    matter = {name: pair.element()[name] for name in ("fetch", "procedure")}
    until = (world.clock.now() + timedelta(days=60)).isoformat().replace("+00:00", "Z")
    mode = world.run_sql("select mode from consents")[0][0]
    body = world.request_body(world.item(**matter, mode=mode, valid_until=until))
    ours = {"Authorization": "Bearer " + _token(pair, CONSUMER, "wallet:consents")}
    asked = world.app.test_client().post("/consent-requests", json=body, headers=ours)
    assert asked.status_code == 201, asked.text
    assert world.decide(browser, asked.json["view_uri"].removeprefix(WALLET), "grant").status_code == 303
    rows = world.run_sql("select consent_id, chain_id, state from consents order by consent_version")
    assert [(str(row.chain_id), row.state) for row in rows] == [(reply["grant_id"], "superseded"), (reply["grant_id"], "active")]
    world.submit(browser, browser.get(f"/consents/{rows[1].consent_id}/withdraw"), "withdraw")
    pair.run_wallet_jobs()
    userinfo = {"Authorization": f"Bearer {reply['access_token']}"}
    assert pair.house.client().get("/openid/userinfo", headers=userinfo).status_code == 401


@pytest.mark.rule("wallet", "§12")
def test_a_permission_that_was_narrowed_right_after_the_yes_is_still_a_yes(pair: Pair) -> None:
    browser, at = pair.sign_in()
    back = pair.world.decide(pair.world.browser(RUN), at.headers["Location"].removeprefix(WALLET), "grant")
    given = pair.world.run_sql("select consent_id from consents")[0][0]
    narrower = narrow(pair.world.wallet, pair.world.presence(), given, frozenset(FIELDS[:1]))
    element = pair.redeem(sent(pair.return_to(browser, back.headers["Location"]))["code"]).json["authorization_details"][0]
    assert (element["identifier"], element["fields"]) == (str(narrower), sorted(FIELDS[1:]))


@pytest.mark.rule("wallet", "§12")
def test_a_grant_that_is_paused_is_not_replaced(pair: Pair) -> None:
    first = pair.given()
    person, given = pair.world.presence(), uuid.UUID(first["authorization_details"][0]["identifier"])
    pause(pair.world.wallet, person, given)
    changes = {"grant_management_action": "replace", "grant_id": first["grant_id"]}
    assert sent(pair.sign_in(**changes)[1])["error"] == "invalid_grant_id"
    resume(pair.world.wallet, person, given)
    _, at = pair.sign_in(**changes)
    pause(pair.world.wallet, person, given)
    page = pair.world.decide(pair.world.browser(RUN), at.headers["Location"].removeprefix(WALLET), "grant")
    assert page.status_code == 409
    assert [row[0] for row in pair.world.run_sql("select state from consents")] == ["suspended"]


@pytest.mark.rule("wallet", "§12")
def test_that_a_grant_is_over_is_told_for_days() -> None:
    assert wallet_jobs.definitions[GRANT_ENDED].attempts_max >= 200


@pytest.mark.rule("wallet", "§12")
def test_a_permission_that_ended_while_identity_asked_its_own_question_gives_no_code(pair: Pair) -> None:
    browser, at = pair.sign_in(pair.element(), {"type": "urn:andamio:payment", "amount_minor": 14_500, "currency": "CLP"})
    assert pair.decide(browser, at, "grant").status_code == 200
    given = pair.world.run_sql("select consent_id from consents")[0][0]
    withdraw(pair.world.wallet, pair.world.presence(), given)
    pair.run_wallet_jobs()
    answer = sent(browser.send({"decision": "grant"}))
    assert answer["error"] == "access_denied"
    assert "code" not in answer
    with pair.house.identity.reading() as tx:
        assert tx.connection.execute(text("select count(*) from grants where revoked_at is null")).scalar_one() == 0


@pytest.mark.rule("wallet", "§12")
def test_a_form_sent_twice_gives_no_second_code_for_a_permission_that_ended_between(pair: Pair) -> None:
    browser, at = pair.sign_in(pair.element(), {"type": "urn:andamio:payment", "amount_minor": 14_500, "currency": "CLP"})
    page = pair.decide(browser, at, "grant")
    assert "code" in sent(browser.send({"decision": "grant"}))
    browser.page = page
    withdraw(pair.world.wallet, pair.world.presence(), pair.world.run_sql("select consent_id from consents")[0][0])
    assert sent(browser.send({"decision": "grant"}))["error"] == "access_denied"
