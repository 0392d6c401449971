"""Read an authorization request, in the order of §2.4: client, redirect address, then what may be told to the client."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from identity.context import Identity
from identity.errors import (
    InvalidScope,
    InvalidTarget,
    OAuthError,
    OAuthInvalidRequest,
    RegistrationNotSupported,
    RequestNotSupported,
    RequestUriNotSupported,
    UnknownClient,
    UnknownRedirectUri,
    UnsupportedResponseType,
)
from identity.models.client_store import KnownClient
from identity.standards import discovery, oidc_claims, redirect_uris, rfc7636
from identity.standards.rfc6749 import Parameters, parse_scope

NONCE_LENGTH_MAX = 512
STATE_LENGTH_MAX = 4_096
NOT_TAKEN: Mapping[str, type[OAuthError]] = {
    "request": RequestNotSupported,
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
    """A request that is in order; it is stored as JSON while the person goes through the pages."""

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
    login_hint: str | None = None
    ui_locales: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()

    @property
    def is_openid(self) -> bool:
        """True when an ID token is asked for; without, it is plain OAuth (AZ-17)."""
        return "openid" in self.scopes

    def as_json(self) -> dict[str, object]:
        """Return the form in which it is stored."""
        return asdict(self)

    def as_parameters(self) -> dict[str, str]:
        """Return the parameters with which the flow can be started anew."""
        one = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "response_mode": self.response_mode,
            "scope": " ".join(self.scopes),
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": self.code_challenge,
            "code_challenge_method": "S256" if self.code_challenge else None,
            "prompt": " ".join(self.prompts),
            "max_age": None if self.max_age is None else str(self.max_age),
            "acr_values": " ".join(self.acr_values),
            "login_hint": self.login_hint,
            "ui_locales": " ".join(self.ui_locales),
            "resource": self.resources[0] if self.resources else None,
        }
        return {name: value for name, value in one.items() if value}


def from_json(stored: Mapping[str, object]) -> AuthorizationRequest:
    """Return a stored request; lists become tuples again."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
    return AuthorizationRequest(**values)  # type: ignore[arg-type]  # as_json wrote each field with its own type


def read_return_address(identity: Identity, parameters: Parameters) -> ReturnAddress:
    """Find client and redirect address; until both are known, refusals are pages (AZ-2, AZ-3).

    Raises: OAuthInvalidRequest (a parameter twice), UnknownClient, UnknownRedirectUri.
    """
    parameters.refuse_repeated()
    client_id, redirect_uri = parameters.get("client_id"), parameters.get("redirect_uri")
    client = identity.clients.find(client_id) if client_id else None
    if client is None or "authorization_code" not in client.policy.grant_types:
        raise UnknownClient
    if redirect_uri is None or not redirect_uris.is_registered(redirect_uri, client.redirect_uris, native=client.native):
        raise UnknownRedirectUri
    mode = parameters.get("response_mode")
    known_mode = mode if mode in discovery.RESPONSE_MODES else discovery.RESPONSE_MODES[0]
    return ReturnAddress(client, redirect_uri, parameters.get("state"), known_mode)


def read_request(address: ReturnAddress, parameters: Parameters) -> AuthorizationRequest:
    """Read the rest of the request.  Raises: OAuthError of the kind that §2.4 names, to be told to the client."""
    client = address.client
    _check_modes(parameters)
    scopes = _scopes(client, parameters.get("scope"))
    challenge = parameters.get("code_challenge")
    rfc7636.check_challenge(challenge, parameters.get("code_challenge_method"), required=client.policy.pkce_required)
    acr_values = tuple((parameters.get("acr_values") or "").split()) or client.default_acr_values
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=address.redirect_uri,
        response_mode=address.response_mode,
        scopes=scopes,
        state=_bounded("state", address.state, STATE_LENGTH_MAX),
        nonce=_bounded("nonce", parameters.get("nonce"), NONCE_LENGTH_MAX),
        code_challenge=challenge,
        prompts=_prompts(parameters.get("prompt")),
        max_age=_max_age(parameters.get("max_age"), client.default_max_age),
        acr_values=acr_values,
        acr_required=bool(client.default_acr_values),
        login_hint=_bounded("login_hint", parameters.get("login_hint"), 200),
        ui_locales=tuple((parameters.get("ui_locales") or "").split()[:8]),
        resources=_resources(client, parameters.all("resource")),
    )


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
    if response_type.split() != ["code"]:
        raise UnsupportedResponseType("only response_type code is offered")


def _scopes(client: KnownClient, text: str | None) -> tuple[str, ...]:
    """Return the scopes that are known, in the order asked; known but not granted to the client is refused (AZ-17)."""
    asked = parse_scope(text)
    known = tuple(scope for scope in asked if scope in oidc_claims.SCOPES or scope in client.scopes)
    refused = [scope for scope in known if scope not in client.scopes]
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


def _resources(client: KnownClient, asked: tuple[str, ...]) -> tuple[str, ...]:
    if len(asked) > 1:
        raise InvalidTarget("one resource at a time")
    if asked and asked[0] not in client.resources:
        raise InvalidTarget("not a resource of this client")
    return asked
