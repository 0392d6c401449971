"""Refusals of requests that a person answers elsewhere.  Spec: RFC 8628 §3.5, OpenID Connect CIBA Core 1.0 §11, §13."""

from identity.errors import OAuthError


class AuthorizationPending(OAuthError):
    """The person has not answered yet.  Spec: RFC 8628 §3.5."""

    code = "authorization_pending"
    slug = "oauth-authorization-pending"
    status = 400
    title = "The person has not answered yet"


class SlowDown(OAuthError):
    """The client asks too often; the interval is longer from now on.  Spec: RFC 8628 §3.5."""

    code = "slow_down"
    slug = "oauth-slow-down"
    status = 400
    title = "The client asks too often"


class ExpiredToken(OAuthError):
    """The person did not answer in time.  Spec: RFC 8628 §3.5."""

    code = "expired_token"
    slug = "oauth-expired-token"
    status = 400
    title = "The person did not answer in time"


class GrantDenied(OAuthError):
    """The person said no on their own device."""

    code = "access_denied"
    slug = "oauth-grant-denied"
    status = 400
    title = "The person refused on their own device"


class UnknownUserId(OAuthError):
    """Nobody is known by that hint; told only to clients that may ask.  Spec: CIBA Core §13."""

    code = "unknown_user_id"
    slug = "oauth-unknown-user-id"
    status = 400
    title = "Nobody is known by that hint"


class InvalidBindingMessage(OAuthError):
    """The words for both sides are too long or cannot be shown.  Spec: CIBA Core §13."""

    code = "invalid_binding_message"
    slug = "oauth-invalid-binding-message"
    status = 400
    title = "The binding message cannot be shown"
