"""Access tokens that are bound to a key: at a resource, whoever shows one shows the key too.  Spec: RFC 9449 §7, RFC 8705 §3."""

from typing import TYPE_CHECKING

from flask import request
from redis.exceptions import RedisError

from shared import certificates, dpop
from shared.auth import Caller
from shared.problems import NotAuthenticated, Unavailable

if TYPE_CHECKING:
    from shared.context import Context

USED_KEY = "andamio:dpop:"
ALGS = " ".join(dpop.ALGORITHMS)


def shown_token() -> tuple[str, str]:
    """Return scheme (`bearer` or `dpop`) and access token of the present request.  Raises: NotAuthenticated.  Spec: RFC 6750 §2.1."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in {"bearer", "dpop"} or not token.strip():
        raise NotAuthenticated("Send an access token in the Authorization header.", headers={"WWW-Authenticate": "Bearer"})
    return scheme.lower(), token.strip()


def check_holder(context: "Context", caller: Caller, scheme: str, token: str) -> None:
    """Refuse a bound token without proof of its key, and an unbound one that is shown as bound.  Raises: NotAuthenticated, Unavailable."""
    cnf = caller.claims.get("cnf") or {}
    if not isinstance(cnf, dict) or set(cnf) - {"jkt", "x5t#S256"}:
        raise _refused("invalid_token", "the token is bound in a way not known here")
    if "x5t#S256" in cnf:
        _check_certificate(context, cnf["x5t#S256"])
    if (scheme == "dpop") != ("jkt" in cnf):
        raise _refused("invalid_token", "the token is shown under the wrong scheme")
    if "jkt" not in cnf:
        return
    now, uri = context.clock.now().timestamp(), context.settings.public_url + request.path
    try:
        proof = dpop.check_proof(request.headers.get("DPoP", ""), method=request.method, uris=(uri,), now=now, access_token=token)
    except dpop.InvalidProof as error:
        raise _refused("invalid_dpop_proof", str(error)) from None
    if proof.jkt != cnf["jkt"]:
        raise _refused("invalid_dpop_proof", "the proof is of another key than the token")
    _use(context, proof)


def _check_certificate(context: "Context", wanted: object) -> None:
    """Refuse a token without the certificate that it is bound to.  Raises: NotAuthenticated.  Spec: RFC 8705 §3."""
    try:
        shown = certificates.shown_certificate(context.settings)
    except certificates.InvalidCertificate as error:
        raise _refused("invalid_token", str(error)) from None
    if shown is None or not certificates.is_valid_at(shown, context.clock.now()):
        raise _refused("invalid_token", "the token is bound to a certificate: come with it to the address that asks for certificates")
    if certificates.thumbprint(shown) != wanted:
        raise _refused("invalid_token", "the token is bound to another certificate")


def _use(context: "Context", proof: dpop.Proof) -> None:
    """Take a proof once; without the store that says so it is not taken at all.  Raises: NotAuthenticated, Unavailable."""
    seconds = dpop.PAST_SECONDS + dpop.FUTURE_SECONDS + 1
    try:
        is_new = context.redis.set(f"{USED_KEY}{context.service}:{proof.fingerprint}", b"1", nx=True, ex=seconds)
    except RedisError:
        raise Unavailable("Proofs cannot be checked just now.") from None
    if not is_new:
        raise _refused("invalid_dpop_proof", "the proof was used before")


def _refused(code: str, why: str) -> NotAuthenticated:
    challenge = f'DPoP error="{code}", error_description="{why}", algs="{ALGS}"'
    return NotAuthenticated(f"The access token was refused: {why}.", headers={"WWW-Authenticate": challenge})
