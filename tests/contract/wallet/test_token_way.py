"""The token way: a recipient takes a token, a provider with our library checks it.  Spec: wallet contract §5.1 to §5.3, §8.1 A."""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, jsonify
from joserfc import jws
from joserfc.jwk import ECKey

from shared.clock import rfc3339
from shared.http import Outbound, OutboundFailed, OutboundTimeout, Reply
from tests.factories.wallet import (
    CONSUMER,
    DATASET,
    ENDPOINT,
    FIELDS,
    LAW_AGREEMENT,
    OTHER_RUN,
    PROVIDER,
    PUBLIC_URL,
    PURPOSE,
    RUN,
    SCHOOL,
    STRANGER,
    World,
)
from wallet.operations.consents import withdraw
from wallet.operations.visibility import allow_delay
from wallet.provider.flask_guard import Guard
from wallet.provider.library import Call, Provider, TokenRefused
from wallet.provider.library import Dataset as Declared
from wallet.provider.proxy import Upstream, create_proxy
from wallet.provider.reports import Answered
from wallet.standards import dpop, signing
from wallet.standards.namespace import CONSENT_TYPE, LEGAL_ACCESS_TYPE

AUDIENCE = "https://registro.example"
KEY, HOLDER = signing.new_key("consumer-1"), signing.new_key("holder")
SENSITIVE = Declared(dataset_id=DATASET, endpoint=ENDPOINT)
PLAIN = Declared(dataset_id=DATASET, endpoint=ENDPOINT, sensitive=False)
ADDRESS = PUBLIC_URL + "/token"


class Wire(Outbound):
    """The provider's way to the wallet, into the app at hand; `is_down` cuts it, `others` are further servers by address."""

    def __init__(self, world: World) -> None:
        self.world, self.is_down = world, False
        self.others: dict[str, Callable[[Any], Reply]] = {}
        self.asked: list[str] = []

    def request(self, method: str, url: str, **options: Any) -> Reply:  # as the real one
        self.asked.append(url)
        if url in self.others:
            return self.others[url](options.get("json"))
        if self.is_down:
            raise OutboundFailed("no connection", sent=False)
        path = url.removeprefix(PUBLIC_URL)
        answer = self.world.app.test_client().open(path, method=method, data=options.get("body"), headers=options.get("headers"))
        return Reply(answer.status_code, dict(answer.headers), answer.data)


@pytest.fixture
def wire(world: World) -> Wire:
    jwks = json.dumps({"keys": [KEY.as_dict(private=False)]})
    world.run_sql("update clients set jwks = cast(:jwks as jsonb) where client_id = :id", id=CONSUMER, jwks=jwks)
    return Wire(world)


def now(world: World) -> int:
    return int(world.clock.now().timestamp())


def provider(wire: Wire) -> Provider:
    token = wire.world.bearer(PROVIDER, "wallet:provide")["Authorization"].removeprefix("Bearer ")
    return Provider(wallet_url=PUBLIC_URL, audience=AUDIENCE, http=wire, now=lambda: now(wire.world), access_token=lambda: token)


def assertion(world: World, key: ECKey = KEY, **changes: object) -> str:
    claims = {"iss": CONSUMER, "sub": CONSUMER, "aud": PUBLIC_URL, "jti": uuid.uuid4().hex, "iat": now(world), "exp": now(world) + 60}
    return signing.sign({**claims, **changes}, key=key, typ="JWT")


def proof(world: World, method: str = "POST", url: str = ADDRESS, token: str | None = None, **changes: Any) -> str:
    values: dict[str, Any] = {"method": method, "url": url, "jti": uuid.uuid4().hex, "now": now(world), "token": token}
    return dpop.make_proof(HOLDER, **(values | changes))


def consent_detail(consent_id: object, run: str = RUN) -> dict[str, Any]:
    return {"type": CONSENT_TYPE, "identifier": str(consent_id), "from": {"scheme": "cl-run", "value": run}}


