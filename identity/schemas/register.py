"""Entries of the service register as JSON."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from identity.models.client import PolicyName
from identity.models.organisation import OrganisationKind, Role
from identity.models.service import ReleaseBasis, Stage
from identity.operations.client_rules import NewClient
from identity.operations.onboarding import Wish
from identity.standards.oidc_claims import PROFILES
from shared.run import InvalidRun, parse_run

IDENTIFIER = validate.Regexp(r"^[a-z0-9][a-z0-9._-]{1,78}[a-z0-9]$", error="Small letters, digits, dots and hyphens, 3 to 80 characters.")
TEXT = validate.Length(min=1, max=200)
FEW = validate.Length(max=50)
LANGUAGE = fields.String(validate=validate.Regexp(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", error="A language tag."))
CHANNELS = ("web", "mobile", "phone", "counter", "kiosk", "letter", "chat")
"""The channels of a service (CH-4)."""


class RunField(fields.String):
    """A RUN as people write it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # marshmallow's own types
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return parse_run(text)
        except InvalidRun as error:
            raise self.make_error("invalid") from error

    default_error_messages = {"invalid": "Check the RUN and the digit after the hyphen."}  # noqa: RUF012 - marshmallow's own name


class OrganisationSchema(Schema):
    """A body that runs services."""

    org_id = fields.String(required=True, validate=IDENTIFIER)
    name = fields.String(required=True, validate=TEXT)
    kind = fields.String(required=True, validate=validate.OneOf(list(OrganisationKind)))
    contact_email = fields.Email(required=True)


class ServiceSchema(Schema):
    """A service of an organisation."""

    service_id = fields.String(required=True, validate=IDENTIFIER)
    org_id = fields.String(required=True, validate=IDENTIFIER)
    name = fields.String(required=True, validate=TEXT)
    purpose = fields.String(required=True, validate=validate.Length(min=1, max=1000))
    stage = fields.String(load_default=Stage.TRIAL.value, validate=validate.OneOf(list(Stage)))
    release_basis = fields.String(load_default=ReleaseBasis.CONSENT.value, validate=validate.OneOf(list(ReleaseBasis)))
    start_url = fields.Url(required=True, require_tld=False, schemes={"http", "https"})
    contact_email = fields.Email(required=True)


class ClientSchema(Schema):
    """A client of a service; its rules are checked by the operation."""

    client_id = fields.String(required=True, validate=IDENTIFIER)
    service_id = fields.String(required=True, validate=IDENTIFIER)
    name = fields.String(required=True, validate=TEXT)
    policy = fields.String(load_default=PolicyName.WEB.value, validate=validate.OneOf(list(PolicyName)))
    claims_profile = fields.String(load_default="standard", validate=validate.OneOf(PROFILES))
    auth_method = fields.String()
    auth_alg = fields.String()
    jwks = fields.Dict(keys=fields.String())
    jwks_uri = fields.String(validate=validate.Length(max=2000))
    tls_subject = fields.Dict(keys=fields.String(), values=fields.String())
    grant_types = fields.List(fields.String(), validate=FEW)
    redirect_uris = fields.List(fields.String(), load_default=list, validate=FEW)
    post_logout_redirect_uris = fields.List(fields.String(), load_default=list, validate=FEW)
    native = fields.Boolean(load_default=False)
    scopes = fields.List(fields.String(), load_default=lambda: ["openid"], validate=validate.Length(min=1, max=50))
    resources = fields.List(fields.String(), load_default=list, validate=FEW)
    audiences = fields.List(fields.String(), load_default=list, validate=FEW)
    sector = fields.String(validate=validate.Length(min=1, max=255))
    id_token_alg = fields.String()
    id_token_encryption_alg = fields.String()
    userinfo_alg = fields.String()
    introspection_alg = fields.String()
    request_object_alg = fields.String()
    authorization_details_types = fields.List(fields.String(), load_default=list, validate=FEW)
    sender_constrained = fields.Boolean(load_default=False)
    par_required = fields.Boolean(load_default=False)
    dpop_nonce_required = fields.Boolean(load_default=False)
    default_acr_values = fields.List(fields.String(), load_default=list, validate=FEW)
    default_max_age = fields.Integer(strict=True, validate=validate.Range(min=0))
    legacy_until = fields.AwareDateTime()
    backchannel_logout_uri = fields.String()
    frontchannel_logout_uri = fields.String()
    notification_uri = fields.String()
    logo_uri = fields.String(validate=validate.Length(max=2000))
    policy_uri = fields.String(validate=validate.Length(max=2000))
    tos_uri = fields.String(validate=validate.Length(max=2000))
    names = fields.Dict(keys=LANGUAGE, values=fields.String(validate=TEXT), load_default=dict, validate=validate.Length(max=10))

    @post_load
    def make(self, values: dict[str, Any], **_: object) -> NewClient:
        """Return the operation's own type; lists become tuples."""
        named: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return NewClient(**named)


class ExchangeEdgeSchema(Schema):
    """From which audience to which a client may exchange tokens, with which scopes at most."""

    from_audience = fields.String(required=True, validate=validate.Length(min=1, max=2000))
    to_audience = fields.String(required=True, validate=validate.Length(min=1, max=2000))
    scopes = fields.List(fields.String(), required=True, validate=validate.Length(min=1, max=50))


class MemberSchema(Schema):
    """A person's role in an organisation."""

    org_id = fields.String(required=True, validate=IDENTIFIER)
    run = RunField(required=True)
    role = fields.String(required=True, validate=validate.OneOf(list(Role)))
    expires_at = fields.AwareDateTime(load_default=None)


class OnboardingSchema(Schema):
    """All that a team tells to get everything (ON-2): eight fields by hand, and the public key its machine made."""

    org_id = fields.String(load_default=None, validate=IDENTIFIER)
    organisation = fields.String(required=True, validate=TEXT)
    kind = fields.String(required=True, validate=validate.OneOf(list(OrganisationKind)))
    contact_email = fields.Email(required=True)
    service = fields.String(required=True, validate=TEXT)
    purpose = fields.String(required=True, validate=validate.Length(min=1, max=1000))
    owner = fields.String(required=True, validate=TEXT)
    legal_basis = fields.String(load_default="", validate=validate.Length(max=500))
    channels = fields.List(fields.String(validate=validate.OneOf(CHANNELS)), load_default=lambda: ["web"], validate=FEW)
    start_url = fields.Url(required=True, require_tld=False, schemes={"http", "https"})
    redirect_uri = fields.Url(required=True, require_tld=False, schemes={"http", "https"})
    jwk = fields.Dict(keys=fields.String(), required=True)

    @post_load
    def make(self, values: dict[str, Any], **_: object) -> Wish:
        """Return the operation's own type."""
        return Wish(**{**values, "channels": tuple(values["channels"])})
