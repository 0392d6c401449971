"""PKCE.  Spec: RFC 7636, identity-oidc §2.8."""

import base64
import hashlib
import hmac
import re

from identity.errors import InvalidGrant, OAuthInvalidRequest

VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")
METHODS = ("S256",)


def s256(verifier: str) -> str:
    """Return the S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def check_challenge(challenge: str | None, method: str | None, *, required: bool) -> None:
    """Refuse an authorization request whose challenge is missing, plain or malformed (PK-2, PK-3).

    Raises: OAuthInvalidRequest.
    """
    if challenge is None:
        if required:
            raise OAuthInvalidRequest("code_challenge is required")
        if method is not None:
            raise OAuthInvalidRequest("code_challenge_method without code_challenge")
        return
    if method not in METHODS:
        raise OAuthInvalidRequest("code_challenge_method must be S256")
    if not CHALLENGE.fullmatch(challenge):
        raise OAuthInvalidRequest("malformed code_challenge")


def check_verifier(challenge: str | None, verifier: str | None) -> None:
    """Refuse a verifier that is not the one of the challenge, or has none (PK-1, PK-4, PK-5).

    Raises: InvalidGrant.  Spec: RFC 7636 §4.6, RFC 9700 §4.8.2.
    """
    if challenge is None:
        if verifier is not None:
            raise InvalidGrant("code_verifier without a code_challenge")
        return
    if verifier is None:
        raise InvalidGrant("code_verifier is missing")
    if not VERIFIER.fullmatch(verifier):
        raise InvalidGrant("malformed code_verifier")
    if not hmac.compare_digest(s256(verifier), challenge):
        raise InvalidGrant("code_verifier does not match")
