"""Read an authorization request, in the order of §2.4: client, redirect address, then what may be told to the client."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from identity.context import Identity
from identity.errors import (
    InvalidScope,
    InvalidTarget,
    OAuthError,
    OAuthInvalidRequest,
    RegistrationNotSupported,
    RequestUriNotSupported,
    UnknownClient,
    UnknownRedirectUri,
    UnsupportedResponseType,
)
from identity.models.client import PolicyName
from identity.models.client_store import KnownClient
from identity.operations import hints
from identity.standards import claims_request, discovery, grant_management, oidc_claims, redirect_uris, rfc7636, rfc8485, rfc9396
from identity.standards.rfc6749 import Parameters, parse_scope

NONCE_LENGTH_MAX = 512
STATE_LENGTH_MAX = 4_096
NOT_TAKEN: Mapping[str, type[OAuthError]] = {
    "request_uri": RequestUriNotSupported,
    "registration": RegistrationNotSupported,
}


@dataclass(frozen=True)
class ReturnAddress:
    """Where the answer goes: known once client and address are, so that errors can be told there."""

    client: KnownClient
    redirect_uri: str
    state: str | None
    response_mode: str


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request that is in order; it is stored as JSON while the person goes through the pages.

    `subject` is whom it is about (`id_token_hint`, or `sub` in `claims`); `replaces` is the grant to replace;
    `pushed` is the hash of its `request_uri`; `signed` came as a request object;
    `question` is what the wallet was asked, and `permitted_by` a blind index of whose permission of the wallet stands in the details.
    """

    client_id: str
    redirect_uri: str
    response_mode: str
    scopes: tuple[str, ...]
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    prompts: tuple[str, ...] = ()
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    acr_required: bool = False
    vectors: tuple[str, ...] = ()
    login_hint: str | None = None
    ui_locales: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    claims: dict[str, object] | None = None
    authorization_details: list[dict[str, object]] | None = None
    subject: str | None = None
    dpop_jkt: str | None = None
    offline: bool = False
    replaces: str | None = None
    pushed: str | None = None
    signed: bool = False
    question: str | None = None
    permitted_by: str | None = None

    @property
    def is_openid(self) -> bool:
        """True when an ID token is asked for; without, it is plain OAuth (AZ-17)."""
        return "openid" in self.scopes

    @property
    def can_restart(self) -> bool:
        """True when the flow can begin anew with the same parameters: what was pushed or signed counts once."""
        return self.pushed is None and not self.signed

    def as_json(self) -> dict[str, object]:
        """Return the form in which it is stored."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def as_parameters(self) -> dict[str, str]:
        """Return the parameters with which the flow can be started anew."""
        one = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "response_mode": self.response_mode,
            "scope": " ".join((*self.scopes, *(("offline_access",) if self.offline else ()))),
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": self.code_challenge,
            "code_challenge_method": "S256" if self.code_challenge else None,
            "prompt": " ".join(self.prompts),
            "max_age": None if self.max_age is None else str(self.max_age),
            "acr_values": " ".join(self.acr_values),
            "vtr": rfc8485.as_text(self.vectors) if self.vectors else None,
            "login_hint": self.login_hint,
            "ui_locales": " ".join(self.ui_locales),
            "resource": self.resources[0] if self.resources else None,
            "claims": None if self.claims is None else json.dumps(self.claims),
            "authorization_details": None if self.authorization_details is None else json.dumps(self.authorization_details),
            "dpop_jkt": self.dpop_jkt,
        }
        return {name: value for name, value in one.items() if value}


_TUPLES = ("scopes", "prompts", "acr_values", "vectors", "ui_locales", "resources")


def from_json(stored: Mapping[str, object]) -> AuthorizationRequest:
    """Return a stored request; lists become tuples again."""
    values = {name: tuple(value) if name in _TUPLES and isinstance(value, list) else value for name, value in stored.items()}
    return AuthorizationRequest(**values)  # type: ignore[arg-type]  # as_json wrote each field with its own type


def find_client(identity: Identity, parameters: Parameters) -> KnownClient:
    """Return the client that a request names, if it may send people here (AZ-2).

    Raises: OAuthInvalidRequest (a parameter twice), UnknownClient.
    """
    parameters.refuse_repeated()
    client_id = parameters.get("client_id")
    client = identity.clients.find(client_id) if client_id else None
    if client is None or "authorization_code" not in client.grant_types:
        raise UnknownClient
    return client


def read_return_address(client: KnownClient, parameters: Parameters) -> ReturnAddress:
    """Find where the answer goes; until that is known, refusals are pages (AZ-3).  Raises: UnknownRedirectUri."""
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or not redirect_uris.is_registered(redirect_uri, client.redirect_uris, native=client.native):
        raise UnknownRedirectUri
    mode = parameters.get("response_mode")
    known_mode = mode if mode in discovery.RESPONSE_MODES else discovery.RESPONSE_MODES[0]
    return ReturnAddress(client, redirect_uri, parameters.get("state"), known_mode)


def read_request(identity: Identity, address: ReturnAddress, parameters: Parameters) -> AuthorizationRequest:
    """Read the rest of the request.  Raises: OAuthError of the kind that §2.4 names, to be told to the client."""
    client = address.client
    _check_modes(parameters)
    scopes = read_scopes(client, parameters.get("scope"))
    challenge = parameters.get("code_challenge")
    rfc7636.check_challenge(challenge, parameters.get("code_challenge_method"), required=client.policy.pkce_required)
    prompts = _prompts(parameters.get("prompt"))
    claims = claims_request.parse(parameters.get("claims"))
    vectors = rfc8485.parse(parameters.get("vtr"))
    acr_values, acr_required = _levels(client, parameters.get("acr_values"), claims, vectors)
    details = rfc9396.parse(parameters.get("authorization_details"), allowed=client.authorization_details_types)
    replaces = grant_management.read(parameters, details, is_confidential=client.policy_name != PolicyName.PUBLIC)
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=address.redirect_uri,
        response_mode=address.response_mode,
        scopes=tuple(scope for scope in scopes if scope != "offline_access"),
        state=_bounded("state", address.state, STATE_LENGTH_MAX),
        nonce=_bounded("nonce", parameters.get("nonce"), NONCE_LENGTH_MAX),
        code_challenge=challenge,
        prompts=prompts,
        max_age=_max_age(parameters.get("max_age"), client.default_max_age),
        acr_values=acr_values,
        acr_required=acr_required,
        vectors=vectors,
        login_hint=_bounded("login_hint", parameters.get("login_hint"), 200),
        ui_locales=tuple((parameters.get("ui_locales") or "").split()[:8]),
        resources=read_resources(client, parameters.all("resource")),
        claims=claims,
        authorization_details=details,
        subject=_subject(identity, client, parameters.get("id_token_hint"), claims),
        dpop_jkt=_jkt(parameters.get("dpop_jkt")),
        offline="offline_access" in scopes,
        replaces=replaces,
    )


def _subject(identity: Identity, client: KnownClient, hint: str | None, claims: dict[str, object] | None) -> str | None:
    """Return whom the request is about: a hint of ours of any age, or a value for `sub` (AZ-14).  Raises: OAuthInvalidRequest."""
    named = claims_request.wished_values(claims_request.wish_for(claims, claims_request.ID_TOKEN, "sub"))
    if hint is None:
        return named[0] if named else None
    found = hints.read_hint(identity, hint)
    if found is None:
        raise OAuthInvalidRequest("id_token_hint is not a token of this server")
    hinting = identity.clients.find(found.client_id)
    if hinting is None or hinting.sector != client.sector:
        raise OAuthInvalidRequest("id_token_hint is of another client")
    return found.subject


def _levels(
    client: KnownClient, text: str | None, claims: dict[str, object] | None, vectors: tuple[str, ...]
) -> tuple[tuple[str, ...], bool]:
    """Return the levels of sign-in asked for, best first, and whether one of them must be reached (AZ-16).

    Raises: OAuthInvalidRequest for levels beside vectors of trust (§2.26).
    """
    wish = claims_request.wish_for(claims, claims_request.ID_TOKEN, "acr")
    wished = claims_request.wished_values(wish)
    if vectors:
        if text or wished:
            raise OAuthInvalidRequest("vtr and acr_values do not go together")
        return (), False
    if wished:
        return wished, wish.get("essential") is True or bool(client.default_acr_values)
    return tuple((text or "").split()[:8]) or client.default_acr_values, bool(client.default_acr_values)


def _jkt(text: str | None) -> str | None:
    if text is not None and not rfc7636.CHALLENGE.fullmatch(text):
        raise OAuthInvalidRequest("dpop_jkt is not a thumbprint")
    return text


def _check_modes(parameters: Parameters) -> None:
    mode = parameters.get("response_mode")
    if mode is not None and mode not in discovery.RESPONSE_MODES:
        raise OAuthInvalidRequest("response_mode is not offered")
    for name, refusal in NOT_TAKEN.items():
        if parameters.get(name) is not None:
            raise refusal(f"{name} is not taken")
    response_type = parameters.get("response_type")
    if response_type is None:
        raise OAuthInvalidRequest("response_type is missing")
    words = set(response_type.split())
    if words != {"code"}:
        raise UnsupportedResponseType("only response_type code is offered")


def read_scopes(client: KnownClient, text: str | None) -> tuple[str, ...]:
    """Return the scopes that are known, in the order asked; known but not granted to the client is refused (AZ-17)."""
    asked = parse_scope(text)
    if "offline_access" in asked and "refresh_token" not in client.grant_types:
        asked = tuple(scope for scope in asked if scope != "offline_access")
    known = tuple(scope for scope in asked if scope in {*oidc_claims.SCOPES, "offline_access"} or scope in client.scopes)
    refused = [scope for scope in known if scope not in client.scopes and scope != "offline_access"]
    if refused:
        raise InvalidScope(f"not granted to this client: {refused[0]}")
    if not known:
        raise InvalidScope("no scope that is known here")
    return known


def _bounded(name: str, value: str | None, length_max: int) -> str | None:
    if value is not None and len(value) > length_max:
        raise OAuthInvalidRequest(f"{name} is too long")
    return value


def _prompts(text: str | None) -> tuple[str, ...]:
    words = tuple(dict.fromkeys((text or "").split()))
    if not set(words) <= set(discovery.PROMPTS):
        raise OAuthInvalidRequest("prompt is not known")
    if "none" in words and len(words) > 1:
        raise OAuthInvalidRequest("prompt none goes with nothing else")
    return words


def _max_age(text: str | None, default: int | None) -> int | None:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise OAuthInvalidRequest("max_age is not a number of seconds")
    return int(text)


def read_resources(client: KnownClient, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Return the one resource that is asked for, if there is one.  Raises: InvalidTarget."""
    if len(asked) > 1:
        raise InvalidTarget("one resource at a time")
    if asked and asked[0] not in client.resources:
        raise InvalidTarget("not a resource of this client")
    return asked
