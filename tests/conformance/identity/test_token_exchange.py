"""A service goes on to the next one on behalf of its person: RFC 8693 along registered edges."""

import itertools
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import text
from werkzeug.test import TestResponse

from identity.models.person import PersonState
from identity.operations import people, register
from identity.operations.client_rules import NewClient
from identity.standards import jose, rfc8693
from shared.crypto import sha256_hex
from tests.factories.identity import ISSUER, PUBLIC_URL, RESOURCE, RUN, House, machine_key, web_client
from tests.factories.identity_protocol import Strict, public

WALLET, CASES = "https://wallet.example", "https://cases.example"
SCOPES = ("openid", "profile", "notify:send", "notify:read")


def service(client_id: str, audience: str, **changes: Any) -> NewClient:
    """A machine that is an audience itself and may exchange."""
    grants = ("client_credentials", rfc8693.GRANT_TYPE)
    jwks = {"keys": [public(machine_key())]}
    values = {"scopes": ("notify:send",), "audiences": (audience,), "resources": (WALLET,), "grant_types": grants, **changes}
    return NewClient(client_id=client_id, service_id="service-one", name=client_id, policy="machine", jwks=jwks, sector=client_id, **values)


@pytest.fixture
def world(house: House) -> House:
    """A web client whose tokens go to notify; notify may go on to the wallet, the wallet to cases, and so on."""
    web = web_client(client_id="front", scopes=SCOPES, resources=(RESOURCE,), sector="front.example")
    register.create_client(house.identity, web, actor="test", secret="front-secret-0123456789-0123456789-abcdef")
    chain = [("notify", RESOURCE), ("wallet", WALLET), ("cases", CASES), ("archive", "https://a.example"), ("end", "https://end.example")]
    for client_id, audience in chain:
        register.create_client(house.identity, service(client_id, audience), actor="test")
    for (client_id, source), (_, target) in itertools.pairwise(chain):
        register.add_exchange_edge(
            house.identity, client_id, from_audience=source, to_audience=target, scopes=("notify:send",), actor="test"
        )
    return house


def token_for_notify(house: House, **changes: Any) -> str:
    code = house.new_code(client_id="front", scope="openid notify:send notify:read", resource=RESOURCE)
    form = house.code_form(code, client_id="front", client_secret="front-secret-0123456789-0123456789-abcdef", **changes)
    return str(house.token(form).json["access_token"])


def exchange(
    house: House, client_id: str, token: str, target: str | None, *, headers: dict[str, str] | None = None, **changes: Any
) -> TestResponse:
    form = {
        "grant_type": rfc8693.GRANT_TYPE,
        "subject_token": token,
        "subject_token_type": rfc8693.ACCESS_TOKEN,
        "audience": target,
        **changes,
    }
    caller = Strict(house, client_id, key=machine_key())
    return house.client().post("/openid/token", data=caller.authenticated(**form), headers=headers or {})


