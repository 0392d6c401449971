"""Buy orders of the children of a Webpay mall: the attempt's reference, shortened, and the child's place.  Spec: pay-design.md §7.1."""

import re
from dataclasses import dataclass

ORDER_MAX, KEPT = 26, 24
_CHILD = re.compile(rf"([0-9a-v]{{{KEPT}}})-([0-9])", re.ASCII)


@dataclass(frozen=True)
class ChildOrder:
    """What a child's buy order says: how the attempt's reference begins, and which share it is."""

    begin: str
    place: int


def child_order(reference: str, place: int) -> str:
    """Return the buy order of a child, which is unique as its attempt is."""
    return f"{reference[:KEPT]}-{place}"


def read_child_order(text: str) -> ChildOrder | None:
    """Return what a buy order says, where it is a child's."""
    found = _CHILD.fullmatch(text)
    return ChildOrder(found[1], int(found[2])) if found else None
