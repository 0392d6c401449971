"""Tables, a file a noun, each with its state table and its finders."""

from identity.models import (
    authenticator,
    client,
    client_logo,
    exchange_edge,
    grant,
    guard,
    history,
    inspected_refusal,
    interaction,
    logout_notice,
    organisation,
    person,
    proofing,
    registration,
    remote_request,
    service,
    signing_key,
    sso_session,
)
from identity.models.base import Base

metadata = Base.metadata
"""All tables of identity; importing the nouns is what fills it."""

__all__ = [
    "authenticator",
    "client",
    "client_logo",
    "exchange_edge",
    "grant",
    "guard",
    "history",
    "inspected_refusal",
    "interaction",
    "logout_notice",
    "metadata",
    "organisation",
    "person",
    "proofing",
    "registration",
    "remote_request",
    "service",
    "signing_key",
    "sso_session",
]
