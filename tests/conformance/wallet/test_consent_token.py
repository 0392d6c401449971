"""The consent token and what a provider checks on it, a negative case for each row.  Spec: wallet contract §5.1, §5.2."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from wallet.standards import consent_token
from wallet.standards.consent_token import TYP, Authority, Minting, claims, mint
from wallet.standards.namespace import CONSENT_TYPE
from wallet.standards.provider_checks import Expected, Presented, StatusUnavailable, TokenRefused, check

NOW = datetime(2026, 6, 8, 16, 0, tzinfo=UTC)
KEY = ECKey.generate_key("P-256", {"kid": "ct-1"}, private=True)
OTHER = ECKey.generate_key("P-256", {"kid": "ct-1"}, private=True)
SUBJECT = {"scheme": "cl-run", "value": "11111111-1"}
WALLET, PROVIDER, PLACE = "https://wallet.example", "https://registro.example", "https://registro.example/v1/police-record"

AUTHORITY = Authority(
    type=CONSENT_TYPE,
    identifier="7f0c5c1e-0000-4000-8000-000000000001",
    subject=SUBJECT,
    to="org-a",
    location=PLACE,
    dataset_id="police-record",
    fields=("full_name", "has_record"),
    purpose="school-hiring",
    legal_basis="consent",
    agreement_id="agr-1",
    retention="P0D",
    valid_until="2027-03-31T00:00:00Z",
)
MINTING = Minting(
    issuer=WALLET,
    audience=PROVIDER,
    client_id="client-a",
    jti="X1h0p5m8m2b3Zc0pQ7r0Wg",
    txn="7f0c5c1e-0000-4000-8000-00000000aaaa",
    issued_at=NOW,
    ttl_seconds=120,
    confirmation={"jkt": "thumb"},
)


def payload(**changes: object) -> dict[str, Any]:
    return {name: value for name, value in {**claims(AUTHORITY, MINTING), **changes}.items() if value is not None}


def token(key: Any = KEY, header: Mapping[str, Any] | None = None, alg: str = "ES256", **changes: object) -> str:
    return jwt.encode({"alg": alg, "typ": TYP, "kid": "ct-1", **(header or {})}, payload(**changes), key, algorithms=[alg])


def detail(**changes: object) -> list[dict[str, Any]]:
    return [{**AUTHORITY.detail(), **changes}]


def run(
    text: str, *, scheme: str = "DPoP", now: int = 0, sensitive: bool = True, gateway: bool = False, **presented: Any
) -> Mapping[str, Any]:
    values: dict[str, Any] = {
        "authorization": f"{scheme} {text}" if text else None,
        "token_in_query": False,
        "client_id": "client-a",
        "subject": SUBJECT,
        "fields": frozenset({"full_name"}),
        "proof_thumbprint": "thumb",
    }
    checks: dict[str, Any] = {
        "first_seen": presented.pop("first_seen", lambda _jti, _until: True),
        "agreement_covers": presented.pop("agreement_covers", lambda _detail: True),
        "status": presented.pop("state_of", lambda _claims: "active"),
    }
    expected = Expected(
        issuer=WALLET,
        audience=PROVIDER,
        dataset_id="police-record",
        location=PLACE,
        now_seconds=int(NOW.timestamp()) + now,
        keys={"ct-1": KEY},
        sensitive=sensitive,
        gateway_client_ids=frozenset({"gate"}) if gateway else frozenset(),
    )
    return check(Presented(**(values | presented)), expected, **checks)


def refused(row: int, status: int, code: str, text: str, **more: Any) -> None:
    with pytest.raises(TokenRefused) as caught:
        run(text, **more)
    assert (caught.value.row, caught.value.status, caught.value.code) == (row, status, code)


@pytest.mark.rule("wallet", "§5.1")
def test_the_token_has_the_contracts_form() -> None:
    minted = mint(AUTHORITY, MINTING, key=KEY)
    header = json.loads(base64.urlsafe_b64decode(minted.split(".")[0] + "=="))
    assert header == {"alg": "ES256", "typ": "consent+jwt", "kid": "ct-1"}
    body = payload()
    assert isinstance(body["aud"], str)
    assert body["exp"] - body["iat"] == 120
    assert len(body["authorization_details"]) == 1
    assert body["authorization_details"][0].keys() <= consent_token.DETAIL_MEMBERS
    assert run(minted)["txn"] == MINTING.txn


@pytest.mark.rule("wallet", "§5.1")
@pytest.mark.parametrize("seconds", [0, -1, 301])
def test_no_token_lives_longer_than_five_minutes(seconds: int) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="300"):
        claims(AUTHORITY, replace(MINTING, ttl_seconds=seconds))


@pytest.mark.rule("wallet", "§5.2")
def test_row_1_a_token_in_the_header_and_nowhere_else() -> None:
    refused(1, 401, "invalid_request", "")
    refused(1, 401, "invalid_request", token(), token_in_query=True)
    refused(1, 401, "invalid_request", token(), scheme="Basic")


@pytest.mark.rule("wallet", "§5.2")
@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"typ": "consent-receipt+jwt"},
        {"kid": "ct-2"},
        {"jwk": KEY.as_dict(private=False)},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/cert"},
    ],
)
def test_row_2_the_header_is_ours(header: dict[str, Any]) -> None:
    refused(2, 401, "invalid_token", token(header=header))


@pytest.mark.rule("wallet", "§5.2")
def test_row_2_no_other_algorithm() -> None:
    public = json.dumps(KEY.as_dict(private=False)).encode()
    refused(2, 401, "invalid_token", token(OctKey.import_key(public), alg="HS256"))
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": TYP, "kid": "ct-1"}).encode()).decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps(payload()).encode()).decode().rstrip("=")
    refused(2, 401, "invalid_token", f"{head}.{body}.")
    for text in ("a.b.c", "....", "é", "x" * 20_000):
        refused(2, 401, "invalid_token", text)


@pytest.mark.rule("wallet", "§5.2")
def test_row_3_the_signature_is_the_wallets() -> None:
    refused(2, 401, "invalid_token", token(OTHER))
    head, _body, signature = token().split(".")
    other = base64.urlsafe_b64encode(json.dumps(payload(sub="22222222-2")).encode()).decode().rstrip("=")
    refused(2, 401, "invalid_token", f"{head}.{other}.{signature}")


@pytest.mark.rule("wallet", "§5.2")
@pytest.mark.parametrize("change", [{"iss": "https://other.example"}, {"aud": "https://other.example"}, {"aud": [PROVIDER]}, {"aud": None}])
def test_row_4_issuer_and_audience_exactly(change: dict[str, Any]) -> None:
    refused(4, 401, "invalid_token", token(**change))


@pytest.mark.rule("wallet", "§5.2")
def test_row_5_times() -> None:
    at = int(NOW.timestamp())
    refused(5, 401, "invalid_token", token(), now=150)
    assert run(token(), now=149)
    refused(5, 401, "invalid_token", token(), now=-31)
    refused(5, 401, "invalid_token", token(exp=at + 301))
    refused(5, 401, "invalid_token", token(exp=at))
    refused(5, 401, "invalid_token", token(exp="soon"))
    refused(5, 401, "invalid_token", token(iat=None))


@pytest.mark.rule("wallet", "§5.2")
def test_row_6_proof_of_possession_and_the_client() -> None:
    refused(6, 401, "invalid_dpop_proof", token(), proof_thumbprint="other")
    refused(6, 401, "invalid_dpop_proof", token(), proof_thumbprint=None)
    refused(6, 401, "invalid_dpop_proof", token(cnf=None))
    refused(6, 401, "invalid_dpop_proof", token(cnf={}))
    refused(6, 401, "client_mismatch", token(), client_id="client-b")
    assert run(token(), gateway=True, client_id="gate")
    assert run(token(), client_id=None), "the proof alone names the caller"
    refused(6, 401, "invalid_dpop_proof", token(cnf=None), gateway=True, client_id="gate")


@pytest.mark.rule("wallet", "§5.2")
def test_row_7_a_token_is_used_once() -> None:
    seen: set[str] = set()

    def first_seen(jti: str, _until: int) -> bool:
        return jti not in seen and not seen.add(jti)

    assert run(token(), first_seen=first_seen)
    refused(7, 401, "token_replayed", token(), first_seen=first_seen)
    refused(7, 401, "token_replayed", token(jti=None))


@pytest.mark.rule("wallet", "§5.2")
@pytest.mark.parametrize("details", [None, [], detail() * 2, {"type": CONSENT_TYPE}, ["x"], detail(type="payment"), detail(bulk=True)])
def test_row_8_one_detail_of_a_known_form(details: object) -> None:
    refused(8, 403, "invalid_authorization_details", token(authorization_details=details))


@pytest.mark.rule("wallet", "§5.2")
def test_row_9_only_what_the_token_reaches() -> None:
    refused(9, 403, "scope_exceeded", token(), fields=frozenset({"full_name", "salary"}))
    refused(9, 403, "scope_exceeded", token(), action="query")
    refused(9, 403, "scope_exceeded", token(authorization_details=detail(datatypes=["other"])))
    refused(9, 403, "scope_exceeded", token(authorization_details=detail(locations=["https://registro.example/v2"])))


@pytest.mark.rule("wallet", "§5.2")
def test_row_10_the_person_is_the_tokens() -> None:
    refused(10, 403, "subject_mismatch", token(), subject={"scheme": "cl-run", "value": "22222222-2"})


@pytest.mark.rule("wallet", "§5.2")
def test_row_11_the_agreement_is_in_force() -> None:
    refused(11, 403, "agreement_inactive", token(), agreement_covers=lambda _detail: False)


@pytest.mark.rule("wallet", "§5.2")
@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("withdrawn", "consent_withdrawn"),
        ("suspended", "consent_suspended"),
        ("expired", "consent_expired"),
        ("revoked", "consent_withdrawn"),
    ],
)
def test_row_12_the_consent_is_in_force(state: str, code: str) -> None:
    refused(12, 403, code, token(), state_of=lambda _claims: state)


def away(_claims: object) -> str:
    raise StatusUnavailable


@pytest.mark.rule("wallet", "§5.2")
@pytest.mark.parametrize(("sensitive", "age", "passes"), [(True, 0, False), (False, 60, True), (False, 61, False)])
def test_row_13_without_status_sensitive_data_stay(sensitive: bool, age: int, passes: bool) -> None:
    state_of: Callable[[object], str] = away
    if passes:
        assert run(token(), sensitive=sensitive, now=age, state_of=state_of)
    else:
        refused(13, 503, "status_unavailable", token(), sensitive=sensitive, now=age, state_of=state_of)
