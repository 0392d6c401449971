"""One registration for four components; the way from trial to live; the catalogue (ON-2, ON-3, SH-8, SH-14)."""

import csv
import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc.jwk import ECKey

from identity.operations import register, site_checks, teams
from identity.standards import jose
from shared.http import OutboundFailed, Reply
from shared.run import parse_run
from shared.settings import Secret
from tests.conformance.identity.test_account import form_at
from tests.conformance.identity.test_passkeys import enter
from tests.contract.identity.test_register import bearer
from tests.factories.identity import PUBLIC_URL, RUN, RUN_TOTP, House, words_of

URLS = {"notify_url": "https://notify.example", "pay_url": "https://pay.example", "wallet_url": "https://wallet.example"}
FORM = {
    "organisation": "Municipalidad de Quilpalín",
    "kind": "public",
    "contact_email": "equipo@example.com",
    "service": "Permiso de circulación",
    "purpose": "Pagar sin ir a la oficina.",
    "owner": "Marcela Ríos",
    "start_url": "https://permisos.example.com/",
    "redirect_uri": "https://permisos.example.com/callback",
}


@dataclass
class Components:
    """The other three components, as far as identity calls them; `away` ones do not answer."""

    away: set[str] = field(default_factory=set)
    calls: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)

    def request(self, method: str, url: str, *, json: Any = None, headers: Any = None, **_: object) -> Reply:
        assert method == "POST"
        name = url.removeprefix("https://").split(".")[0]
        self.calls.append((url, json, headers["Authorization"].removeprefix("Bearer ")))
        if name in self.away:
            raise OutboundFailed("no connection", sent=False)
        return Reply(201, {}, b'{"api_key": "made"}')


@pytest.fixture
def components(house: House) -> Components:
    from dataclasses import replace

    made = Components()
    house.identity.settings = replace(house.identity.settings, **URLS, notify_api_key=Secret(""))
    house.identity.__dict__["http"] = made
    return made


def public_key() -> dict[str, Any]:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True)
    key.ensure_kid()
    return dict(key.as_dict(private=False))


def post(house: House, **changes: Any) -> Any:
    headers = bearer(house)
    return house.client().post("/register/v1/onboarding", json={**FORM, "jwk": public_key(), **changes}, headers=headers)


def test_one_registration_gives_keys_for_all_four(house: House, components: Components) -> None:
    answer = post(house)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    body = answer.json
    assert body["stage"] == "trial"
    assert len(body["identity"]["web"]["client_secret"]) >= 32
    assert {name: body[name]["api_key"] for name in ("notify", "pay", "wallet")} == dict.fromkeys(("notify", "pay", "wallet"), "made")
    assert answer.headers["Cache-Control"] == "no-store"
    for url, _, token in components.calls:
        claims = jose.verify(token, house.identity.keys.verifier, algorithms=jose.SIGNING_ALGORITHMS, types=("at+jwt",))
        assert url.startswith(str(claims["aud"]))
        assert claims["scope"] == url.removeprefix("https://").split(".")[0] + ":register"
    stored = house.identity.clients.find(body["identity"]["web"]["client_id"])
    assert stored is not None
    assert stored.redirect_uris == (FORM["redirect_uri"],)


def test_what_is_away_is_said_and_the_rest_stands(house: House, components: Components) -> None:
    components.away = {"pay"}
    body = post(house).json
    assert body["pay"] == {"base_url": "https://pay.example", "state": "away"}
    assert body["notify"]["api_key"] == "made"


def test_the_same_name_twice_gives_two_services(house: House, components: Components) -> None:
    one, two = post(house).json, post(house).json
    assert one["service_id"] != two["service_id"]
    second = post(house, org_id=one["org_id"]).json
    assert second["org_id"] == one["org_id"]


