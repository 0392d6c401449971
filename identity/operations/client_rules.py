"""What a client is made of, and what of that breaks a rule of its policy (§2.0, RG-5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from identity.errors import InvalidClientMetadata
from identity.models.client import POLICIES, Binding, Policy, PolicyName
from identity.standards import acr, jose, oidc_claims, redirect_uris, rfc6749, rfc8705, rfc9396

LEGACY_LIFE_MAX = timedelta(days=2 * 366)


@dataclass(frozen=True)
class NewClient:
    """What a client is made of; what is left out follows from its policy."""

    client_id: str
    service_id: str
    name: str
    policy: str = PolicyName.WEB
    claims_profile: str = "standard"
    auth_method: str | None = None
    auth_alg: str | None = None
    jwks: dict[str, object] | None = field(default=None, repr=False)
    jwks_uri: str | None = None
    tls_subject: dict[str, str] | None = None
    grant_types: tuple[str, ...] | None = None
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    native: bool = False
    scopes: tuple[str, ...] = ("openid",)
    resources: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    sector: str | None = None
    id_token_alg: str = jose.SIGNING_ALGORITHMS[0]
    id_token_encryption_alg: str | None = None
    userinfo_alg: str | None = None
    introspection_alg: str | None = None
    request_object_alg: str | None = None
    authorization_details_types: tuple[str, ...] = ()
    sender_constrained: bool = False
    par_required: bool = False
    dpop_nonce_required: bool = False
    lower_case_bearer: bool = False
    default_acr_values: tuple[str, ...] = ()
    default_max_age: int | None = None
    legacy_until: datetime | None = None
    backchannel_logout_uri: str | None = None
    frontchannel_logout_uri: str | None = None
    notification_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)


def check_metadata(new: NewClient, *, now: datetime, loopback: bool) -> Policy:
    """Return the policy of a new client whose description breaks no rule of it (§2.0).  Raises: InvalidClientMetadata."""
    if new.policy not in POLICIES:
        raise InvalidClientMetadata("There is no such policy.")
    policy = POLICIES[new.policy]
    faults = (
        _credential_faults(new, policy),
        _redirect_faults(new, policy, loopback=loopback),
        _other_faults(new, now),
        _limits(new, policy),
    )
    for fault in (each for found in faults for each in found):
        raise InvalidClientMetadata(fault)
    return policy


def _credential_faults(new: NewClient, policy: Policy) -> list[str]:
    method, alg = new.auth_method or policy.auth_methods[0], new.auth_alg or "ES256"
    has_keys = new.jwks is not None or new.jwks_uri is not None
    by_key = method in {"private_key_jwt", "self_signed_tls_client_auth"}
    subject = new.tls_subject or {}
    faults = {
        f"Clients of policy {new.policy} cannot use {method}.": method not in policy.auth_methods,
        "A client has a jwks or a jwks_uri, not both.": new.jwks is not None and new.jwks_uri is not None,
        "A client that proves itself by a key has a jwks or a jwks_uri.": by_key and not has_keys,
        "Keys are of no use to a client that signs nothing.": has_keys
        and not by_key
        and new.request_object_alg is None
        and new.id_token_encryption_alg is None,
        "A jwks_uri is an https address.": new.jwks_uri is not None and redirect_uris.fault_of(new.jwks_uri) is not None,
        "tls_subject goes with tls_client_auth, and with nothing else.": (method == "tls_client_auth") != (new.tls_subject is not None),
        "tls_subject has the members kind and value.": new.tls_subject is not None
        and rfc8705.fault_of_subject(subject.get("kind", ""), subject.get("value", "")) is not None,
        f"Clients of policy {new.policy} cannot sign with {alg}.": method == "private_key_jwt" and alg not in policy.algorithms,
        "Request objects cannot be signed with that algorithm.": new.request_object_alg is not None
        and (not has_keys or new.request_object_alg not in (policy.algorithms or jose.CLIENT_ALGORITHMS)),
    }
    found = [text for text, is_so in faults.items() if is_so]
    return found or ([] if new.jwks is None else key_faults(new.jwks, alg if method == "private_key_jwt" else None))


def key_faults(jwks: Mapping[str, object], alg: str | None) -> list[str]:
    """Return what is wrong with public keys that a client registers; one of them fits its algorithm."""
    entries = jwks.get("keys")
    if (
        not isinstance(entries, list)
        or not entries
        or not all(isinstance(jwk, dict) and isinstance(jwk.get("kid"), str) for jwk in entries)
    ):
        return ["jwks needs a list of keys, each with a kid."]
    try:
        uses = [str(jwk.get("use", "sig")) for jwk in entries]
        keys = [jose.import_public(jwk, use="enc" if use == "enc" else "sig") for jwk, use in zip(entries, uses, strict=True)]
    except jose.InvalidToken as error:
        return [f"jwks: {error}."]
    keys = [key for key, use in zip(keys, uses, strict=True) if use != "enc"]
    return [] if alg is None or any(jose.fits(key, alg) for key in keys) else [f"jwks has no key for {alg}."]


def _redirect_faults(new: NewClient, policy: Policy, *, loopback: bool) -> list[str]:
    if new.native and not policy.may_be_native:
        return ["Only public clients can be native."]
    if "authorization_code" not in grants_of(new, policy):
        return ["Machines have no redirect URIs."] if new.redirect_uris or new.post_logout_redirect_uris else []
    if not new.redirect_uris:
        return ["At least one redirect URI is needed."]
    channels = [uri for uri in (new.backchannel_logout_uri, new.frontchannel_logout_uri) if uri]
    for uri in (*new.redirect_uris, *new.post_logout_redirect_uris, *channels):
        if fault := redirect_uris.fault_of(
            uri, native=new.native, loopback=loopback and not (policy.par_required and uri in new.redirect_uris)
        ):
            return [f"{uri[:200]!r} {fault}."]
    if new.sector is None and redirect_uris.sector_of(new.redirect_uris) is None:
        return ["Several hosts in the redirect URIs need a sector."]
    return []


def _other_faults(new: NewClient, now: datetime) -> list[str]:
    front, origins = new.frontchannel_logout_uri, {redirect_uris.origin_of(uri) for uri in new.redirect_uris}
    is_legacy, until, encryption = new.policy == PolicyName.LEGACY, new.legacy_until, new.id_token_encryption_alg
    known_profile = new.claims_profile == "standard" or (new.claims_profile in oidc_claims.PROFILES and is_legacy)
    faults = {
        "A client has an end date if, and only if, it is legacy.": is_legacy != (until is not None),
        "The end of a legacy client lies within the next two years.": until is not None and not now < until <= now + LEGACY_LIFE_MAX,
        "There is no such claims profile for this policy.": not known_profile,
        "A scope has characters it cannot have.": not all(rfc6749.SCOPE.fullmatch(scope) for scope in new.scopes),
        "ID tokens cannot be signed with that algorithm.": new.id_token_alg not in jose.SIGNING_ALGORITHMS,
        "ID tokens cannot be encrypted with that algorithm.": encryption not in {None, *jose.ENCRYPTION_ALGORITHMS},
        "A client whose ID tokens are encrypted has a key for that in its jwks, or a jwks_uri.": encryption is not None
        and new.jwks_uri is None
        and not any(jose.encrypts_for(key, encryption) for key in jose.read_jwks(new.jwks, use="enc").values()),
        "Addresses that people are shown are https.": any(
            uri is not None and (redirect_uris.fault_of(uri) is not None or not uri.startswith("https://"))
            for uri in (new.logo_uri, new.policy_uri, new.tos_uri)
        ),
        "A frontchannel_logout_uri has scheme, host and port of a redirect URI.": bool(front)
        and redirect_uris.origin_of(front or "") not in origins,
        "There is no such level.": not set(new.default_acr_values) <= set(acr.LEVELS),
    }
    return [text for text, is_so in faults.items() if is_so]


def grants_of(new: NewClient, policy: Policy) -> tuple[str, ...]:
    """Return the grants of a client; without a word about them the first of its policy, the others have to be asked for."""
    return policy.grant_types[:1] if new.grant_types is None else new.grant_types


def _limits(new: NewClient, policy: Policy) -> list[str]:
    """Return what a client asks for beyond its policy (§2.0)."""
    grants = grants_of(new, policy)
    strict = policy.algorithms == jose.STRICT_ALGORITHMS
    ping = new.notification_uri
    faults = {
        "A notification_uri is an https address.": ping is not None and redirect_uris.fault_of(ping) is not None,
        f"Clients of policy {new.policy} cannot use that grant.": not set(grants) <= set(policy.grant_types),
        "Refresh tokens need another grant to come from.": set(grants) == {"refresh_token"},
        "Such clients cannot have their tokens bound to a key.": new.sender_constrained and policy.binding is Binding.NEVER,
        "Answers cannot be signed with that algorithm.": not {new.userinfo_alg, new.introspection_alg} <= {None, *jose.SIGNING_ALGORITHMS},
        f"Clients of policy {new.policy} do not take RS256.": strict and "RS256" in {new.id_token_alg, new.userinfo_alg},
        "There is no such type of authorization details.": not set(new.authorization_details_types) <= set(rfc9396.TYPES),
    }
    return [text for text, is_so in faults.items() if is_so]
