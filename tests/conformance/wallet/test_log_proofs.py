"""Roots and proofs of the log are those of an unrelated library, for all sizes from 1 to 64.  Spec: contract §10.2, §19; RFC 9162 §2.1."""

import pytest
from pymerkle import InmemoryTree, verify_inclusion
from pymerkle.proof import MerkleProof

from shared.audit import merkle

SIZE_MAX = 64
LEAVES = [merkle.leaf_hash(bytes([number])) for number in range(SIZE_MAX)]


@pytest.fixture(scope="module")
def other() -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    for number in range(SIZE_MAX):
        tree.append_entry(bytes([number]))
    return tree


def hash_of(part: merkle.Range) -> bytes:
    return merkle.root_of(LEAVES[part.start : part.end])


@pytest.mark.rule("wallet", "§10.2")
@pytest.mark.rule("wallet", "§19")
def test_an_unrelated_library_accepts_our_proofs_of_every_entry_and_we_accept_its_own(other: InmemoryTree) -> None:
    for size in range(1, SIZE_MAX + 1):
        root = merkle.root_of(LEAVES[:size])
        assert root == other.get_root(size)
        for index in range(size):
            path = [hash_of(part) for part in merkle.inclusion_ranges(index, size)]
            theirs = other.prove_inclusion(index + 1, size).serialize()  # it counts from one
            ours = {**theirs, "path": [LEAVES[index].hex(), *(one.hex() for one in path)]}
            verify_inclusion(LEAVES[index], root, MerkleProof.deserialize(ours))
            assert merkle.verify_inclusion(LEAVES[index], index, size, [bytes.fromhex(one) for one in theirs["path"][1:]], root)


@pytest.mark.rule("wallet", "§10.2")
def test_each_tree_is_the_beginning_of_each_later_one_and_of_no_other(other: InmemoryTree) -> None:
    for size in range(2, SIZE_MAX + 1):
        root = other.get_root(size)
        for old in range(1, size):
            path = [hash_of(part) for part in merkle.consistency_ranges(old, size)]
            assert merkle.verify_consistency(old, other.get_root(old), size, root, path)
            assert not merkle.verify_consistency(old, other.get_root(size), size, root, path)
