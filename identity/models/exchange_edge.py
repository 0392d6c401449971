"""Who may exchange a person's token for one for somebody else: each edge is registered (TX-2)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, ForeignKey, String, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import TEXTS, Base, table_of
from identity.models.client import Client


class ExchangeEdge(Base):
    """A client that is `from_audience` may get tokens for `to_audience` with at most these scopes, on behalf of a person."""

    __tablename__ = "exchange_edges"

    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"), primary_key=True)
    from_audience: Mapped[str] = mapped_column(String(2000), primary_key=True)
    to_audience: Mapped[str] = mapped_column(String(2000), primary_key=True)
    scopes: Mapped[list[str]] = mapped_column(TEXTS)
    created_at: Mapped[datetime]


_EDGES, _CLIENTS = table_of(ExchangeEdge), table_of(Client)
_ACTORS = (
    select(_CLIENTS.c.client_id)
    .select_from(_EDGES.join(_CLIENTS, _EDGES.c.client_id == _CLIENTS.c.id))
    .where(_EDGES.c.from_audience == bindparam("audience"), _CLIENTS.c.state == "active")
    .distinct()
    .limit(2)
)
"""Made once: every token of a person for a service asks."""


def find_actor(connection: Connection, audience: str) -> str | None:
    """Return the client that may go on from an audience; None where nobody may, or where several may: `may_act` names one."""
    found = connection.execute(_ACTORS, {"audience": audience}).scalars().all()
    return found[0] if len(found) == 1 else None
