"""In the sandbox a team sees why its requests were refused, and can have things go wrong on purpose."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy.exc import OperationalError

from identity.operations import faults
from identity.operations.faults import Fault
from shared.clock import FixedClock
from shared.db import Database
from shared.ids import SeededIds
from tests.engines import Engines
from tests.factories.identity import RUN, SECRET, House, furnished_copy, open_house, sent_to_client, words_of


@pytest.fixture
def sandbox(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True, environment="sandbox") as furnished:
        yield furnished


def inspected(house: House, client_id: str) -> str:
    return words_of(house.browser().open("/inspector", query_string={"client_id": client_id}))


@pytest.mark.rule("identity", "§3.11", "HT-11")
def test_each_refusal_is_shown_with_its_reason(sandbox: House) -> None:
    sandbox.token({"grant_type": "authorization_code", "code": "made-up", "client_id": "web", "client_secret": SECRET})
    sandbox.token({"grant_type": "authorization_code", "code": "made-up"}, Authorization="Basic d2ViOndyb25n")
    sandbox.browser().authorize(code_challenge_method="plain")
    sandbox.browser().authorize(redirect_uri="https://evil.example/")
    sandbox.token(sandbox.machine_form(scope="pay:write"))
    shown = inspected(sandbox, "web")
    for reason in ("the code is not valid", "client authentication failed", "code_challenge_method must be S256", "https://evil.example/"):
        assert reason in shown
    assert "not granted to this client: pay:write" in inspected(sandbox, "machine")
    assert "the code is not valid" not in inspected(sandbox, "web-two")


@pytest.mark.rule("identity", "§3.11", "TK-2")
def test_what_callers_are_not_told_the_inspector_tells(sandbox: House) -> None:
    """On the wire they are all alike; here a team sees which it was."""
    used, late, others = sandbox.new_code(), sandbox.new_code(), sandbox.new_code(client_id="web-two")
    assert sandbox.token(sandbox.code_form(used)).status_code == 200
    answers = [sandbox.token(sandbox.code_form(code)).json for code in (used, others, "made-up")]
    sandbox.clock.advance(seconds=61)
    answers.append(sandbox.token(sandbox.code_form(late)).json)
    refused = [sandbox.token(sandbox.code_form("x", client_secret="wrong")).json]
    refused += [sandbox.token(sandbox.code_form("x", client_secret=None)).json]
    refused += [sandbox.token({"client_id": "machine", "client_secret": "x", "grant_type": "client_credentials"}).json]
    refused += [sandbox.token({"client_id": "nobody", "client_secret": "x", "grant_type": "client_credentials"}).json]
    assert [answer["error_description"] for answer in answers] == ["the code is not valid"] * 4
    assert [answer["error_description"] for answer in refused] == ["client authentication failed"] * 4
    web, machine, nobody = (inspected(sandbox, name) for name in ("web", "machine", "nobody"))
    for why in ("used before", "given to another client", "no such code", "60 seconds are over", "secret is none of this client"):
        assert why in web
    assert "token_endpoint_auth_method client_secret_basic" in web
    assert "token_endpoint_auth_method private_key_jwt" in machine
    assert "no such client" in nobody


@pytest.mark.rule("identity", "§3.11", "HT-5")
def test_secrets_and_people_are_not_shown(sandbox: House) -> None:
    secrets = {"code": "the-code-itself", "client_secret": SECRET, "code_verifier": "v" * 43, "login_hint": RUN}
    sandbox.token({"grant_type": "authorization_code", "client_id": "web", **secrets})
    page = sandbox.browser().open("/inspector", query_string={"client_id": "web"}).get_data(as_text=True)
    assert "(15 characters)" in page
    assert not [name for name, value in secrets.items() if value in page]


@pytest.mark.rule("identity", "§3.11")
def test_nothing_of_it_exists_in_production(house: House) -> None:
    house.token({"grant_type": "authorization_code", "code": "made-up", "client_id": "web", "client_secret": SECRET})
    assert house.browser().open("/inspector").status_code == 404
    faults.set_fault(house.identity, "web", Fault.DENY)
    assert house.new_code()
    from sqlalchemy import text

    with house.identity.db.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM inspected_refusals")).scalar_one() == 0


def switch(house: House, fault: str) -> None:
    browser = house.browser()
    browser.open("/inspector", query_string={"client_id": "web"})
    assert browser.send({"fault": fault}, form=1).status_code == 200
    assert browser.page is not None
    assert ("selected" in browser.page.get_data(as_text=True)) is True


def claims(house: House) -> dict[str, Any]:
    token = house.token(house.code_form(house.new_code())).json["id_token"]
    return dict(jwt.decode(token, KeySet.import_key_set(house.client().get("/openid/jwks").json), algorithms=["ES256"]).claims)


@pytest.mark.rule("identity", "§3.11")
def test_things_go_wrong_when_they_are_told_to(sandbox: House, monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(sandbox.clock.now().timestamp())
    switch(sandbox, "deny")
    browser = sandbox.browser()
    browser.authorize()
    assert sent_to_client(browser.log_in())["error"] == "access_denied"
    switch(sandbox, "expired")
    assert claims(sandbox)["exp"] < now
    switch(sandbox, "wrong_nonce")
    assert claims(sandbox)["nonce"] != "n-0S6_WzA2Mj"
    switch(sandbox, "wrong_signature")
    with pytest.raises(JoseError):
        claims(sandbox)
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    switch(sandbox, "slow")
    assert claims(sandbox)["nonce"] == "n-0S6_WzA2Mj"
    assert slept == [faults.SLOW_SECONDS]
    switch(sandbox, "")
    assert claims(sandbox)["exp"] > now


@pytest.mark.rule("identity", "§3.11")
@pytest.mark.parametrize("named", ["", "nobody", "x" * 500, "\x00", "ñandú", "<script>"])
def test_any_client_id_can_be_asked_for(sandbox: House, named: str) -> None:
    assert sandbox.browser().open("/inspector", query_string={"client_id": named}).status_code == 200


def test_while_the_database_is_away_a_client_is_told_to_come_again(sandbox: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by `make load ARGS='ordinary --fault database-cut'`: noting the refusal failed too, and made it a fault of ours."""
    form = sandbox.machine_form()
    monkeypatch.setattr(type(sandbox.identity), "db", Database("postgresql://x:y@127.0.0.1:9/x"))
    monkeypatch.setattr(sandbox.identity.clients, "find", _away)
    answer = sandbox.token(form)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def _away(_client_id: str) -> NoReturn:
    raise OperationalError("select", {}, Exception("away"))
