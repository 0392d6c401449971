"""The Merkle tree of the log: roots, growth, inclusion and consistency proofs.  Spec: RFC 9162 §2.1.

A *node* (level, place) is the hash over leaves place·2^level … (place+1)·2^level - 1. Complete nodes never change, so they are
stored once; every other hash of the tree is folded from at most log2(n) of them. Functions that need hashes say which nodes
they need (`…_ranges`, `range_nodes`), so that a caller reads them all in one query and then folds.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
PROOF_LENGTH_MAX = 64  # enough for 2**64 leaves; a longer proof is refused unread


class Node(NamedTuple):
    """The place of a complete subtree."""

    level: int
    place: int


class Range(NamedTuple):
    """The leaves start … end - 1, which together are one hash of some proof."""

    start: int
    end: int


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two joined subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


# --- growth ---------------------------------------------------------------------------------------------------------------


class Frontier:
    """A growing tree that remembers only the complete subtrees on its right edge: O(log n) memory."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Start from a stored tree: `peaks` are the hashes of `range_nodes(Range(0, size))`, in that order."""
        if len(peaks) != size.bit_count():
            raise ValueError("the peaks do not fit the size")
        self.size = size
        self._peaks = list(peaks)

    def append(self, leaf: bytes) -> list[tuple[Node, bytes]]:
        """Add a leaf hash; return the complete subtrees of two or more leaves that it closes, smallest first."""
        closed: list[tuple[Node, bytes]] = []
        index, level, carry = self.size, 0, leaf
        while index & 1:
            carry = node_hash(self._peaks.pop(), carry)
            index, level = index >> 1, level + 1
            closed.append((Node(level, index), carry))
        self._peaks.append(carry)
        self.size += 1
        return closed

    def root(self) -> bytes:
        """Return the root of the tree as it stands."""
        return fold(self._peaks)


# --- which nodes make a hash ----------------------------------------------------------------------------------------------


def range_nodes(leaves: Range) -> list[Node]:
    """Return the complete nodes whose fold is the hash over a range, largest first.

    A range starts at a multiple of the largest power of two in its length, as every range of the tree does.
    """
    nodes: list[Node] = []
    start, rest = leaves.start, leaves.end - leaves.start
    while rest > 0:
        level = rest.bit_length() - 1
        if start % (1 << level):
            raise ValueError("no such subtree")
        nodes.append(Node(level, start >> level))
        start, rest = start + (1 << level), rest - (1 << level)
    return nodes


def fold(peaks: Sequence[bytes]) -> bytes:
    """Return the one hash over neighbouring complete subtrees, largest first."""
    if not peaks:
        return EMPTY_ROOT
    *rest, root = peaks
    for peak in reversed(rest):
        root = node_hash(peak, root)
    return root


def fold_ranges(ranges: Sequence[Range], hashes: Mapping[Node, bytes]) -> list[bytes]:
    """Return the hash of each range from the stored nodes.  Raises: KeyError when a node is not there."""
    return [fold([hashes[node] for node in range_nodes(leaves)]) for leaves in ranges]


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return the ranges whose hashes are the inclusion proof of a leaf, leaf side first.  Spec: RFC 9162 §2.1.3.1."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in a tree of that size")
    path: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start = middle
    return path[::-1]


def consistency_ranges(old_size: int, size: int) -> list[Range]:
    """Return the ranges whose hashes prove that the older tree is the beginning of the newer.  Spec: RFC 9162 §2.1.4.1."""
    if not 0 <= old_size <= size:
        raise ValueError("the older tree is the larger one")
    if old_size in (0, size):
        return []
    path: list[Range] = []
    start, end, is_whole = 0, size, True  # is_whole: the verifier knows the old subtree's hash, since it is the old root
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start, is_whole = middle, False
    if not is_whole:
        path.append(Range(start, end))
    return path[::-1]


def _split(count: int) -> int:
    """Return the largest power of two below the count."""
    return 1 << ((count - 1).bit_length() - 1)


# --- verification: by the RFC's own algorithms, which share no code with the making of proofs -------------------------------


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Answer whether the path leads from the leaf at `index` to the root.  Spec: RFC 9162 §2.1.3.2."""
    if not 0 <= index < size or not _are_hashes([leaf, root, *path]):
        return False
    place, last, known = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            known = node_hash(step, known)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            known = node_hash(known, step)
        place, last = place >> 1, last >> 1
    return last == 0 and hmac.compare_digest(known, root)


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Answer whether the tree of `old_size` is the beginning of the tree of `size`.  Spec: RFC 9162 §2.1.4.2."""
    if not 0 <= old_size <= size or not _are_hashes([old_root, root, *path]):
        return False
    if old_size == size:
        return not path and hmac.compare_digest(old_root, root)
    if old_size == 0:
        return not path and hmac.compare_digest(old_root, EMPTY_ROOT)
    steps = iter([old_root, *path] if old_size & (old_size - 1) == 0 else path)
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    return _climb(place, last, steps, old_root=old_root, root=root)


def _climb(place: int, last: int, steps: Iterator[bytes], *, old_root: bytes, root: bytes) -> bool:
    old_known = new_known = next(steps, b"")
    for step in steps:
        if last == 0:
            return False
        if place & 1 or place == last:
            old_known, new_known = node_hash(step, old_known), node_hash(step, new_known)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new_known = node_hash(new_known, step)
        place, last = place >> 1, last >> 1
    return last == 0 and hmac.compare_digest(old_known, old_root) and hmac.compare_digest(new_known, root)


def _are_hashes(values: Sequence[bytes]) -> bool:
    return len(values) <= PROOF_LENGTH_MAX + 2 and all(len(value) == HASH_BYTES for value in values)
