"""One negative test for each row of the table of checks that a provider makes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OctKey

from deploy.sandbox.registry.consent_tokens import Ask, ConsentTokens, Refusal
from shared.clock import FixedClock

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ISSUER, AUDIENCE = "http://localhost:8004", "http://localhost:8007"
KEY = ECKey.generate_key("P-256", parameters={"kid": "ct-1"})
OTHER = ECKey.generate_key("P-256", parameters={"kid": "ct-1"})
LATER = ECKey.generate_key("P-256", parameters={"kid": "ct-2"})
ASK = Ask(scheme="cl-run", person="11111111-1", dataset_id="police-record", fields=("full_name", "has_record"))

pytestmark = pytest.mark.rule("wallet", "§5.2")


def claims(**changes: Any) -> dict[str, Any]:
    detail = {
        "type": "urn:andamio:consent",
        "identifier": "7f0c5c1e-0000-4000-8000-000000000001",
        "from": {"scheme": "cl-run", "value": "11111111-1"},
        "to": "org-colegio-araucarias",
        "actions": ["read"],
        "datatypes": ["police-record"],
        "fields": ["full_name", "has_record", "issued_on"],
    }
    issued = int(NOW.timestamp())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "11111111-1",
        "client_id": "wallet-consumer",
        "jti": "one",
        "iat": issued,
        "exp": issued + 120,
        "txn": "7f0c5c1e-0000-4000-8000-00000000aaaa",
        "authorization_details": [detail | changes.pop("detail", {})],
    } | changes


def token(payload: dict[str, Any] | bytes, *, key: ECKey = KEY, **header: Any) -> str:
    protected = {"alg": "ES256", "typ": "consent+jwt", "kid": key.kid} | header
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    registry = jws.JWSRegistry(strict_check_header=False)
    return jws.serialize_compact({k: v for k, v in protected.items() if v is not None}, raw, key, registry=registry)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


def published(_refresh: bool) -> KeySet:
    return KeySet([KEY])


@pytest.fixture
def tokens(clock: FixedClock) -> ConsentTokens:
    return ConsentTokens(issuer=ISSUER, audience=AUDIENCE, keys=published, now=clock.now)


def refusal(tokens: ConsentTokens, authorization: str, ask: Ask = ASK) -> tuple[int, str]:
    with pytest.raises(Refusal) as refused:
        tokens.check(authorization, ask)
    return refused.value.status, refused.value.code


@pytest.mark.parametrize("scheme", ["Bearer", "DPoP", "bearer"])
def test_a_good_token_opens_the_fields_asked_for(tokens: ConsentTokens, scheme: str) -> None:
    grant = tokens.check(f"{scheme} {token(claims())}", ASK)
    assert (grant.client_id, grant.consent_id) == ("wallet-consumer", "7f0c5c1e-0000-4000-8000-000000000001")
    assert grant.fields == ("full_name", "has_record")


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Basic abc", "Bearer"])
def test_row_1_no_token(tokens: ConsentTokens, authorization: str) -> None:
    assert refusal(tokens, authorization) == (401, "invalid_request")


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"typ": None},
        {"kid": "unknown"},
        {"kid": None},
        {"jwk": KEY.as_dict(private=False)},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/x5u"},
    ],
)
def test_row_2_the_header_is_exact_and_never_names_the_key(tokens: ConsentTokens, header: dict[str, Any]) -> None:
    assert refusal(tokens, f"Bearer {token(claims(), **header)}") == (401, "invalid_token")


def test_row_2_no_hmac_with_the_public_key(tokens: ConsentTokens) -> None:
    secret = OctKey.import_key(json.dumps(KEY.as_dict(private=False)).encode())
    forged = jws.serialize_compact({"alg": "HS256", "typ": "consent+jwt", "kid": "ct-1"}, json.dumps(claims()).encode(), secret)
    assert refusal(tokens, f"Bearer {forged}") == (401, "invalid_token")


def test_row_2_no_unsigned_token(tokens: ConsentTokens) -> None:
    _, payload, _ = token(claims()).split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiY29uc2VudCtqd3QiLCJraWQiOiJjdC0xIn0"  # {"alg":"none","typ":"consent+jwt","kid":"ct-1"}
    assert refusal(tokens, f"Bearer {unsigned}.{payload}.") == (401, "invalid_token")


@pytest.mark.parametrize("text", ["x", "a.b.c", "....", "é.é.é"])
def test_row_2_noise_is_not_a_token(tokens: ConsentTokens, text: str) -> None:
    assert refusal(tokens, f"Bearer {text}") == (401, "invalid_token")


def test_row_2_a_key_published_since_is_found(clock: FixedClock) -> None:
    asked: list[bool] = []

    def keys(refresh: bool) -> KeySet:
        asked.append(refresh)
        return KeySet([KEY, LATER]) if refresh else KeySet([KEY])

    checker = ConsentTokens(issuer=ISSUER, audience=AUDIENCE, keys=keys, now=clock.now)
    assert checker.check(f"Bearer {token(claims(), key=LATER)}", ASK).fields
    assert asked == [False, True]


def test_row_3_signature(tokens: ConsentTokens) -> None:
    assert refusal(tokens, f"Bearer {token(claims(), key=OTHER)}") == (401, "invalid_token")


@pytest.mark.parametrize("payload", [b"[]", b"not json", b"\xff"])
def test_row_3_the_payload_is_a_set_of_claims(tokens: ConsentTokens, payload: bytes) -> None:
    assert refusal(tokens, f"Bearer {token(payload)}") == (401, "invalid_token")


@pytest.mark.parametrize(
    "change", [{"iss": "http://localhost:9004"}, {"aud": ISSUER}, {"aud": [AUDIENCE]}, {"aud": AUDIENCE + "/"}, {"iss": None}]
)
def test_row_4_issuer_and_audience_are_exact(tokens: ConsentTokens, change: dict[str, Any]) -> None:
    assert refusal(tokens, f"Bearer {token(claims(**change))}") == (401, "invalid_token")


@pytest.mark.parametrize(("issued", "expires"), [(-200, -31), (31, 120), (0, 301), (0, 0), (10, 5), (None, 120), (0, None), (True, 120)])
def test_row_5_times(tokens: ConsentTokens, issued: int | None, expires: int | None) -> None:
    base = int(NOW.timestamp())
    times = {
        "iat": issued if issued is None or isinstance(issued, bool) else base + issued,
        "exp": None if expires is None else base + expires,
    }
    assert refusal(tokens, f"Bearer {token(claims(**times))}") == (401, "invalid_token")


def test_row_7_replay(tokens: ConsentTokens, clock: FixedClock) -> None:
    authorization = f"Bearer {token(claims())}"
    tokens.check(authorization, ASK)
    assert refusal(tokens, authorization) == (401, "token_replayed")
    clock.advance(seconds=149)
    assert refusal(tokens, authorization) == (401, "token_replayed")
    clock.advance(seconds=1)
    assert refusal(tokens, authorization) == (401, "invalid_token")


@pytest.mark.parametrize("jti", [None, "", 7])
def test_row_7_a_token_needs_an_id(tokens: ConsentTokens, jti: Any) -> None:
    assert refusal(tokens, f"Bearer {token(claims(jti=jti))}") == (401, "invalid_token")


@pytest.mark.parametrize(
    "details",
    [None, [], {}, ["x"], [{}, {}], claims()["authorization_details"] * 2],
    ids=["none", "empty", "object", "text", "two", "twice"],
)
def test_row_8_exactly_one_detail(tokens: ConsentTokens, details: Any) -> None:
    assert refusal(tokens, f"Bearer {token(claims(authorization_details=details))}") == (403, "invalid_authorization_details")


@pytest.mark.parametrize("detail", [{"type": "urn:andamio:other"}, {"type": ""}, {"surprise": 1}])
def test_row_8_known_type_and_members(tokens: ConsentTokens, detail: dict[str, Any]) -> None:
    assert refusal(tokens, f"Bearer {token(claims(detail=detail))}") == (403, "invalid_authorization_details")


@pytest.mark.parametrize(
    "detail", [{"datatypes": ["other"]}, {"datatypes": None}, {"actions": ["query"]}, {"fields": ["full_name"]}, {"fields": None}]
)
def test_row_9_scope(tokens: ConsentTokens, detail: dict[str, Any]) -> None:
    assert refusal(tokens, f"Bearer {token(claims(detail=detail))}") == (403, "scope_exceeded")


@pytest.mark.parametrize(
    "person",
    [
        {"scheme": "cl-run", "value": "22222222-2"},
        {"scheme": "sub", "value": "11111111-1"},
        {"value": "11111111-1"},
        "11111111-1",
        None,
    ],
)
def test_row_10_person(tokens: ConsentTokens, person: Any) -> None:
    assert refusal(tokens, f"Bearer {token(claims(detail={'from': person}))}") == (403, "subject_mismatch")


def test_a_refusal_says_nothing_of_the_person(tokens: ConsentTokens) -> None:
    with pytest.raises(Refusal) as refused:
        tokens.check(f"Bearer {token(claims(detail={'from': {'scheme': 'cl-run', 'value': '22222222-2'}}))}", ASK)
    assert not any(run in refused.value.detail for run in ("11111111", "22222222"))
