"""Answers of offices to disputes: what one person proposes over the limit a second one decides; the words are sealed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Connection, ForeignKey, LargeBinary, Row, String, Table, select

from pay.models.base import metadata
from pay.standards.dispute_states import AnswerKind, AnswerState
from pay.standards.identifiers import DisputeId
from shared.db import UtcDateTime

dispute_answers = Table(
    "dispute_answers",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("dispute_id", String(26), ForeignKey("disputes.id"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("words_sealed", LargeBinary),
    Column("state", String(20), nullable=False),
    Column("made_by", String(200), nullable=False),
    Column("decided_by", String(200)),
    # Why the provider did not take it, in its code.
    Column("refusal", String(200)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # Where the provider takes no answers from here: who handed it in, when, and the provider's number for that.
    Column("handed_in_by", String(200)),
    Column("handed_in_at", UtcDateTime),
    Column("hand_in_note", String(100)),
    CheckConstraint("decided_by is null or decided_by <> made_by", name="two_persons"),
)


@dataclass(frozen=True)
class DisputeAnswer:
    """An answer at one moment."""

    id: str
    dispute_id: DisputeId
    kind: AnswerKind
    words_sealed: bytes | None
    state: AnswerState
    made_by: str
    decided_by: str | None
    refusal: str | None
    created_at: datetime
    updated_at: datetime
    handed_in_by: str | None
    handed_in_at: datetime | None
    hand_in_note: str | None


def answer_of(row: Row[Any]) -> DisputeAnswer:
    """Return the answer a row of the table holds."""
    values = dict(row._mapping)
    return DisputeAnswer(**values | {"kind": AnswerKind(values["kind"]), "state": AnswerState(values["state"])})


def find_answer(connection: Connection, answer_id: str, *, lock: bool = False) -> DisputeAnswer | None:
    """Return an answer by its id."""
    statement = select(dispute_answers).where(dispute_answers.c.id == answer_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else answer_of(row)


def list_answers(connection: Connection, *dispute_ids: DisputeId) -> list[DisputeAnswer]:
    """Return the answers to disputes, the newest first."""
    c = dispute_answers.c
    statement = select(dispute_answers).where(c.dispute_id.in_(dispute_ids)).order_by(c.created_at.desc(), c.id)
    return [answer_of(row) for row in connection.execute(statement)]
