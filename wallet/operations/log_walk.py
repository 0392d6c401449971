"""One person's entries of the log, newest first: a walk of the index of subject and entry, which ends when enough are found."""

from uuid import UUID

from sqlalchemy import Subquery, select
from sqlalchemy.sql.selectable import LateralFromClause

from shared.audit.tables import audit_entries, audit_sides


def own_entries(index: bytes, before: UUID | None = None) -> tuple[Subquery, LateralFromClause]:
    """Return the person's entry ids in order, and the entry of each, to be joined on true and ordered by the first's `entry_id`.

    The OFFSETs keep the planner to that walk: it cannot know what the JSON of entries says, and would read the whole log.
    """
    own = select(audit_sides.c.entry_id).where(audit_sides.c.subject_index == index)
    if before is not None:
        own = own.where(audit_sides.c.entry_id < before)
    walked = own.order_by(audit_sides.c.entry_id.desc()).offset(0).subquery("own")
    columns = (audit_entries.c.core, audit_entries.c.occurred_at)
    return walked, select(*columns).where(audit_entries.c.entry_id == walked.c.entry_id).offset(0).lateral("entry")
