"""The history of an account, found by RUN; an account that is not there has none."""

from identity.context import Identity
from identity.models.finders import find_active_facts, find_credentials
from identity.operations.history import Row, read
from shared.run import Run


def history_of(identity: Identity, run: Run) -> tuple[list[Row], str | None]:
    """Return the newest rows and the confirmed e-mail address."""
    with identity.reading() as tx:
        found = find_credentials(tx.connection, identity.cipher, run)
        facts = find_active_facts(tx.connection, identity.cipher, found.person_id) if found else None
    if found is None or facts is None:
        return [], None
    return read(identity, found.person_id), facts.email if facts.email_verified else None
