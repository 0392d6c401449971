"""Entries about many people at once: each is committed to under a salt of her own, in a tree whose root stands in the core.

So one row of the log names everybody it concerns and nobody reads whom; each of them can prove that she is meant, and what came of
it for her, and erasing one leaves the proofs of all others as they were.  Spec: wallet-consent §8.3 X5, §10.1.
"""

from collections.abc import Sequence
from typing import TypedDict

from shared.audit import merkle
from shared.audit.canonical import canonical, commit


class Membership(TypedDict):
    """That one person is meant by an entry about many; hashes in hex."""

    salt: str
    outcome: str
    place: int
    path: list[str]


def member_leaf(salt: bytes, subject: str, outcome: str) -> bytes:
    """Return the leaf of one person (`scheme:value`) and of what came of it for her.  Raises: ValueError for a salt that is none."""
    return merkle.leaf_hash(canonical({"outcome": outcome, "subject": commit(salt, subject)}).encode())


def member_path(leaves: Sequence[bytes], place: int) -> list[bytes]:
    """Return the inclusion proof of one person among all leaves of an entry, in their order."""
    return [merkle.root_of(leaves[part.start : part.end]) for part in merkle.inclusion_ranges(place, len(leaves))]
