"""Periodic work: keys, and rows whose time is over."""

from datetime import timedelta

from sqlalchemy import update

from identity.context import Identity
from identity.models.base import table_of
from identity.models.grant import AccessToken, AuthorizationCode, UsedAssertion
from identity.models.interaction import OPEN, Interaction, InteractionState, LogoutRequest
from identity.operations import keys
from identity.operations.throttles import THROTTLES
from shared.chores import with_chores
from shared.tasks import Jobs

jobs: Jobs[Identity] = with_chores(Jobs())
INTERACTIONS = table_of(Interaction)
KEPT_AFTERWARDS = timedelta(days=1)
THROTTLES_KEPT = timedelta(days=365)


@jobs.every(300, "tend_keys")
def tend_keys(identity: Identity) -> None:
    """Publish, activate, retire and remove signing keys as their time comes."""
    keys.tend_keys(identity)


@jobs.every(300, "clear_expired")
def clear_expired(identity: Identity) -> None:
    """Mark interactions that ran out, and remove rows that nothing asks for any more.

    Codes stay a day beyond their life, so that reuse is still found; failed sign-ins a year, since they count in a row.
    """
    now = identity.clock.now()
    with identity.db.begin() as connection:
        over = INTERACTIONS.c.state.in_(OPEN) & (INTERACTIONS.c.expires_at <= now)
        connection.execute(update(INTERACTIONS).where(over).values(state=InteractionState.EXPIRED))
        connection.execute(INTERACTIONS.delete().where(INTERACTIONS.c.expires_at <= now - KEPT_AFTERWARDS))
        for model in (AuthorizationCode, AccessToken, UsedAssertion, LogoutRequest):
            table = table_of(model)
            kept = timedelta(0) if model is UsedAssertion else KEPT_AFTERWARDS
            connection.execute(table.delete().where(table.c.expires_at <= now - kept))
        connection.execute(THROTTLES.delete().where(THROTTLES.c.updated_at <= now - THROTTLES_KEPT))
