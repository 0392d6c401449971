"""The requester API, introspection and keys, as bodies use them.  Spec: wallet contract §5.3, §5.4, §18."""

import io
import json
import uuid
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.factories.wallet import (
    CONSUMER,
    DATASET,
    LAW,
    LAW_AGREEMENT,
    PROVIDER,
    PUBLIC_URL,
    RETURN,
    STRANGER,
    World,
    agreement,
    dataset,
)
from wallet.errors import IllegalTransition, InvalidSignature
from wallet.operations.agreements import Terms, propose_agreement, sign_agreement, signature
from wallet.operations.consent_moves import expire_consents
from wallet.operations.consent_requests import lapse_requests
from wallet.operations.keys import PENDING_SECONDS, make_key, published_keys, rotate_key, signing_key
from wallet.standards import signing

BY_LAW = {"kind": "law", "law_reference": LAW, "agreement_id": LAW_AGREEMENT}
INACTIVE = b'{"active":false}\n'


def code(answer: Any) -> str:
    return str(answer.json["type"]).removeprefix("urn:andamio:problem:")


# --- consent requests -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§5.4")
def test_the_answer_has_the_contracts_members(world: World) -> None:
    body = world.request_body()
    answer = world.ask(body)
    assert answer.status_code == 201
    assert answer.json.keys() == {"request_id", "view_uri", "expires_at", "items"}
    assert answer.json["request_id"] == body["id"]
    assert answer.json["items"] == [{"item_id": "1", "state": "pending"}]
    assert answer.json["view_uri"].startswith(PUBLIC_URL + "/c/")
    assert "11111111" not in answer.text


@pytest.mark.rule("wallet", "§5.4")
def test_the_same_request_again_is_the_same_answer_and_another_is_a_conflict(world: World) -> None:
    body = world.request_body()
    first, again = world.ask(body), world.ask(dict(reversed(body.items())))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    other = world.ask({**body, "message": {"es": "Otra cosa."}})
    assert (other.status_code, code(other)) == (409, "id_conflict")
    assert world.ask(body, client_id=STRANGER).status_code == 201, "ids belong to the client that chose them"
    assert world.run_sql("select count(*) from consent_requests") == [(2,)]


@pytest.mark.rule("wallet", "§5.4")
@pytest.mark.parametrize("uri", [RETURN + "&x=1", RETURN.upper(), RETURN.rstrip("t"), "https://evil.example/", RETURN + "#"])
def test_the_return_address_is_matched_exactly(world: World, uri: str) -> None:
    assert (world.ask(world.request_body(redirect_uri=uri)).status_code) == 400


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1"},
        {"items": []},
        {"items": "x"},
        {"message": {"es": "x" * 301}},
        {"message": {"<es>": "x"}},
        {"message": "x"},
        {"subject": {"scheme": "cl-run", "value": "1-1"}},
        {"view": "maybe"},
        {"more": 1},
        {"state": ""},
    ],
)
@pytest.mark.rule("wallet", "§5.4")
def test_what_cannot_be_read_is_refused(world: World, change: dict[str, Any]) -> None:
    assert world.ask({**world.request_body(), **change}).status_code == 400


@pytest.mark.rule("wallet", "§5.4")
@pytest.mark.parametrize(
    ("change", "status", "slug"),
    [
        ({"fields": []}, 400, "invalid-request"),
        ({"fields": ["full_name"], "optional_fields": ["full_name"]}, 400, "invalid-request"),
        ({"fields": ["salary"]}, 400, "unknown_field"),
        ({"dataset_id": "x"}, 400, "unknown_dataset"),
        ({"purpose_id": "x"}, 400, "unknown_purpose"),
        ({"fetch": "periodic"}, 400, "invalid-request"),
        ({"mode": "store"}, 403, "template_limit_exceeded"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, 400, "invalid_request"),
        ({"valid_until": "2026-12-01"}, 400, "invalid-request"),
        ({"valid_until": "2026-12-01T00:00:00Z"}, 403, "template_limit_exceeded"),
        ({"procedure": {"code": "otro-tramite"}}, 403, "agreement_required"),
    ],
)
def test_an_item_stays_inside_what_was_declared_and_agreed(world: World, change: dict[str, Any], status: int, slug: str) -> None:
    answer = world.ask(world.request_body(world.item(**change)))
    assert (answer.status_code, code(answer)) == (status, slug)
    assert world.run_sql("select count(*) from consent_requests") == [(0,)]


@pytest.mark.rule("wallet", "U3")
def test_where_the_law_decides_nobody_is_asked(world: World) -> None:
    world.run_sql("update agreements set state = 'terminated' where legal_basis = 'consent'")
    assert code(world.ask()) == "agreement_required"


