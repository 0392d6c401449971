"""Rows of several tables in one statement: one round trip whatever their number, and no half of them without the other.

Each table's rows are one JSON parameter, because json is C on both ends: arrays of parameters cost the writer three times the CPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, TextClause, text


@dataclass(frozen=True)
class Rows:
    """How rows enter their table: `insert` reads them from the parameter `name`; `parts` go before it in the WITH and may fill others."""

    name: str
    insert: str
    parts: tuple[str, ...] = ()


def write(connection: Connection, given: Mapping[Rows, str]) -> None:
    """Write rows, as JSON texts by their kind.  All kinds see the tables as they were before: none may read what another writes."""
    if given:
        connection.execute(_statement(tuple(given)), {kind.name: rows for kind, rows in given.items()})


@cache
def _statement(kinds: tuple[Rows, ...]) -> TextClause:
    """Make the statement of some kinds: its text stays the same, so it is prepared once."""
    *before, last = kinds
    parts = [part for kind in before for part in (*kind.parts, f"{kind.name}_written AS ({kind.insert})")]
    parts.extend(last.parts)
    return text((f"WITH {', '.join(parts)} " if parts else "") + last.insert)
