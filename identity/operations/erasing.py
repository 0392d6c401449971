"""Close an account for good: what names its person goes, receivers hear of it, and the RUN may be activated anew by its person.

What stands as proof (grants, mandates, history, the audit log) keeps its rows; what was sealed in them goes with the data key.
"""

from uuid import UUID

from sqlalchemy import select, update

from identity.context import Identity
from identity.errors import RegisterConflict, RegisterNotFound
from identity.events import Event
from identity.models.authenticator import ContactChange
from identity.models.base import table_of
from identity.models.company import CompanyLook
from identity.models.finders import DEVICES, PASSKEYS, PASSWORDS, PERSONS, TOTPS, find_credentials, person_scope, roles_of
from identity.models.grant import Release
from identity.models.mandate import EndReason
from identity.models.person import PersonState
from identity.models.recovery import Recovery
from identity.operations import account_events, mandates, security, stages
from identity.operations.mandates import MANDATES
from identity.operations.proofings import PROOFINGS
from identity.operations.second_factors import MESSAGE_CODES, RECOVERY_CODES
from shared import metrics
from shared.audit.sides import erase_subject
from shared.run import Run
from shared.transaction import Transaction

JOB = "destroy_person_key"
RELEASES = table_of(Release)
OF_ONE_PERSON = (
    *(PASSWORDS, TOTPS, PASSKEYS, RECOVERY_CODES, MESSAGE_CODES, DEVICES, PROOFINGS),
    *(table_of(ContactChange), table_of(Recovery), table_of(CompanyLook)),
)
"""What goes at once, row by row."""


def erase(identity: Identity, run: Run, *, reason: str, actor: str) -> None:
    """Erase a person by the RUN.

    Raises: RegisterNotFound for one without an account, RegisterConflict for staff, whose roles end first, and for made-up persons.
    """
    now = identity.clock.now()
    with identity.transaction() as tx:
        found = find_credentials(tx.connection, identity.cipher, run)
        if found is None:
            raise RegisterNotFound("That RUN has no account.")
        person_id = found.person_id
        tx.connection.execute(select(PERSONS.c.id).where(PERSONS.c.id == person_id).with_for_update()).one()
        if roles_of(tx.connection, person_id, now) or stages.trial_team_of(tx.connection, person_id) is not None:
            raise RegisterConflict("That person works here, or is made up: end their roles first.")
        mandates.end_all_of(identity, tx, person_id, EndReason.ERASED, actor=actor, channel="system")
        security.close_sessions(identity, tx, person_id)
        account_events.tell(identity, tx, person_id, account_events.PURGED)
        _take_away(identity, tx, person_id)
        tx.forgot("audit_sides", erase_subject(tx.connection, identity.cipher, f"cl-run:{run}"))
        tx.record(Event.PERSON_ERASED, actor=actor, object_id=str(person_id), data={"reason": reason})
        tx.enqueue(JOB, {"person_id": str(person_id)})


def _take_away(identity: Identity, tx: Transaction, person_id: UUID) -> None:
    for table in OF_ONE_PERSON:
        tx.forget(table.delete().where(table.c.person_id == person_id))
    open_ones = (RELEASES.c.person_id == person_id, RELEASES.c.withdrawn_at.is_(None))
    tx.connection.execute(update(RELEASES).where(*open_ones).values(withdrawn_at=identity.clock.now()))
    nobody = identity.ids.token(32).encode()
    values = {"run_index": nobody, "facts_sealed": b"", "state": PersonState.ERASED, "updated_at": identity.clock.now()}
    tx.connection.execute(update(PERSONS).where(PERSONS.c.id == person_id).values(values))
    tx.connection.execute(update(MANDATES).where(MANDATES.c.grantee_id == person_id).values(grantee_index=nobody))


def destroy_key(identity: Identity, person_id: UUID) -> None:
    """Destroy the data key of a person who was erased."""
    metrics.FORGOTTEN.labels(identity.service, "data_keys").inc(identity.cipher.erase(person_scope(person_id)))
