"""What a provider checks on a consent token before it answers, in the contract's order.  Spec: wallet contract §5.2.

A provider uses this as it stands: `check(presented, expected, …)` returns the token's claims or raises TokenRefused with the status
and code of the row that failed.  Where its keys, its memory of tokens seen and the wallet's status come from is its own affair.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import ECKey

from wallet.standards import consent_token, signing

SKEW_SECONDS = 30
UNCHECKED_AGE_SECONDS_MAX = 60
STATUS_REFUSALS = {"withdrawn": "consent_withdrawn", "suspended": "consent_suspended", "expired": "consent_expired"}


class TokenRefused(Exception):
    """One row of the table failed; `row` is its number."""

    def __init__(self, row: int, status: int, code: str) -> None:
        super().__init__(f"{code} (check {row})")
        self.row, self.status, self.code = row, status, code


class StatusUnavailable(Exception):
    """The wallet's status cannot be asked just now."""


@dataclass(frozen=True, kw_only=True)
class Presented:
    """One call as it came to the provider."""

    authorization: str | None
    token_in_query: bool
    client_id: str | None
    """The client that was authenticated beside the proof of possession; None where the proof is all there is."""
    subject: Mapping[str, str]
    fields: frozenset[str]
    action: str = "read"
    proof_thumbprint: str | None = None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What this provider is, and what it knows."""

    issuer: str
    audience: str
    dataset_id: str
    location: str
    now_seconds: int
    keys: Mapping[str, ECKey]
    sensitive: bool
    gateway_client_ids: frozenset[str] = field(default_factory=frozenset)
    """Clients that call in the gate's name, for the recipient that the token names."""


def check(
    presented: Presented,
    expected: Expected,
    *,
    first_seen: Callable[[str, int], bool],
    agreement_covers: Callable[[Mapping[str, Any]], bool],
    status: Callable[[Mapping[str, Any]], str],
) -> Mapping[str, Any]:
    """Return the claims of a token that passes every row.

    `first_seen(jti, keep_until)` answers whether this is the first time; `agreement_covers(detail)` whether the agreement
    is active and covers it; `status(claims)` returns the state of what the token rests on, or raises StatusUnavailable.
    Raises: TokenRefused.
    """
    claims = _read(presented, expected)
    _check_times(claims, expected.now_seconds)
    _check_possession(claims, presented, expected)
    if not isinstance(claims.get("jti"), str) or not first_seen(claims["jti"], claims["exp"] + SKEW_SECONDS):
        raise TokenRefused(7, 401, "token_replayed")
    detail = _detail(claims)
    _check_reach(detail, presented, expected)
    if not agreement_covers(detail):
        raise TokenRefused(11, 403, "agreement_inactive")
    _check_status(claims, expected, status)
    return claims


def _read(presented: Presented, expected: Expected) -> dict[str, Any]:
    """Rows 1 to 4."""
    scheme, _, token = (presented.authorization or "").partition(" ")
    if presented.token_in_query or scheme.lower() not in {"dpop", "bearer"} or not token:
        raise TokenRefused(1, 401, "invalid_request")
    try:
        claims = signing.verify(token, keys=expected.keys, typ=consent_token.TYP)
    except signing.BadSignature:
        raise TokenRefused(2, 401, "invalid_token") from None
    if claims.get("iss") != expected.issuer or claims.get("aud") != expected.audience:  # also a list of audiences
        raise TokenRefused(4, 401, "invalid_token")
    return claims


def _check_times(claims: Mapping[str, Any], now: int) -> None:
    """Row 5."""
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(expires) is not int:
        raise TokenRefused(5, 401, "invalid_token")
    too_long = expires - issued > consent_token.LIFETIME_SECONDS_MAX or expires <= issued
    if expires <= now - SKEW_SECONDS or issued > now + SKEW_SECONDS or too_long:
        raise TokenRefused(5, 401, "invalid_token")


def _check_possession(claims: Mapping[str, Any], presented: Presented, expected: Expected) -> None:
    """Row 6."""
    confirmation = claims.get("cnf")
    thumbprint = confirmation.get("jkt") if isinstance(confirmation, dict) else None
    if thumbprint is None or thumbprint != presented.proof_thumbprint:
        raise TokenRefused(6, 401, "invalid_dpop_proof")
    if presented.client_id not in {None, claims.get("client_id"), *expected.gateway_client_ids}:
        raise TokenRefused(6, 401, "client_mismatch")


def _detail(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Row 8."""
    details = claims.get("authorization_details")
    if not isinstance(details, list) or len(details) != 1 or not isinstance(details[0], dict):
        raise TokenRefused(8, 403, "invalid_authorization_details")
    detail: dict[str, Any] = details[0]
    if detail.get("type") not in consent_token.DETAIL_TYPES or detail.keys() - consent_token.DETAIL_MEMBERS:
        raise TokenRefused(8, 403, "invalid_authorization_details")
    return detail


def _check_reach(detail: Mapping[str, Any], presented: Presented, expected: Expected) -> None:
    """Rows 9 and 10."""
    here = detail.get("datatypes") == [expected.dataset_id] and detail.get("locations") == [expected.location]
    if not here or not presented.fields <= set(detail.get("fields", [])) or presented.action not in detail.get("actions", []):
        raise TokenRefused(9, 403, "scope_exceeded")
    if detail.get("from") != dict(presented.subject):
        raise TokenRefused(10, 403, "subject_mismatch")


def _check_status(claims: Mapping[str, Any], expected: Expected, status: Callable[[Mapping[str, Any]], str]) -> None:
    """Rows 12 and 13."""
    try:
        state = status(claims)
    except StatusUnavailable:
        if expected.sensitive or expected.now_seconds - claims["iat"] > UNCHECKED_AGE_SECONDS_MAX:
            raise TokenRefused(13, 503, "status_unavailable") from None
        return
    if state != "active":
        raise TokenRefused(12, 403, STATUS_REFUSALS.get(state, "consent_withdrawn"))