def legal_detail(**changes: object) -> dict[str, Any]:
    subject = {"scheme": "cl-run", "value": RUN}
    return {
        "type": LEGAL_ACCESS_TYPE,
        "agreement_id": LAW_AGREEMENT,
        "dataset_id": DATASET,
        "fields": FIELDS,
        "purpose": PURPOSE,
        "subject": subject,
        **changes,
    }


def ask(world: World, detail: object, *, dpop_proof: str | None = "", **form: str) -> Any:
    values = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion(world),
        "authorization_details": json.dumps([detail] if isinstance(detail, dict) else detail),
    }
    shown = proof(world) if dpop_proof == "" else dpop_proof
    return world.app.test_client().post("/token", data={**values, **form}, headers={"DPoP": shown} if shown else {})


def call(world: World, token: str, **changes: Any) -> Call:
    values: dict[str, Any] = {
        "method": "POST",
        "url": ENDPOINT,
        "authorization": f"DPoP {token}",
        "dpop": proof(world, url=ENDPOINT, token=token),
        "token_in_query": False,
        "subject": {"scheme": "cl-run", "value": RUN},
        "fields": frozenset(FIELDS),
    }
    return Call(**(values | changes))


def refused(made: Provider, asked: Call, declared: Declared = SENSITIVE) -> tuple[int, str]:
    with pytest.raises(TokenRefused) as caught:
        made.check(asked, declared)
    return caught.value.row, caught.value.code


# --- the token ------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§5.1")
@pytest.mark.parametrize("road", ["consent", "law"])
def test_a_token_is_given_and_opens_the_provider_once(world: World, wire: Wire, road: str) -> None:
    detail = consent_detail(world.granted()) if road == "consent" else legal_detail()
    answer = ask(world, detail)
    assert answer.status_code == 200, answer.json
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("DPoP", 120)
    assert answer.json["authorization_details"][0]["fields"] == sorted(FIELDS)
    token, made = answer.json["access_token"], provider(wire)
    claims = json.loads(jws.extract_compact(token.encode()).payload)
    assert claims["cnf"] == {"jkt": HOLDER.thumbprint()}
    allowed = made.check(call(world, token), SENSITIVE)
    assert (allowed.txn, allowed.client_id) == (claims["txn"], CONSUMER)
    assert [core["outcome"] for core in world.log(txn=allowed.txn)] == ["attempt"], "it was in the log before it left"
    assert refused(made, call(world, token)) == (7, "token_replayed")


@pytest.mark.rule("wallet", "§5.1")
@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion": "a.b.c"}, "invalid_client"),
        ({"client_assertion_type": "x"}, "invalid_client"),
        ({"client_secret": "x"}, "invalid_client"),
        ({"authorization_details": "{"}, "invalid_authorization_details"),
        ({"authorization_details": "[]"}, "invalid_authorization_details"),
        ({"authorization_details": '[{"type": "payment"}]'}, "invalid_authorization_details"),
        ({"authorization_details": json.dumps([{"type": CONSENT_TYPE, "identifier": "x"}])}, "invalid_authorization_details"),
        ({"authorization_details": json.dumps([{**legal_detail(), "more": 1}])}, "invalid_authorization_details"),
        ({"authorization_details": json.dumps([legal_detail(fields="full_name")])}, "invalid_authorization_details"),
        ({"authorization_details": json.dumps([legal_detail(dataset_id="none")])}, "invalid_authorization_details"),
        ({"authorization_details": json.dumps([legal_detail(fields=["salary"])])}, "access_denied"),
        *(
            ({"authorization_details": json.dumps([legal_detail(visibility=wish)])}, "invalid_authorization_details")
            for wish in (
                None,
                "later",
                {"ground": "Ley 1"},
                {"ground": "Ley 1", "release_at": "2027-01-01T00:00:00Z", "more": 1},
                {"ground": "", "release_at": "2027-01-01T00:00:00Z"},
                {"ground": "Ley\n1", "release_at": "2027-01-01T00:00:00Z"},
                {"ground": "cl-run:11111111-1", "release_at": "2027-01-01T00:00:00Z"},
                {"ground": "L" * 301, "release_at": "2027-01-01T00:00:00Z"},
                {"ground": "Ley 1", "release_at": "2027-01-01T00:00:00"},
                {"ground": "Ley 1", "release_at": 1},
            )
        ),
        ({"authorization_details": json.dumps([legal_detail(agreement_id="agr-consent")])}, "access_denied"),
        ({"authorization_details": json.dumps([consent_detail(uuid.UUID(int=4))])}, "invalid_grant"),
    ],
)
def test_what_is_not_right_gets_no_token(world: World, wire: Wire, form: dict[str, str], error: str) -> None:
    answer = ask(world, legal_detail(), **form)
    assert answer.json["error"] == error
    assert answer.status_code == {"invalid_client": 401, "access_denied": 403}.get(error, 400)
    assert world.run_sql("select count(*) from exchanges") == [(0,)]


