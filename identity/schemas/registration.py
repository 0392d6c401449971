"""Registrations of clients by themselves, as JSON (§2.21)."""

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from identity.errors import InvalidRegistrationMetadata
from identity.standards import jose, rfc7591
from identity.standards.rfc7591 import CODE, Metadata

FEW, URL = validate.Length(max=20), validate.Length(max=2000)
NAME_LENGTH_MAX, MEMBER_LENGTH_MAX = 200, 40


class MetadataSchema(Schema):
    """What a client may say about itself; what is not known here is ignored (RG-7)."""

    class Meta:
        """Members of other specifications do no harm."""

        unknown = EXCLUDE

    redirect_uris = fields.List(fields.String(validate=URL), load_default=list, validate=FEW)
    post_logout_redirect_uris = fields.List(fields.String(validate=URL), load_default=list, validate=FEW)
    response_types = fields.List(fields.String())
    grant_types = fields.List(fields.String(), load_default=lambda: [CODE], validate=FEW)
    token_endpoint_auth_method = fields.String(load_default="client_secret_basic")
    token_endpoint_auth_signing_alg = fields.String()
    application_type = fields.String(load_default="web", validate=validate.OneOf(("web", "native")))
    client_name = fields.String(load_default="", validate=validate.Length(max=200))
    contacts = fields.List(fields.Email(), validate=FEW)
    client_uri = fields.String(validate=URL)
    logo_uri = fields.String(validate=URL)
    policy_uri = fields.String(validate=URL)
    tos_uri = fields.String(validate=URL)
    initiate_login_uri = fields.String(validate=URL)
    scope = fields.String(load_default="openid", validate=validate.Length(max=1000))
    jwks = fields.Dict(keys=fields.String())
    jwks_uri = fields.String(validate=URL)
    subject_type = fields.String(load_default="pairwise", validate=validate.OneOf(("pairwise",)))
    sector_identifier_uri = fields.String(validate=URL)
    id_token_signed_response_alg = fields.String(load_default="RS256")
    id_token_encrypted_response_alg = fields.String(validate=validate.OneOf(jose.ENCRYPTION_ALGORITHMS))
    id_token_encrypted_response_enc = fields.String(validate=validate.OneOf((jose.CONTENT_ENCRYPTION,)))
    userinfo_signed_response_alg = fields.String()
    request_object_signing_alg = fields.String()
    backchannel_authentication_request_signing_alg = fields.String()
    backchannel_token_delivery_mode = fields.String(validate=validate.OneOf(("poll", "ping")))
    backchannel_client_notification_endpoint = fields.String(validate=URL)
    default_max_age = fields.Integer(strict=True, validate=validate.Range(min=0, max=10**9))
    default_acr_values = fields.List(fields.String(), validate=FEW)
    require_auth_time = fields.Boolean()
    dpop_bound_access_tokens = fields.Boolean(load_default=False)
    require_pushed_authorization_requests = fields.Boolean(load_default=False)
    authorization_details_types = fields.List(fields.String(), validate=FEW)
    backchannel_logout_uri = fields.String(validate=URL)
    backchannel_logout_session_required = fields.Boolean()
    frontchannel_logout_uri = fields.String(validate=URL)
    frontchannel_logout_session_required = fields.Boolean()


def read(document: object) -> Metadata:
    """Read a registration, defaults filled in.  Raises: InvalidRegistrationMetadata, InvalidRegistrationRedirectUri."""
    if not isinstance(document, dict):
        raise InvalidRegistrationMetadata("send a JSON object")
    plain = {name: value for name, value in document.items() if value is not None and value != "" and "#" not in name}
    try:
        values: dict[str, Any] = MetadataSchema().load(plain)  # each member of its own type
    except ValidationError as error:
        member = next(iter(error.messages), "the registration") if isinstance(error.messages, dict) else "the registration"
        raise InvalidRegistrationMetadata(f"{member} is not valid") from None
    if "id_token_encrypted_response_alg" in values:  # the default of the standard, A128CBC-HS256, is not offered
        values.setdefault("id_token_encrypted_response_enc", jose.CONTENT_ENCRYPTION)
    values.setdefault("response_types", ["code"] if CODE in values["grant_types"] else [])
    found = Metadata(values, dict(_names(document)))
    rfc7591.check(found)
    return found


def _names(document: dict[str, object]) -> list[tuple[str, str]]:
    """Return the names in other languages, such as `client_name#es`."""
    return [
        (member.partition("#")[2], value)
        for member, value in document.items()
        if member.startswith("client_name#")
        and isinstance(value, str)
        and len(value) <= NAME_LENGTH_MAX
        and len(member) <= MEMBER_LENGTH_MAX
    ]
