"""Tables, a file a noun, each with its state table and its finders."""

from identity.models import (
    approval,
    assisted,
    authenticator,
    client,
    client_logo,
    company,
    exchange_edge,
    grant,
    guard,
    history,
    inspected_refusal,
    interaction,
    logout_notice,
    mandate,
    organisation,
    person,
    proofing,
    registration,
    remote_request,
    service,
    signing_key,
    sso_session,
    trial_person,
)
from identity.models.base import Base

metadata = Base.metadata
"""All tables of identity; importing the nouns is what fills it."""

__all__ = [
    "approval",
    "assisted",
    "authenticator",
    "client",
    "client_logo",
    "company",
    "exchange_edge",
    "grant",
    "guard",
    "history",
    "inspected_refusal",
    "interaction",
    "logout_notice",
    "mandate",
    "metadata",
    "organisation",
    "person",
    "proofing",
    "registration",
    "remote_request",
    "service",
    "signing_key",
    "sso_session",
    "trial_person",
]