@pytest.mark.rule("wallet", "§10.4", "§5.1")
def test_an_access_by_token_may_be_seen_later_where_a_law_lets_the_body(world: World, wire: Wire) -> None:
    wish = {"ground": "Código Procesal Penal, artículo 182", "release_at": rfc3339(world.clock.now() + timedelta(days=30))}
    refused = ask(world, legal_detail(visibility=wish))
    assert (refused.status_code, refused.json["error"]) == (403, "access_denied")
    assert [line["outcome"] for line in world.browser().get("/me/access-log").json["lines"]] == ["denied"]
    allow_delay(world.wallet, SCHOOL, "Ley 1", actor="test")
    assert ask(world, legal_detail(visibility=wish)).status_code == 200
    assert world.log()[-1]["visibility"] == wish
    assert len(world.browser().get("/me/access-log").json["lines"]) == 1
    world.clock.advance(seconds=31 * 86_400)
    assert len(world.browser().get("/me/access-log").json["lines"]) == 2


@pytest.mark.rule("wallet", "§5.1")
def test_the_assertion_is_the_clients_for_us_now_and_once(world: World, wire: Wire) -> None:
    used = assertion(world)
    assert ask(world, legal_detail(), client_assertion=used).status_code == 200
    bad = [
        used,
        assertion(world, signing.new_key("consumer-1")),
        assertion(world, iss=STRANGER, sub=STRANGER),
        assertion(world, sub=STRANGER),
        assertion(world, aud="https://other.example"),
        assertion(world, exp=now(world) - 60),
        assertion(world, exp=now(world) + 9000),
        assertion(world, jti=""),
    ]
    assert {ask(world, legal_detail(), client_assertion=one).json["error"] for one in bad} == {"invalid_client"}


@pytest.mark.rule("wallet", "§5.1")
def test_an_assertion_without_a_type_is_taken_and_one_of_another_kind_is_not(world: World, wire: Wire) -> None:
    claims = {"iss": CONSUMER, "sub": CONSUMER, "aud": PUBLIC_URL, "iat": now(world), "exp": now(world) + 60}
    for typ, status in ((None, 200), ("client-authentication+jwt", 200), ("at+jwt", 401), ("consent+jwt", 401)):
        header = {"alg": "ES256", "kid": KEY.kid, **({"typ": typ} if typ else {})}
        made = jws.serialize_compact(header, json.dumps({**claims, "jti": uuid.uuid4().hex}).encode(), KEY, algorithms=["ES256"])
        assert ask(world, legal_detail(), client_assertion=made).status_code == status


@pytest.mark.rule("wallet", "§5.1")
def test_every_token_is_bound_to_a_key(world: World, wire: Wire) -> None:
    used = proof(world)
    assert ask(world, legal_detail(), dpop_proof=used).status_code == 200
    bad = [
        None,
        used,
        "x",
        proof(world, method="GET"),
        proof(world, url=ENDPOINT),
        proof(world, now=now(world) - 100),
        proof(world, now=now(world) + 100),
    ]
    assert {ask(world, legal_detail(), dpop_proof=one).json["error"] for one in bad} == {"invalid_dpop_proof"}