@pytest.mark.parametrize(
    "changes",
    [
        {"organisation": ""},
        {"kind": "secret"},
        {"contact_email": "no"},
        {"redirect_uri": "javascript:alert(1)"},
        {"jwk": {"kty": "EC"}},
        {"unknown": 1},
        {"channels": ["telepathy"]},
    ],
)
def test_bad_forms_are_refused_and_leave_nothing(house: House, components: Components, changes: dict[str, Any]) -> None:
    assert post(house, **changes).status_code == 400
    assert components.calls == []


def test_the_catalogue_is_the_register(house: House, components: Components) -> None:
    body = post(house, legal_basis="Ley de Rentas Municipales").json
    listed = house.client().get("/catalogue/services.json").json["services"]
    entry = next(row for row in listed if row["service_id"] == body["service_id"])
    assert entry["owner"] == "Marcela Ríos"
    assert entry["legal_basis"] == "Ley de Rentas Municipales"
    rows = list(csv.DictReader(io.StringIO(house.client().get("/catalogue/services.csv").get_data(as_text=True))))
    assert {row["service_id"] for row in rows} == {row["service_id"] for row in listed}
    page = house.browser().open("/catalogue?q=circulaci%C3%B3n")
    assert "Municipalidad de Quilpalín" in words_of(page)
    assert "Banco" not in words_of(page)


def test_a_team_registers_by_hand_and_only_it_sees_the_service(house: House, components: Components) -> None:
    browser = enter(house, RUN_TOTP)
    browser.open("/team/new")
    assert browser.send({**FORM, "contact_email": "no"}).status_code == 400
    page = browser.send(FORM)
    assert "client_secret" not in words_of(page)
    assert "made" in words_of(page)
    path = next(str(link) for link in page.get_data(as_text=True).split('"') if link.startswith("/team/services/"))
    assert "Permiso de circulación" in words_of(browser.open(path))
    other = enter(house)
    assert other.open(path).status_code == 403, "level 2 is asked for first"
    service_id = path.rpartition("/")[2]
    with pytest.raises(Exception, match="no such service"):
        teams.look(house.identity, house.person_id(RUN), service_id)


def test_live_needs_a_full_list_and_two_persons(house: House, components: Components) -> None:
    register.add_member(house.identity, org_id="org-one", run=parse_run(RUN_TOTP), role="owner", expires_at=None, actor="test")
    owner, other = house.person_id(RUN_TOTP), house.person_id(RUN)
    with house.identity.transaction() as tx:
        from sqlalchemy import text

        tx.connection.execute(text("UPDATE services SET stage = 'trial' WHERE service_id = 'service-one'"))
    view = teams.look(house.identity, owner, "service-one")
    assert not view.is_ready
    with pytest.raises(Exception, match="missing"):
        teams.ask_live(house.identity, owner, "service-one")
    with house.identity.transaction() as tx:
        from sqlalchemy import text

        tx.connection.execute(text("UPDATE services SET owner = 'Ana', legal_basis = 'Ley 1' WHERE service_id = 'service-one'"))
        tx.connection.execute(text("DELETE FROM client_secrets"))
        tx.connection.execute(text("DELETE FROM clients WHERE client_id IN ('app', 'legacy', 'machine')"))
    register.add_member(house.identity, org_id="org-one", run=parse_run(RUN), role="developer", expires_at=None, actor="test")
    house.identity.clients.forget()
    house.browser().sign_in()
    view = teams.look(house.identity, owner, "service-one")
    assert [check.words.split(",")[0] for check in view.checks if not check.done] == ["The check of its test site found nothing to mend"]
    with house.identity.transaction() as tx:
        proved = {"login_url": "", "page_url": "", "sign_out_url": "", "state": "done", "findings": [], "is_clean": True}
        proved |= {"asked_by": owner, "asked_at": house.clock.now(), "done_at": house.clock.now()}
        rows = [{**proved, "id": house.identity.ids.uuid7(), "client_id": client.id} for client in view.clients]
        tx.connection.execute(site_checks.CHECKS.insert(), rows)
    view = teams.look(house.identity, owner, "service-one")
    assert [check.words for check in view.checks if not check.done] == []
    teams.ask_live(house.identity, owner, "service-one")
    with pytest.raises(Exception, match="Another person"):
        teams.approve_live(house.identity, owner, "service-one")
    teams.approve_live(house.identity, other, "service-one")
    assert teams.look(house.identity, owner, "service-one").service.stage == "live"
    with pytest.raises(Exception, match="cannot become"):
        teams.approve_live(house.identity, other, "service-one")


