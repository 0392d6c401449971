"""Kinds of refusal.

OAuth endpoints answer them in the form of RFC 6749 with `code`; every other address as a problem document.

```
OAuthError
├── request    OAuthInvalidRequest  UnsupportedResponseType  InvalidScope  InvalidTarget  RequestNotSupported  RequestUriNotSupported
│              RegistrationNotSupported  InvalidRequestUri  InvalidRequestObject  InvalidAuthorizationDetails
│              InvalidGrantId  InvalidDpopProof  UseDpopNonce
├── client     InvalidClient  UnauthorizedClient
├── grant      InvalidGrant  UnsupportedGrantType  UnsupportedTokenType
├── person     AccessDenied  LoginRequired  InteractionRequired  ConsentRequired  AccountSelectionRequired
│              UnmetAuthenticationRequirements
├── token      TokenMissing  InvalidToken  InsufficientScope  ResourceProofRefused  ResourceNonceNeeded
├── elsewhere  standards/remote_refusals.py
├── register   InvalidRegistrationRedirectUri  InvalidRegistrationMetadata
└── us         ServerError  TemporarilyUnavailable
```
Spec: identity-oidc §2.29, HT-5.
"""

from typing import ClassVar, Self

from shared.problems import Conflict, InvalidRequest, NotFound, Problem


class OAuthError(Problem):
    """A refusal with an error code of OAuth or OpenID Connect; `why` is what only the sandbox's inspector tells."""

    code: ClassVar[str]
    why: str = ""

    def because(self, why: str) -> Self:
        """Return the refusal with its reason for the inspector."""
        self.why = why
        return self


class OAuthInvalidRequest(OAuthError):
    """A parameter is missing, repeated or malformed."""

    code = "invalid_request"
    slug = "oauth-invalid-request"
    status = 400
    title = "The request is missing a parameter, repeats one or is malformed"


class UnsupportedResponseType(OAuthError):
    """Only `code` is given."""

    code = "unsupported_response_type"
    slug = "oauth-unsupported-response-type"
    status = 400
    title = "This response type is not offered"


class InvalidScope(OAuthError):
    """A scope that this client may not ask for."""

    code = "invalid_scope"
    slug = "oauth-invalid-scope"
    status = 400
    title = "This client may not ask for that scope"


class InvalidTarget(OAuthError):
    """An audience that is unknown, or not allowed to this client.  Spec: RFC 8707 §2."""

    code = "invalid_target"
    slug = "oauth-invalid-target"
    status = 400
    title = "This client may not ask for a token for that resource"


class RequestNotSupported(OAuthError):
    """Request objects by value are not taken."""

    code = "request_not_supported"
    slug = "oauth-request-not-supported"
    status = 400
    title = "Request objects are not taken"


class RequestUriNotSupported(OAuthError):
    """Request objects by reference are not taken."""

    code = "request_uri_not_supported"
    slug = "oauth-request-uri-not-supported"
    status = 400
    title = "Requests by reference are not taken"


class RegistrationNotSupported(OAuthError):
    """The `registration` parameter is not taken."""

    code = "registration_not_supported"
    slug = "oauth-registration-not-supported"
    status = 400
    title = "Registration inside a request is not taken"


class InvalidRequestUri(OAuthError):
    """The `request_uri` is unknown, another client's, expired, or was used to the end."""

    code = "invalid_request_uri"
    slug = "oauth-invalid-request-uri"
    status = 400
    title = "The pushed request is not there any more"


class InvalidRequestObject(OAuthError):
    """The signed request is not this client's, not for this server, or not of now.  Spec: RFC 9101 §7."""

    code = "invalid_request_object"
    slug = "oauth-invalid-request-object"
    status = 400
    title = "The signed request was refused"


class InvalidAuthorizationDetails(OAuthError):
    """A detail of a type that is unknown, not allowed, or not of its form.  Spec: RFC 9396 §5."""

    code = "invalid_authorization_details"
    slug = "oauth-invalid-authorization-details"
    status = 400
    title = "The authorization details were refused"


class InvalidGrantId(OAuthError):
    """The grant that a client names is not there, over, or not its own.  Spec: Grant Management for OAuth 2.0 -03 §4.4."""

    code = "invalid_grant_id"
    slug = "oauth-invalid-grant-id"
    status = 400
    title = "There is no such grant of this client"


class InvalidDpopProof(OAuthError):
    """The proof of a key is missing where it is needed, or does not hold.  Spec: RFC 9449 §5."""

    code = "invalid_dpop_proof"
    slug = "oauth-invalid-dpop-proof"
    status = 400
    title = "The DPoP proof was refused"


class UseDpopNonce(OAuthError):
    """The proof needs the nonce that comes with this answer.  Spec: RFC 9449 §8."""

    code = "use_dpop_nonce"
    slug = "oauth-use-dpop-nonce"
    status = 400
    title = "The DPoP proof needs the nonce of this answer"


class InvalidClient(OAuthError):
    """The client did not prove who it is."""

    code = "invalid_client"
    slug = "oauth-invalid-client"
    status = 401
    title = "The client did not prove who it is"


class UnauthorizedClient(OAuthError):
    """The client is known and may not do this."""

    code = "unauthorized_client"
    slug = "oauth-unauthorized-client"
    status = 400
    title = "This client may not use that grant"


class InvalidGrant(OAuthError):
    """The code is unknown, used, expired, or of another client."""

    code = "invalid_grant"
    slug = "oauth-invalid-grant"
    status = 400
    title = "The code cannot be exchanged"