@pytest.mark.rule("wallet", "§5.4")
def test_a_request_is_seen_and_taken_back_by_its_client_alone(world: World) -> None:
    body = world.request_body()
    link = world.ask(body).json["view_uri"].removeprefix(PUBLIC_URL)
    client, address = world.app.test_client(), f"/consent-requests/{body['id']}"
    for method in (client.get, client.delete):
        assert method(address, headers=world.bearer(STRANGER)).status_code == 404
    assert client.delete(address, headers=world.bearer()).status_code == 204
    assert client.delete(address, headers=world.bearer()).status_code == 204
    assert client.get(address, headers=world.bearer()).json["items"][0]["state"] == "cancelled"
    assert "Retiraron el pedido" in world.browser().get(link, follow_redirects=True).text


@pytest.mark.rule("wallet", "§4")
def test_what_the_person_decided_cannot_be_taken_back(world: World) -> None:
    body = world.request_body()
    world.decide(world.browser(), world.ask(body).json["view_uri"], "grant")
    answer = world.app.test_client().delete(f"/consent-requests/{body['id']}", headers=world.bearer())
    assert (answer.status_code, code(answer)) == (409, "illegal_transition")


@pytest.mark.rule("wallet", "S1")
def test_the_clock_ends_requests_and_the_jobs_only_tidy_up(world: World) -> None:
    body = world.request_body()
    world.ask(body)
    world.granted()
    world.clock.advance(seconds=40 * 86_400)
    look = world.app.test_client().get(f"/consent-requests/{body['id']}", headers=world.bearer())
    assert look.json["items"][0]["state"] == "expired"
    assert world.run_sql("select state from consent_request_items where state = 'expired'") == []
    assert (lapse_requests(world.wallet), expire_consents(world.wallet)) == (1, 1)
    assert (lapse_requests(world.wallet), expire_consents(world.wallet)) == (0, 0)


# --- access rules ---------------------------------------------------------------------------------------------------------

MACHINE = [
    ("POST", "/consent-requests", "wallet:consents"),
    ("GET", f"/consent-requests/{uuid.UUID(int=1)}", "wallet:consents"),
    ("DELETE", f"/consent-requests/{uuid.UUID(int=1)}", "wallet:consents"),
    ("POST", "/exchange/v1/requests", "wallet:exchange"),
    ("POST", "/introspect", "wallet:provide"),
]
PEOPLE = [
    ("GET", "/"),
    ("GET", "/c/x"),
    ("GET", f"/requests/{uuid.UUID(int=1)}"),
    ("POST", f"/requests/{uuid.UUID(int=1)}"),
    ("GET", "/permissions"),
    ("GET", f"/consents/{uuid.UUID(int=1)}"),
    ("GET", f"/consents/{uuid.UUID(int=1)}/withdraw"),
    ("POST", f"/consents/{uuid.UUID(int=1)}/withdraw"),
    ("GET", "/access-log"),
    ("GET", "/me/access-log"),
    ("GET", "/me/access-log/export"),
]


@pytest.mark.rule("wallet", "§18")
@pytest.mark.parametrize(("method", "address", "scope"), MACHINE)
def test_machines_need_a_token_with_the_scope(world: World, method: str, address: str, scope: str) -> None:
    client = world.app.test_client()
    assert client.open(address, method=method).status_code == 401
    others = " ".join({one[2] for one in MACHINE} - {scope})
    assert client.open(address, method=method, headers=world.bearer(scope=others)).status_code == 403
    assert client.open(address, method=method, headers=world.bearer(scope=scope)).status_code not in {401}


@pytest.mark.rule("wallet", "L6")
@pytest.mark.parametrize(("method", "address"), PEOPLE)
def test_people_sign_in_first_and_with_a_run(world: World, method: str, address: str) -> None:
    answer = world.app.test_client().open(address, method=method)
    assert answer.status_code == 303
    assert answer.location.startswith("/login?")
    if method == "GET":
        assert world.browser(None).open(address).status_code == 403


# --- introspection and keys -----------------------------------------------------------------------------------------------


def ask_about(world: World, by: str = PROVIDER, **form: str) -> Any:
    return world.app.test_client().post("/introspect", data=form, headers=world.bearer(by, "wallet:provide"))


@pytest.mark.rule("wallet", "§5.3")
@pytest.mark.parametrize("road", ["consent", "law"])
def test_the_provider_learns_that_a_token_stands(world: World, road: str) -> None:
    body = world.exchange_body(basis=BY_LAW) if road == "law" else world.exchange_body(world.granted())
    world.fetch(body)
    token = world.register.orders[-1].token
    told = ask_about(world, token=token).json
    assert told["active"] is True
    assert told["state"] == "active"
    assert told["client_id"] == CONSUMER
    assert told["authorization_details"][0]["datatypes"] == [DATASET]