@pytest.mark.rule("wallet", "§5.1")
def test_a_consent_of_another_body_or_person_gives_none_and_a_last_use_is_the_last(world: World, wire: Wire) -> None:
    consent_id = world.granted(fetch="once")
    assert ask(world, consent_detail(consent_id, OTHER_RUN)).json["error"] == "invalid_grant"
    assert ask(world, consent_detail(consent_id)).status_code == 200
    again = ask(world, consent_detail(consent_id))
    assert (again.json["error"], "consent_expired" in again.json["error_description"]) == ("access_denied", True)
    assert world.log()[-1]["outcome"] == "denied"


# --- the provider's library -----------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§5.2")
def test_the_library_refuses_what_the_rows_refuse(world: World, wire: Wire) -> None:
    made = provider(wire)

    def token() -> str:
        return str(ask(world, legal_detail()).json["access_token"])

    first = token()
    assert refused(made, call(world, first, token_in_query=True)) == (1, "invalid_request")
    assert refused(made, call(world, first, dpop=None)) == (6, "invalid_dpop_proof")
    assert refused(made, call(world, first, dpop=proof(world, url=ENDPOINT))) == (6, "invalid_dpop_proof"), "of no token"
    assert refused(made, call(world, first, dpop=proof(world, url=ENDPOINT + "/x", token=first))) == (6, "invalid_dpop_proof")
    assert refused(made, call(world, first, client_id=STRANGER)) == (6, "client_mismatch")
    assert refused(made, call(world, token(), fields=frozenset({"salary"}))) == (9, "scope_exceeded")
    assert refused(made, call(world, token(), subject={"scheme": "cl-run", "value": OTHER_RUN})) == (10, "subject_mismatch")
    replayed = call(world, token())
    made.check(replayed, SENSITIVE)
    assert refused(made, replayed) == (6, "invalid_dpop_proof"), "a proof is used once"


@pytest.mark.rule("wallet", "§5.2")
def test_row_11_reads_the_agreement_that_the_wallet_publishes(world: World, wire: Wire) -> None:
    token = ask(world, legal_detail()).json["access_token"]
    world.run_sql("update agreements set state = 'suspended' where agreement_id = :id", id=LAW_AGREEMENT)
    assert refused(provider(wire), call(world, token)) == (11, "agreement_inactive")


@pytest.mark.rule("wallet", "§5.2", "S4")
@pytest.mark.parametrize("declared", [SENSITIVE, PLAIN], ids=["asks", "reads the list"])
def test_row_12_a_withdrawal_is_seen(world: World, wire: Wire, declared: Declared) -> None:
    consent_id, made = world.granted(), provider(wire)
    tokens = [ask(world, consent_detail(consent_id)).json["access_token"] for _ in range(2)]
    made.check(call(world, tokens[0]), declared)
    withdraw(world.wallet, world.presence(), uuid.UUID(consent_id))
    world.clock.advance(seconds=61)
    assert refused(made, call(world, tokens[1]), declared) == (12, "consent_withdrawn")
    assert any("/introspect" in url for url in wire.asked) == declared.sensitive


@pytest.mark.rule("wallet", "§5.2")
def test_row_13_without_the_wallet_sensitive_data_stay(world: World, wire: Wire) -> None:
    made, consent_id = provider(wire), world.granted()
    tokens = [ask(world, consent_detail(consent_id)).json["access_token"] for _ in range(3)]
    made.check(call(world, tokens[0]), SENSITIVE)
    wire.is_down = True
    assert refused(made, call(world, tokens[1])) == (13, "status_unavailable")
    assert made.check(call(world, tokens[2]), PLAIN), "a fresh token passes where the data are not sensitive"


@pytest.mark.rule("wallet", "§5.3")
def test_introspection_is_signed_on_wish(world: World, wire: Wire) -> None:
    token = ask(world, legal_detail()).json["access_token"]
    headers = {**world.bearer(PROVIDER, "wallet:provide"), "Accept": "application/token-introspection+jwt"}
    keys = {key["kid"]: ECKey.import_key(key) for key in world.app.test_client().get("/.well-known/jwks.json").json["keys"]}
    for text, active in ((token, True), ("x", False)):
        answer = world.app.test_client().post("/introspect", data={"token": text}, headers=headers)
        assert answer.content_type == "application/token-introspection+jwt"
        payload = signing.verify(answer.text, keys=keys, typ="token-introspection+jwt")
        assert (payload["aud"], payload["token_introspection"]["active"]) == (PROVIDER, active)
        if not active:
            assert payload["token_introspection"] == {"active": False}


