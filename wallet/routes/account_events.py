"""`/events`: identity tells what happened to an account.  Spec: RFC 8935 §2; wallet contract §11."""

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from shared.access import PUBLIC
from shared.auth import ALGORITHMS, KeysUnavailable
from shared.problems import Unavailable
from shared.routes import Routes
from wallet.context import Wallet, current
from wallet.operations.accounts import take_event
from wallet.standards.account_events import MEDIA_TYPE, TYP, AccountEvent, SetRefused, read_event

BYTES_MAX = 16_384
bp = Routes("account_events", __name__, access=PUBLIC)


@bp.post("/events")
def receive() -> ResponseReturnValue:
    """Take one signed event; its signature says who sent it, and a repeat does nothing."""
    wallet = current()
    try:
        take_event(wallet, _read(wallet))
    except SetRefused as refused:
        return jsonify({"err": refused.code, "description": refused.description}), 400
    return "", 202


def _read(wallet: Wallet) -> AccountEvent:
    """Return the event of the present request.  Raises: SetRefused, Unavailable."""
    token = request.get_data(cache=False)
    if request.mimetype != MEDIA_TYPE or not token or len(token) > BYTES_MAX:
        raise SetRefused("invalid_request", f"Send one event as {MEDIA_TYPE}.")
    try:
        header = extract_compact(token).headers()
    except (JoseError, ValueError, UnicodeError):
        raise SetRefused("invalid_request", "This is not a signed token.") from None
    if header.get("typ") != TYP or header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
        raise SetRefused("invalid_key", "The event is signed in a way not taken here.")
    try:
        claims = jwt.decode(token.decode(), wallet.issuer_keys.find(header["kid"]), algorithms=ALGORITHMS).claims
    except (JoseError, ValueError):
        raise SetRefused("authentication_failed", "The signature is not identity's.") from None
    except KeysUnavailable:
        raise Unavailable("The keys of identity cannot be had just now.") from None
    return read_event(claims, issuer=wallet.settings.issuer, audience=wallet.settings.public_url)
