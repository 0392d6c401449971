"""Signing and verifying compact JWTs with algorithms of our own table.  Spec: RFC 7515, 7519, 8725, identity-oidc KY-5."""

import base64
import binascii
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key

SIZE_MAX = 16 * 1024
SIGNING_ALGORITHMS = ("ES256", "RS256")
"""What our own tokens are signed with."""
CLIENT_ALGORITHMS = ("ES256", "PS256", "RS256", "EdDSA", "Ed25519")
"""What clients may sign with: assertions and request objects.  `EdDSA` and `Ed25519` are two names of one thing (RFC 9864)."""
STRICT_ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")
"""The same for the policies that follow FAPI 2."""
EDWARDS = frozenset({"EdDSA", "Ed25519"})
ENCRYPTION_ALGORITHMS = ("RSA-OAEP-256", "ECDH-ES")
CONTENT_ENCRYPTION = "A256GCM"
"""Ways to encrypt for a client, by its public key; the content always by this one (ID-6)."""
RSA_BITS = 2048
KEYS_MAX = 32
"""So many keys of one client are looked at."""


class InvalidToken(ValueError):
    """The text is no JWT of the kind asked for, or its signature does not hold."""


@dataclass(frozen=True)
class Header:
    """What a JWS header says: only for choosing a key, nothing in it is trusted yet."""

    alg: str
    kid: str | None
    typ: str | None


def _part(text: str) -> dict[str, object]:
    try:
        value = json.loads(base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidToken("malformed") from None
    if not isinstance(value, dict):
        raise InvalidToken("malformed")
    return value


def read_header(token: str) -> Header:
    """Read the header of a compact JWS.

    Raises: InvalidToken for other forms, over 16 KiB, or members that would change its meaning (`crit`, `b64`, `zip`).
    """
    if len(token) > SIZE_MAX or token.count(".") != 2:
        raise InvalidToken("malformed")
    header = _part(token.split(".", 1)[0])
    if {"crit", "b64", "zip"} & header.keys():
        raise InvalidToken("header member not taken")
    alg, kid, typ = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(alg, str) or not isinstance(kid, str | None) or not isinstance(typ, str | None):
        raise InvalidToken("malformed")
    return Header(alg, kid, typ)


def read_unverified(token: str, claim: str) -> object:
    """Return one claim of a token nobody has verified yet, to find out which key to ask.  Raises: InvalidToken."""
    read_header(token)
    return _part(token.split(".")[1]).get(claim)


def read_claim(token: str, claim: str) -> object:
    """Return one claim of a token of our own that was found by its hash, or None where it has none."""
    try:
        return read_unverified(token, claim)
    except InvalidToken:
        return None


def sign(claims: Mapping[str, object], *, key: Key, alg: str, kid: str, typ: str = "JWT") -> str:
    """Return the claims as a signed compact JWT."""
    return jwt.encode({"alg": alg, "kid": kid, "typ": typ}, dict(claims), key, algorithms=[alg])


def verify(
    token: str, find_key: Callable[[Header], Key | None], *, algorithms: Collection[str], types: Collection[str]
) -> dict[str, object]:
    """Return the claims of a token whose algorithm, type and signature hold; time and audience are not looked at.

    `types` are the accepted `typ` values in lower case; "" stands for an absent one.  Raises: InvalidToken.
    """
    header = read_header(token)
    if header.alg not in algorithms:
        raise InvalidToken("algorithm not accepted")
    if (header.typ or "").lower().removeprefix("application/") not in types:
        raise InvalidToken("type not accepted")
    key = find_key(header)
    if key is None:
        raise InvalidToken("key not known")
    try:
        return dict(jwt.decode(token, key, algorithms=[header.alg]).claims)
    except (JoseError, ValueError, RecursionError):
        raise InvalidToken("signature does not hold") from None


def generate_key(alg: Literal["ES256", "RS256"] | str) -> Key:
    """Return a new private key for one of our algorithms."""
    return ECKey.generate_key("P-256", private=True) if alg == "ES256" else RSAKey.generate_key(RSA_BITS, private=True)


def public_jwk(key: Key, *, alg: str, kid: str) -> dict[str, object]:
    """Return the public half as it stands in a JWKS, with `use` and `alg` (KY-2)."""
    return {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": alg}


PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def import_public(jwk: Mapping[str, object], *, use: str = "sig") -> Key:
    """Read a client's public key for signatures, or with `use` "enc" for encryption.

    Raises: InvalidToken for private or symmetric keys, RSA under 2048 bits, and curves under P-256 (RG-5).
    """
    if PRIVATE_MEMBERS & jwk.keys():
        raise InvalidToken("only public keys are taken")
    if jwk.get("use", use) != use:
        raise InvalidToken("the key is for another use")
    try:
        key = import_key({name: value for name, value in jwk.items() if isinstance(value, str)})
    except (JoseError, ValueError, TypeError, KeyError):
        raise InvalidToken("key cannot be read") from None
    if isinstance(key, RSAKey) and key.public_key.key_size < RSA_BITS:
        raise InvalidToken("RSA keys need 2048 bits")
    if not isinstance(key, RSAKey | ECKey | OKPKey):
        raise InvalidToken("key type not taken")
    return key


def fits(key: Key, alg: str) -> bool:
    """Answer whether a key is of the kind that an algorithm needs."""
    if isinstance(key, ECKey):
        return alg == "ES256" and key.curve_name == "P-256"
    if isinstance(key, RSAKey):
        return alg in {"RS256", "PS256"}
    return alg in EDWARDS and isinstance(key, OKPKey) and key.curve_name == "Ed25519"


def names_of(alg: str) -> tuple[str, ...]:
    """Return the names under which a registered algorithm may stand in a header."""
    return tuple(sorted(EDWARDS)) if alg in EDWARDS else (alg,)


def read_jwks(jwks: object, *, use: str = "sig") -> dict[str, Key]:
    """Return the keys of a client's JWKS for one use by `kid`, or by thumbprint without one; what cannot be used is left out."""
    entries = jwks.get("keys") if isinstance(jwks, dict) else None
    found: dict[str, Key] = {}
    for jwk in entries[:KEYS_MAX] if isinstance(entries, list) else []:
        try:
            key = import_public(jwk, use=use) if isinstance(jwk, dict) else None
        except InvalidToken:
            continue
        if key is not None:
            found[str(jwk.get("kid") or key.thumbprint())] = key
    return found


def encrypts_for(key: Key, alg: str) -> bool:
    """Answer whether a public key is of the kind that an encryption algorithm needs."""
    if isinstance(key, RSAKey):
        return alg == "RSA-OAEP-256"
    is_curve = isinstance(key, ECKey) or (isinstance(key, OKPKey) and key.curve_name == "X25519")
    return alg == "ECDH-ES" and is_curve


def encrypt(signed: str, *, key: Key, alg: str, kid: str) -> str:
    """Return a signed JWT inside a compact JWE.  Spec: RFC 7516, RFC 7519 §5.2, OpenID Connect Core §10.2."""
    header = {"alg": alg, "enc": CONTENT_ENCRYPTION, "cty": "JWT", "kid": kid}
    return jwe.encrypt_compact(header, signed.encode(), key, algorithms=[alg, CONTENT_ENCRYPTION])