def test_a_service_that_nobody_signs_in_to_goes_live_without_the_checks_of_signing_in(house: House, components: Components) -> None:
    register.add_member(house.identity, org_id="org-one", run=parse_run(RUN_TOTP), role="owner", expires_at=None, actor="test")
    register.add_member(house.identity, org_id="org-one", run=parse_run(RUN), role="developer", expires_at=None, actor="test")
    owner = house.person_id(RUN_TOTP)
    with house.identity.transaction() as tx:
        from sqlalchemy import text

        tx.connection.execute(
            text("UPDATE services SET stage = 'trial', owner = 'Ana', legal_basis = 'Ley 1' WHERE service_id = 'service-one'")
        )
        tx.connection.execute(text("DELETE FROM client_secrets"))
        tx.connection.execute(text("DELETE FROM clients WHERE client_id <> 'machine'"))
    view = teams.look(house.identity, owner, "service-one")
    assert [client.client_id for client in view.clients] == ["machine"]
    assert [check.words for check in view.checks if not check.done] == []
    with house.identity.transaction() as tx:
        tx.connection.execute(text("DELETE FROM clients WHERE client_id = 'machine'"))
    view = teams.look(house.identity, owner, "service-one")
    assert [check.words for check in view.checks if not check.done] == ["It has a client of its own"]


def test_a_suppliers_access_ends_on_its_day(house: House, components: Components) -> None:
    from datetime import timedelta

    ends = house.clock.now() + timedelta(days=2)
    register.add_member(house.identity, org_id="org-one", run=parse_run(RUN_TOTP), role="supplier", expires_at=ends, actor="test")
    person = house.person_id(RUN_TOTP)
    assert teams.look(house.identity, person, "service-one").may_manage is False
    house.clock.advance(seconds=2 * 86_400)
    with pytest.raises(Exception, match="no such service"):
        teams.look(house.identity, person, "service-one")


def test_the_operator_blocks_clients_and_persons_with_a_reason(house: House, components: Components) -> None:
    register.add_member(house.identity, org_id="org-one", run=parse_run(RUN_TOTP), role="operator", expires_at=None, actor="test")
    from dataclasses import replace

    house.identity.settings = replace(house.identity.settings, staff_level=2)
    victim = house.browser()
    code = victim.sign_in()["code"]
    operator = enter(house, RUN_TOTP)
    operator.open("/operator")
    clients = form_at(operator, "/operator/clients")
    assert operator.send({"client_id": "web", "reason": "corto", "decision": "block"}, form=clients).status_code == 400
    operator.open("/operator")
    operator.send({"client_id": "web", "reason": "secreto publicado en la red", "decision": "block"}, form=clients)
    assert house.token(house.code_form(code)).status_code == 401
    operator.open("/operator")
    operator.send({"client_id": "web", "reason": "secreto cambiado, todo bien", "decision": "unblock"}, form=clients)
    persons = form_at(operator, "/operator/persons")
    operator.open("/operator")
    operator.send({"run": RUN, "reason": "orden de un tribunal", "decision": "block"}, form=persons)
    assert 'id="password"' in victim.open("/account").get_data(as_text=True)
    assert [entry["data"]["reason"] for entry in house.audited("identity:client:blocked")] == ["secreto publicado en la red"]
    citizen = enter(house)
    assert citizen.page is not None
    assert citizen.page.status_code == 400


def test_strangers_do_not_reach_the_consoles(house: House) -> None:
    browser = enter(house, RUN_TOTP)
    for path in ("/operator", "/office"):
        answer = browser.open(path)
        assert answer.status_code == 403, path
    assert json.loads(house.client().get("/catalogue/services.json", base_url=PUBLIC_URL).get_data())["services"]
