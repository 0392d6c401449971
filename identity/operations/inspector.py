"""The sandbox's request inspector: what a client sent, and why it was refused (§3.11).  Nothing is kept in production."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from identity.context import Identity
from identity.errors import OAuthError
from identity.models.base import table_of
from identity.models.inspected_refusal import InspectedRefusal
from shared.problems import Problem

REFUSALS = table_of(InspectedRefusal)
SHOWN_MAX, VALUE_LENGTH_MAX = 50, 300
SHOWN_WHOLE = frozenset(
    {
        "acr_values",
        "audience",
        "client_assertion_type",
        "client_id",
        "code_challenge_method",
        "display",
        "grant_type",
        "max_age",
        "prompt",
        "redirect_uri",
        "post_logout_redirect_uri",
        "requested_expiry",
        "requested_token_type",
        "resource",
        "response_mode",
        "response_type",
        "scope",
        "subject_token_type",
        "token_type_hint",
        "ui_locales",
    }
)
"""Parameters whose values are no secrets and name nobody; of the others the length is told."""


@dataclass(frozen=True)
class Inspected:
    """A request that was refused, for whoever looks."""

    method: str
    path: str
    parameters: Mapping[str, str]
    request_id: str


def redact(name: str, value: str) -> str:
    """Return what may be shown of a parameter."""
    return value[:VALUE_LENGTH_MAX] if name in SHOWN_WHOLE else f"({len(value)} characters)"


def note_refusal(identity: Identity, client_id: str, seen: Inspected, problem: Problem) -> None:
    """Keep a refusal of a client that named itself."""
    row = {
        "id": identity.ids.uuid7(),
        "client_id": client_id[:80],
        "method": seen.method,
        "path": seen.path[:200],
        "parameters": {name: redact(name, value) for name, value in seen.parameters.items()},
        "slug": problem.slug,
        "code": problem.code if isinstance(problem, OAuthError) else problem.slug,
        "reason": _reason(problem)[:400],
        "request_id": seen.request_id[:64],
        "refused_at": identity.clock.now(),
    }
    with identity.db.begin() as connection:
        connection.execute(REFUSALS.insert().values(row))


def _reason(problem: Problem) -> str:
    told = problem.detail or problem.title
    return f"{told}: {problem.why}" if isinstance(problem, OAuthError) and problem.why else told


def list_refusals(identity: Identity, client_id: str) -> list[dict[str, object]]:
    """Return the newest refusals of a client."""
    with identity.reading() as tx:
        query = select(REFUSALS).where(REFUSALS.c.client_id == client_id).order_by(REFUSALS.c.id.desc()).limit(SHOWN_MAX)
        return [dict(row) for row in tx.connection.execute(query).mappings()]