@pytest.mark.rule("wallet", "§5.3")
def test_every_other_case_is_the_same_bytes(world: World) -> None:
    consent_id = world.granted()
    world.fetch(world.exchange_body(consent_id))
    token = world.register.orders[-1].token
    answers = [
        ask_about(world),
        ask_about(world, token=""),
        ask_about(world, token="a.b.c"),
        ask_about(world, token=token[:-4] + "AAAA"),
        ask_about(world, CONSUMER, token=token),
        ask_about(world, "unknown", token=token),
        ask_about(world, consent_id="x", client_id=CONSUMER, dataset_id=DATASET),
        ask_about(world, consent_id=str(uuid.uuid4()), client_id=CONSUMER, dataset_id=DATASET),
        ask_about(world, consent_id=consent_id, client_id=STRANGER, dataset_id=DATASET),
        ask_about(world, CONSUMER, consent_id=consent_id, client_id=CONSUMER, dataset_id=DATASET),
    ]
    assert ask_about(world, consent_id=consent_id, client_id=CONSUMER, dataset_id=DATASET).json["active"] is True
    page = world.browser()
    world.submit(page, page.get(f"/consents/{consent_id}/withdraw"), "withdraw")
    answers += [ask_about(world, token=token), ask_about(world, consent_id=consent_id, client_id=CONSUMER, dataset_id=DATASET)]
    assert {(one.status_code, one.data) for one in answers} == {(200, INACTIVE)}


def test_a_token_is_over_by_the_clock(world: World) -> None:
    world.fetch(world.exchange_body(basis=BY_LAW))
    token = world.register.orders[-1].token
    world.clock.advance(seconds=120)
    assert ask_about(world, token=token).data == INACTIVE


@pytest.mark.rule("wallet", "§18")
def test_keys_rotate_with_overlap_and_private_parts_never_show(world: World) -> None:
    old = signing_key(world.wallet, "consent-token")
    token = signing.sign({"x": 1}, key=old, typ="t")
    new_kid = make_key(world.wallet, "consent-token", actor="test")
    assert rotate_key(world.wallet, "consent-token", actor="test") is None, "not before verifiers had time to fetch it"
    world.clock.advance(seconds=PENDING_SECONDS)
    assert rotate_key(world.wallet, "consent-token", actor="test") == new_kid
    assert signing_key(world.wallet, "consent-token").kid == new_kid
    assert signing.verify(token, keys=published_keys(world.wallet, "consent-token"), typ="t") == {"x": 1}
    published = world.app.test_client().get("/.well-known/jwks.json").json["keys"]
    assert {old.kid, new_kid} <= {key["kid"] for key in published}
    assert not any("d" in key for key in published)
    assert world.run_sql("select kid from signing_keys where private is null") == [(old.kid,)]
    world.clock.advance(seconds=601)
    assert old.kid not in published_keys(world.wallet, "consent-token")


# --- agreements -----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§9")
def test_an_agreement_is_active_only_with_both_signatures_over_its_content(world: World) -> None:
    school, registry = (ECKey.generate_key("P-256", {"kid": kid}, private=True) for kid in ("school", "registry"))
    for client_id, key in ((CONSUMER, school), (PROVIDER, registry)):
        world.run_sql("update clients set jwks = cast(:jwks as jsonb) where client_id = :id", id=client_id, jwks=_jwks(key))
    now = world.clock.now()
    row = agreement(now)
    names = ("consumer", "provider", "datasets", "purposes", "legal_basis", "procedure_codes")
    names += ("valid_from", "valid_until", "volume", "limits")
    terms = Terms(agreement_id="agr-new", retention=row.retention, **{name: getattr(row, name) for name in names})
    version, sha256 = propose_agreement(world.wallet, terms, actor="test")

    def sign(org_id: str, key: ECKey, content: str = sha256) -> str:
        made = signature("agr-new", version, content, org_id=org_id, key=key)
        return sign_agreement(world.wallet, "agr-new", version, made, org_id=org_id, actor="test")

    with pytest.raises(InvalidSignature):
        sign(row.consumer, registry)
    with pytest.raises(InvalidSignature):
        sign(row.consumer, school, "0" * 64)
    assert sign(row.consumer, school) == "signing"
    assert sign(row.consumer, school) == "signing"
    assert sign(row.provider, registry) == "active"
    with pytest.raises(IllegalTransition):
        sign(row.provider, registry)


def _jwks(key: ECKey) -> str:
    import json

    return json.dumps({"keys": [key.as_dict(private=False)]})


@pytest.mark.rule("wallet", "R1")
def test_a_consent_keeps_to_the_version_it_was_given_for(world: World) -> None:
    consent_id = world.granted()
    world.run_sql("update datasets set status = 'retired'")
    world.add(dataset(world.clock.now(), version=2, title={"es": "Otro nombre", "en": "Another name"}))
    assert "Certificado de antecedentes" in world.browser().get(f"/consents/{consent_id}").text


@pytest.mark.rule("wallet", "§5.4", "§8.1")
def test_a_body_without_a_stated_length_is_read_once_and_taken(world: World) -> None:
    for path, body, status in (
        ("/consent-requests", world.request_body(), 201),
        ("/exchange/v1/requests", world.exchange_body(world.granted()), 200),
    ):
        answer = world.app.test_client().post(
            path,
            input_stream=io.BytesIO(json.dumps(body).encode()),
            content_type="application/json",
            headers={**world.bearer(), "Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert answer.status_code == status, answer.text
