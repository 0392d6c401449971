"""What delegates did for a person, read out of the log (D8)."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import cast, select, true
from sqlalchemy.dialects.postgresql import JSONB

from shared.audit.entries import SUBJECT_INDEX
from wallet.context import Wallet
from wallet.operations.delegation_views import list_delegates
from wallet.operations.log_walk import own_entries
from wallet.operations.presence import Presence

ACTS_MAX = 200


@dataclass(frozen=True)
class Act:
    """One thing that a delegate did: `verb` is the log's action, `page` what was looked at, `who` the delegate's name or RUN."""

    at: datetime
    who: str
    verb: str
    page: str


def list_acts(wallet: Wallet, presence: Presence) -> list[Act]:
    """Return what others did for the person who sits there, newest first."""
    names = {view.delegation_id: view.name or view.other for view in list_delegates(wallet, presence)}
    index = wallet.cipher.blind_index(presence.own_subject, purpose=SUBJECT_INDEX)
    walked, entry = own_entries(index)
    statement = select(entry.c.core).select_from(walked.join(entry, true())).where(cast(entry.c.core, JSONB).has_key("on_behalf_of"))
    with wallet.reading() as tx:
        rows = tx.connection.execute(statement.order_by(walked.c.entry_id.desc()).limit(ACTS_MAX)).all()
    return [_act(json.loads(row.core), names) for row in rows]


def _act(core: dict[str, Any], names: dict[UUID, str]) -> Act:  # a core of the log, of any action
    data = core.get("data")
    page = str(data["page"]) if isinstance(data, dict) and "page" in data else ""
    who = names.get(UUID(core["on_behalf_of"].partition(":")[2]), "")
    return Act(datetime.fromisoformat(core["occurred_at"]), who, core["action"].partition(":")[2], page)
