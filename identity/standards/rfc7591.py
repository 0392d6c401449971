"""Client metadata as clients send them.

Spec: RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2, identity-oidc §2.21.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from identity.errors import InvalidRegistrationMetadata, InvalidRegistrationRedirectUri
from identity.standards import redirect_uris

CODE, REFRESH, DEVICE = "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"
MACHINE, CIBA = "client_credentials", "urn:openid:params:grant-type:ciba"
SHOWN_URLS = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
HTTPS_ONLY = (*SHOWN_URLS, "initiate_login_uri", "sector_identifier_uri", "jwks_uri", "backchannel_client_notification_endpoint")


@dataclass(frozen=True)
class Metadata:
    """What a client said, checked as far as that goes without looking at anything else; `names` has other languages."""

    values: Mapping[str, Any]  # each of its own type, defaults filled in
    names: Mapping[str, str] = field(default_factory=dict)

    def text(self, member: str) -> str | None:
        """Return a member that is a text."""
        value = self.values.get(member)
        return value if isinstance(value, str) else None

    def texts(self, member: str) -> tuple[str, ...]:
        """Return a member that is a list of texts."""
        return tuple(self.values.get(member) or ())

    def shown(self) -> dict[str, object]:
        """Return all members as they are read back, defaults filled in (RG-2)."""
        return {**self.values, **{f"client_name#{language}": name for language, name in self.names.items()}}


def check(found: Metadata) -> None:
    """Check what the members say together.  Raises: InvalidRegistrationMetadata, InvalidRegistrationRedirectUri."""
    uses_code = CODE in found.texts("grant_types")
    faults = {
        "response_types and grant_types do not fit one another": tuple(found.texts("response_types")) != (("code",) if uses_code else ()),
        "jwks and jwks_uri go not together": "jwks" in found.values and "jwks_uri" in found.values,
        "id_token_encrypted_response_enc goes with id_token_encrypted_response_alg": "id_token_encrypted_response_enc" in found.values
        and "id_token_encrypted_response_alg" not in found.values,
        "redirect_uris go with the grant authorization_code": bool(found.texts("redirect_uris")) and not uses_code,
    }
    for text, is_so in faults.items():
        if is_so:
            raise InvalidRegistrationMetadata(text)
    if uses_code and not found.texts("redirect_uris"):
        raise InvalidRegistrationRedirectUri("redirect_uris is missing")
    for member in HTTPS_ONLY:
        uri = found.text(member)
        if uri is not None and (redirect_uris.fault_of(uri) is not None or not uri.startswith("https://")):
            raise InvalidRegistrationMetadata(f"{member} must be an https address")


def check_redirect_uris(found: Metadata, *, loopback: bool) -> None:
    """Refuse redirect addresses that break the rules (RG-3).  Raises: InvalidRegistrationRedirectUri."""
    native = found.text("application_type") == "native" and found.text("token_endpoint_auth_method") == "none"
    for uri in (*found.texts("redirect_uris"), *found.texts("post_logout_redirect_uris")):
        fault = redirect_uris.fault_of(uri, native=native, loopback=loopback)
        if fault or redirect_uris.is_ip(uri, loopback=native or loopback):
            raise InvalidRegistrationRedirectUri(fault or "must have a name for a host, not an address")


def policy_of(found: Metadata) -> str:
    """Return the policy under which a client comes that describes itself like this (§2.0)."""
    grants, method = set(found.texts("grant_types")), found.text("token_endpoint_auth_method")
    if method == "none":
        return "public"
    if CIBA in grants:
        return "channel"
    if grants == {MACHINE}:
        return "machine"
    strict = found.values.get("require_pushed_authorization_requests") and found.values.get("dpop_bound_access_tokens")
    return "fapi2" if strict and method == "private_key_jwt" else "web"
