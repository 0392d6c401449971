"""One person's entries of the log, newest first: a walk of the index of subject and entry, which ends when enough are found."""

from uuid import UUID

from sqlalchemy import String, Subquery, cast, null, select, union_all
from sqlalchemy.sql.selectable import LateralFromClause

from shared.audit.tables import audit_entries, audit_sides
from wallet.models.bulk import BulkPerson


def own_entries(index: bytes, before: UUID | None = None) -> tuple[Subquery, LateralFromClause]:
    """Return the person's entry ids in order, and the entry of each, to be joined on true and ordered by the first's `entry_id`.

    The ids come with `part`, what came of it for her where the entry is about many people, else NULL; two walks side by side.
    The OFFSETs keep the planner to that walk: it cannot know what the JSON of entries says, and would read the whole log.
    """
    alone = select(audit_sides.c.entry_id, cast(null(), String).label("part")).where(audit_sides.c.subject_index == index)
    among = select(BulkPerson.entry_id, BulkPerson.outcome.label("part")).where(BulkPerson.subject_index == index)
    if before is not None:
        alone, among = alone.where(audit_sides.c.entry_id < before), among.where(BulkPerson.entry_id < before)
    both = union_all(alone, among)
    walked = both.order_by(both.selected_columns.entry_id.desc()).offset(0).subquery("own")
    columns = (audit_entries.c.core, audit_entries.c.occurred_at)
    return walked, select(*columns).where(audit_entries.c.entry_id == walked.c.entry_id).offset(0).lateral("entry")