class UnsupportedGrantType(OAuthError):
    """No such grant here."""

    code = "unsupported_grant_type"
    slug = "oauth-unsupported-grant-type"
    status = 400
    title = "This grant type is not offered"


class UnsupportedTokenType(OAuthError):
    """Tokens of this kind cannot be revoked.  Spec: RFC 7009 §2.2.1."""

    code = "unsupported_token_type"
    slug = "oauth-unsupported-token-type"
    status = 400
    title = "Tokens of this kind cannot be revoked"


class AccessDenied(OAuthError):
    """The person said no."""

    code = "access_denied"
    slug = "oauth-access-denied"
    status = 403
    title = "The person refused"


class LoginRequired(OAuthError):
    """A page would be needed, and the request forbids pages."""

    code = "login_required"
    slug = "oauth-login-required"
    status = 400
    title = "The person has to sign in"


class InteractionRequired(OAuthError):
    """A page other than sign-in would be needed, and the request forbids pages."""

    code = "interaction_required"
    slug = "oauth-interaction-required"
    status = 400
    title = "The person has to be asked something"


class ConsentRequired(OAuthError):
    """The consent page would be needed, and the request forbids pages."""

    code = "consent_required"
    slug = "oauth-consent-required"
    status = 400
    title = "The person has to agree first"


class AccountSelectionRequired(OAuthError):
    """The chooser of accounts would be needed, and the request forbids pages."""

    code = "account_selection_required"
    slug = "oauth-account-selection-required"
    status = 400
    title = "The person has to choose an account"


class UnmetAuthenticationRequirements(OAuthError):
    """The level that this client must have was not reached."""

    code = "unmet_authentication_requirements"
    slug = "oauth-unmet-authentication-requirements"
    status = 403
    title = "The level of sign-in that this service needs was not reached"


class TokenMissing(OAuthError):
    """No token was sent: the answer names no error.  Spec: RFC 6750 §3.1."""

    code = "invalid_token"
    slug = "oauth-token-missing"
    status = 401
    title = "An access token is needed"


class InvalidToken(OAuthError):
    """The token is unknown, expired, revoked, or bound to a key that was not shown; `challenge` names the scheme to use."""

    code = "invalid_token"
    slug = "oauth-invalid-token"
    status = 401
    title = "The access token is not valid"


class ResourceProofRefused(OAuthError):
    """The proof beside an access token is missing or does not hold.  Spec: RFC 9449 §7.1."""

    code = "invalid_dpop_proof"
    slug = "oauth-resource-proof-refused"
    status = 401
    title = "The DPoP proof beside the token was refused"


class ResourceNonceNeeded(OAuthError):
    """The proof beside an access token needs the nonce that comes with this answer.  Spec: RFC 9449 §9."""

    code = "use_dpop_nonce"
    slug = "oauth-resource-nonce-needed"
    status = 401
    title = "The DPoP proof beside the token needs the nonce of this answer"


class InsufficientScope(OAuthError):
    """The token does not reach this far."""

    code = "insufficient_scope"
    slug = "oauth-insufficient-scope"
    status = 403
    title = "The access token does not reach this far"


class ServerError(OAuthError):
    """Our fault."""

    code = "server_error"
    slug = "oauth-server-error"
    status = 500
    title = "Something went wrong on our side"


class TemporarilyUnavailable(OAuthError):
    """Too much at once; try again in a moment."""

    code = "temporarily_unavailable"
    slug = "oauth-temporarily-unavailable"
    status = 503
    title = "Too busy just now"


class InvalidRegistrationRedirectUri(OAuthError):
    """A redirect address of a registration breaks a rule.  Spec: RFC 7591 §3.2.2."""

    code = "invalid_redirect_uri"
    slug = "oauth-invalid-redirect-uri"
    status = 400
    title = "A redirect address cannot be registered"


class InvalidRegistrationMetadata(OAuthError):
    """A member of a registration breaks a rule.  Spec: RFC 7591 §3.2.2."""

    code = "invalid_client_metadata"
    slug = "oauth-invalid-client-metadata"
    status = 400
    title = "The client cannot be registered like this"


class UnknownClient(Problem):
    """No such client, or one that was blocked: a page, never a redirect (AZ-2)."""

    slug = "unknown-client"
    status = 400
    title = "The service that sent you here is not registered"


class UnknownRedirectUri(Problem):
    """The return address is not registered: a page, never a redirect (AZ-3)."""

    slug = "unknown-redirect-uri"
    status = 400
    title = "The return address of the service is not registered"


class InteractionNotFound(NotFound):
    """No such login is under way in this browser (AZ-24)."""

    slug = "interaction-not-found"
    title = "This sign-in is not under way in this browser"


class InteractionExpired(Problem):
    """The login page stood open too long; `start_url` leads back to the service."""

    slug = "interaction-expired"
    status = 410
    title = "This sign-in page has expired"


class RemoteRequestNotFound(NotFound):
    """No such request waits for this person's answer."""

    slug = "remote-request-not-found"
    title = "This request is not there any more"


class LogoutNotFound(NotFound):
    """No such request to sign out."""

    slug = "logout-not-found"
    title = "This request to sign out is not known"


class RegisterNotFound(NotFound):
    """No such entry in the service register."""

    slug = "register-entry-not-found"
    title = "The register has no such entry"


class RegisterConflict(Conflict):
    """The register has that identifier already."""

    slug = "register-entry-exists"
    title = "The register has an entry of that name"


class InvalidClientMetadata(InvalidRequest):
    """The client's description breaks a rule of its policy."""

    slug = "invalid-client-metadata"
    title = "The client cannot be registered like this"
