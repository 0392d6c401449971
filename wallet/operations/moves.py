"""Moves of the state tables, with the refusal the contract names."""

from enum import StrEnum
from typing import TypeVar

from shared.states import Table, WrongState
from wallet.errors import IllegalTransition

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)


def legal(table: Table[S, A], present: S, target: S) -> A:
    """Return the audit action of a move.  Raises: IllegalTransition.  Spec: wallet contract §4."""
    try:
        return table.check(present, target)
    except WrongState as error:
        raise IllegalTransition(error.detail, state=str(present)) from None