# --- the extension and the proxy ------------------------------------------------------------------------------------------


def test_the_flask_extension_answers_only_what_the_token_covers(world: World, wire: Wire) -> None:
    app = Flask("register")
    guard = Guard(app, provider(wire))

    @app.post("/v1/police-record")
    @guard.protects(SENSITIVE, read=lambda: ({"scheme": "cl-run", "value": RUN}, frozenset(FIELDS)))
    def answer(allowed: Any) -> Any:
        return jsonify(sorted(allowed.fields))

    token = ask(world, legal_detail()).json["access_token"]
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof(world, url=ENDPOINT, token=token)}
    client = app.test_client()
    assert client.post("/v1/police-record", headers=headers).json == sorted(FIELDS)
    again = client.post("/v1/police-record", headers=headers)
    assert (again.status_code, again.json) == (401, {"error": "invalid_dpop_proof"})
    assert again.headers["WWW-Authenticate"].startswith("DPoP ")


@pytest.mark.rule("wallet", "§8.1", "WA-11")
@pytest.mark.parametrize(
    ("reply", "status", "outcome"),
    [
        (
            Reply(200, {}, json.dumps({"as_of": "2026-06-08T16:00:00Z", "fields": {"full_name": "C", "salary": 1}}).encode()),
            200,
            "released",
        ),
        (Reply(404, {}, b""), 404, "no_record"),
        (Reply(500, {}, b"{}"), 502, "failed"),
        (Reply(200, {}, b"<html>"), 502, "failed"),
        (None, 504, "failed"),
    ],
)
def test_the_proxy_stands_before_a_register_that_knows_nothing(
    world: World, wire: Wire, reply: Reply | None, status: int, outcome: str
) -> None:
    seen: list[Mapping[str, Any]] = []
    told: list[Answered] = []

    def register(body: Any) -> Reply:
        seen.append(body)
        if reply is None:
            raise OutboundTimeout
        return reply

    wire.others["http://inside/record"] = register
    upstream = Upstream(path="/v1/police-record", dataset=SENSITIVE, url="http://inside/record")
    proxy = create_proxy(provider(wire), [upstream], http=wire, report=told.append, timestamp=lambda: "2026-06-08T16:00:00Z")
    token = ask(world, legal_detail()).json["access_token"]
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof(world, url=ENDPOINT, token=token)}
    client, body = proxy.test_client(), {"run": RUN, "fields": ["full_name", "has_record"]}
    assert client.post("/v1/police-record", json={"run": RUN}, headers=headers).status_code == 400
    assert client.post("/v1/police-record", json=body).status_code == 401
    assert seen == [], "the register is not asked"
    answer = client.post("/v1/police-record", json=body, headers=headers)
    assert (answer.status_code, [one.outcome for one in told]) == (status, [outcome])
    if status == 200:
        assert answer.json == {"as_of": "2026-06-08T16:00:00Z", "fields": {"full_name": "C", "has_record": None}}
    assert RUN not in repr(told)


@pytest.mark.rule("wallet", "§9")
def test_agreements_are_public_with_parties_fields_and_volumes(world: World) -> None:
    client = world.app.test_client()
    answer = client.get("/agreements")
    listed = {one["agreement_id"]: one for one in answer.json["agreements"]}
    assert listed[LAW_AGREEMENT]["state"] == "active"
    assert listed[LAW_AGREEMENT]["datasets"] == [{"dataset_id": DATASET, "fields": sorted(FIELDS)}]
    assert client.get("/agreements", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert client.get(f"/agreements/{LAW_AGREEMENT}").json == listed[LAW_AGREEMENT]
    assert client.get("/agreements/none").status_code == 404
    world.clock.advance(seconds=701 * 86_400)
    assert client.get(f"/agreements/{LAW_AGREEMENT}").json["state"] == "expired"