def claims_of(house: House, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(house.client().get("/openid/jwks").json)
    return dict(jwt.decode(token, keys, algorithms=["ES256"]).claims)


@pytest.mark.rule("identity", "TX-1", "TX-3", "TX-4", "TX-7", "TX-8")
def test_the_person_stays_and_the_service_is_the_actor(world: House) -> None:
    first = token_for_notify(world)
    answer = exchange(world, "notify", first, WALLET)
    assert answer.status_code == 200, answer.json
    assert answer.json["issued_token_type"] == rfc8693.ACCESS_TOKEN
    assert "refresh_token" not in answer.json
    before, after = claims_of(world, first), claims_of(world, answer.json["access_token"])
    assert (after["aud"], after["client_id"], after["scope"]) == (WALLET, "notify", "notify:send")
    assert after["act"] == {"sub": "notify", "iss": before["iss"]}
    assert after["sub"] != before["sub"], "each sector has its own name for the person"
    assert (after["acr"], after["auth_time"], after["amr"]) == (before["acr"], before["auth_time"], before["amr"])
    assert after["exp"] <= before["exp"]
    (event,) = world.audited("identity:token:exchanged")
    assert event["data"]["actors"] == ["notify"]


@pytest.mark.rule("identity", "TX-3", "IN-2")
def test_older_actors_stay_inside_and_three_are_the_most(world: House) -> None:
    token, targets = token_for_notify(world), [("notify", WALLET), ("wallet", CASES), ("cases", "https://a.example")]
    for client_id, target in targets:
        token = exchange(world, client_id, token, target).json["access_token"]
    act = claims_of(world, token)["act"]
    assert [act["sub"], act["act"]["sub"], act["act"]["act"]["sub"]] == ["cases", "wallet", "notify"]
    form = Strict(world, "archive", key=machine_key()).authenticated(token=token)
    assert world.client().post("/openid/introspect", data=form).json["act"] == act
    refused = exchange(world, "archive", token, "https://end.example")
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_target")


@pytest.mark.rule("identity", "TX-4")
def test_lifetimes_only_shrink(world: House) -> None:
    first = token_for_notify(world)
    world.clock.advance(seconds=200)
    answer = exchange(world, "notify", first, WALLET)
    assert answer.json["expires_in"] == 100
    assert claims_of(world, answer.json["access_token"])["exp"] == claims_of(world, first)["exp"]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("no token", {"subject_token": None}, "invalid_request"),
    ("no kind", {"subject_token_type": None}, "invalid_request"),
    ("a kind not taken", {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
    ("a kind not given", {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
    ("actor without kind", {"actor_token": "x"}, "invalid_request"),
    ("kind without actor", {"actor_token_type": rfc8693.JWT}, "invalid_request"),
    ("actor token", {"actor_token": "x", "actor_token_type": rfc8693.JWT}, "invalid_request"),
    ("no target", {"audience": None}, "invalid_target"),
    ("two targets", {"audience": WALLET, "resource": CASES}, "invalid_target"),
    ("no such edge", {"audience": CASES}, "invalid_target"),
    ("scope beyond the edge", {"scope": "notify:read"}, "invalid_scope"),
    ("scope beyond the token", {"scope": "wallet:all"}, "invalid_scope"),
    ("nonsense", {"subject_token": "a.b.c"}, "invalid_grant"),
]


@pytest.mark.rule("identity", "TX-1", "TX-2", "TX-4", "TX-5")
def test_what_is_refused(world: House) -> None:
    token = token_for_notify(world)
    for name, changes, error in REFUSED:
        values = {"subject_token": token, "target": WALLET, **changes}
        target = values.pop("audience", values.pop("target"))
        answer = exchange(world, "notify", str(values.pop("subject_token") or ""), target, **values)
        assert (answer.status_code, answer.json["error"]) == (400, error), name


@pytest.mark.rule("identity", "TX-2", "TX-5")
def test_a_token_is_exchanged_by_whom_it_is_addressed_to_alone(world: House) -> None:
    token = token_for_notify(world)
    assert exchange(world, "wallet", token, CASES).json["error"] == "invalid_grant"
    machine = world.token(world.machine_form(scope="notify:send")).json["access_token"]
    assert exchange(world, "notify", machine, WALLET).json["error"] == "invalid_grant", "no person stands behind it"
    answer = exchange(world, "machine", token, WALLET)
    assert answer.json["error"] == "unauthorized_client"


@pytest.mark.rule("identity", "TX-5", "UI-7")
def test_a_token_that_is_over_is_not_exchanged(world: House) -> None:
    token = token_for_notify(world)
    world.clock.advance(seconds=301)
    assert exchange(world, "notify", token, WALLET).json["error"] == "invalid_grant"
    fresh = token_for_notify(world)
    from identity.models.finders import find_credentials
    from shared.run import parse_run

    with world.identity.reading() as tx:
        person = find_credentials(tx.connection, world.identity.cipher, parse_run(RUN))
    assert person is not None
    people.set_state(world.identity, person.person_id, PersonState.SUSPENDED, actor="test")
    assert exchange(world, "notify", fresh, WALLET).json["error"] == "invalid_grant"


@pytest.mark.rule("identity", "TX-5", "DP-7")
def test_the_new_token_is_bound_to_the_callers_key(world: House) -> None:
    caller = Strict(world, "notify", key=machine_key())
    answer = exchange(world, "notify", token_for_notify(world), WALLET, headers={"DPoP": caller.dpop("/openid/token")})
    assert answer.json["token_type"] == "DPoP"
    assert claims_of(world, answer.json["access_token"])["cnf"]["jkt"]


@pytest.mark.rule("identity", "TX-2")
def test_an_edge_begins_at_an_audience_that_the_client_is(world: House) -> None:
    machine = world.token(world.machine_form(scope="identity:register", resource=PUBLIC_URL)).json["access_token"]
    headers = {"Authorization": f"Bearer {machine}"}
    path = "/register/v1/clients/notify/exchange-edges"
    good = {"from_audience": RESOURCE, "to_audience": CASES, "scopes": ["notify:send"]}
    for body, status in (({**good, "from_audience": WALLET}, 400), (good, 201), (good, 409), ({**good, "scopes": []}, 400)):
        assert world.client().post(path, json=body, headers=headers).status_code == status
    assert exchange(world, "notify", token_for_notify(world), CASES).status_code == 200


MAY_ACT: list[tuple[object, bool]] = [
    ({"sub": "notify"}, True),
    ({"sub": "notify", "iss": ISSUER}, True),
    ({"sub": "notify", "iss": "https://other.example"}, False),
    ({"sub": "wallet"}, False),
    ({}, False),
    (None, False),
    ("notify", False),
    (["notify"], False),
]


@pytest.mark.rule("identity", "TX-6")
def test_tokens_name_the_one_client_that_may_go_on_and_none_where_there_are_more_or_none(world: House) -> None:
    first = token_for_notify(world)
    assert claims_of(world, first)["may_act"] == {"sub": "notify", "iss": ISSUER}
    then = exchange(world, "notify", first, WALLET).json["access_token"]
    assert claims_of(world, then)["may_act"] == {"sub": "wallet", "iss": ISSUER}
    register.create_client(world.identity, service("other", RESOURCE), actor="test")
    register.add_exchange_edge(world.identity, "other", from_audience=RESOURCE, to_audience=CASES, scopes=("notify:send",), actor="test")
    both = token_for_notify(world)
    assert "may_act" not in claims_of(world, both)
    assert exchange(world, "notify", both, WALLET).status_code == 200


@pytest.mark.rule("identity", "TX-6")
def test_a_token_that_says_who_may_act_must_name_the_caller(world: House) -> None:
    """A token that says something else than ours do, signed by us and known to us, is put in the place of one of ours."""
    known = token_for_notify(world)
    for may_act, is_let in MAY_ACT:
        signer = world.identity.keys.signer("ES256")
        claims = {**claims_of(world, known), "may_act": may_act, "jti": world.identity.ids.token(16)}
        changed = jose.sign(claims, key=signer.key, alg=signer.alg, kid=signer.kid, typ="at+jwt")
        with world.identity.db.begin() as connection:
            hashes = {"new": sha256_hex(changed), "old": sha256_hex(known)}
            connection.execute(text("UPDATE access_tokens SET token_hash = :new WHERE token_hash = :old"), hashes)
        known, answer = changed, exchange(world, "notify", changed, WALLET)
        assert (answer.status_code == 200) is is_let, may_act
        assert is_let or answer.json["error"] == "invalid_grant"
