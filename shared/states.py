"""State machines as data: one table a noun; the check, the audit action and the diagram come from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from shared.problems import Conflict

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)


class WrongState(Conflict):
    """The object is in a state from which this cannot be done."""

    slug = "wrong-state"
    status = 409
    title = "This cannot be done in the present state"


@dataclass(frozen=True)
class Table(Generic[S, A]):
    """The legal moves of a noun: `moves[(from, to)]` is the audit action of the move.  What is not here is refused."""

    noun: str
    initial: frozenset[S]
    moves: Mapping[tuple[S, S], A]

    def check(self, present: S, target: S) -> A:
        """Return the audit action of a legal move.  Raises: WrongState."""
        action = self.moves.get((present, target))
        if action is None:
            raise WrongState(f"A {self.noun} that is {present} cannot become {target}.", state=str(present))
        return action

    def allows(self, present: S, target: S) -> bool:
        """True when the move is legal."""
        return (present, target) in self.moves

    def targets(self, present: S) -> frozenset[S]:
        """Return the states that can follow."""
        return frozenset(target for source, target in self.moves if source == present)

    def finals(self) -> frozenset[S]:
        """Return the states that nothing follows."""
        states = set(self.initial) | {state for move in self.moves for state in move}
        return frozenset(state for state in states if not self.targets(state))

    def diagram(self) -> str:
        """Return the table as a Mermaid state diagram, for documents."""
        lines = ["stateDiagram-v2", *(f"    [*] --> {state}" for state in sorted(self.initial))]
        lines += [f"    {source} --> {target}: {action}" for (source, target), action in self.moves.items()]
        lines += [f"    {state} --> [*]" for state in sorted(self.finals())]
        return "\n".join(lines)
