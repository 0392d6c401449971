"""The proofs are held against a reference written straight from the definitions of RFC 9162 §2.1.1, §2.1.3.1 and §2.1.4.1."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audit import merkle
from shared.audit.merkle import Frontier, Node, Range
from tests.unit.shared.audit import vectors


def _leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def _split(leaves: list[bytes]) -> int:
    power = 1
    while power * 2 < len(leaves):
        power *= 2
    return power


def reference_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _split(leaves)
    return sha256(b"\x01" + reference_root(leaves[:k]) + reference_root(leaves[k:])).digest()


def reference_path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = _split(leaves)
    if index < k:
        return [*reference_path(index, leaves[:k]), reference_root(leaves[k:])]
    return [*reference_path(index - k, leaves[k:]), reference_root(leaves[:k])]


def reference_subproof(old: int, leaves: list[bytes], is_whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if is_whole else [reference_root(leaves)]
    k = _split(leaves)
    if old <= k:
        return [*reference_subproof(old, leaves[:k], is_whole), reference_root(leaves[k:])]
    return [*reference_subproof(old - k, leaves[k:], False), reference_root(leaves[:k])]


class Stored:
    """What the log stores of a tree, in a dict."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.nodes = {Node(0, place): leaf for place, leaf in enumerate(leaves)}
        tree = Frontier()
        for leaf in leaves:
            self.nodes.update(tree.append(leaf))
        self.root = tree.root()

    def path(self, ranges: list[Range]) -> list[bytes]:
        return merkle.fold_ranges(ranges, self.nodes)


@pytest.mark.parametrize("count", range(9))
def test_wallet_10_2_root_of_the_first_leaves(count: int) -> None:
    leaves = [merkle.leaf_hash(data) for data in vectors.LEAVES[:count]]
    assert merkle.root_of(leaves).hex() == vectors.ROOTS[count]
    assert reference_root(leaves).hex() == vectors.ROOTS[count]


def test_wallet_19_every_inclusion_proof_of_every_size_from_1_to_64() -> None:
    for size in range(1, 65):
        leaves = _leaves(size)
        stored = Stored(leaves)
        assert stored.root == reference_root(leaves)
        for index in range(size):
            path = stored.path(merkle.inclusion_ranges(index, size))
            assert path == reference_path(index, leaves)
            assert merkle.verify_inclusion(leaves[index], index, size, path, stored.root)


def test_wallet_19_every_consistency_proof_of_every_size_from_1_to_64() -> None:
    for size in range(1, 65):
        leaves = _leaves(size)
        stored = Stored(leaves)
        for old in range(1, size + 1):
            path = stored.path(merkle.consistency_ranges(old, size))
            assert path == reference_subproof(old, leaves, True)
            assert merkle.verify_consistency(old, reference_root(leaves[:old]), size, stored.root, path)


def test_the_empty_tree_is_the_beginning_of_every_tree_and_no_other_is() -> None:
    root = merkle.root_of(_leaves(3))
    assert merkle.verify_consistency(0, merkle.EMPTY_ROOT, 3, root, [])
    assert not merkle.verify_consistency(0, bytes(32), 3, root, [])
    assert not merkle.verify_consistency(0, merkle.EMPTY_ROOT, 3, root, [root])


@given(st.data())
def test_an_inclusion_proof_holds_for_its_leaf_index_size_and_root_only(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 300))
    index = data.draw(st.integers(0, size - 1))
    leaves = _leaves(size)
    stored = Stored(leaves)
    path = stored.path(merkle.inclusion_ranges(index, size))
    other_index = data.draw(st.integers(0, size + 3).filter(lambda value: value != index))
    assert merkle.verify_inclusion(leaves[index], index, size, path, stored.root)
    assert not merkle.verify_inclusion(leaves[index], other_index, size, path, stored.root)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, path, stored.root)
    assert not merkle.verify_inclusion(leaves[index], index, size, path, bytes(32))
    assert not merkle.verify_inclusion(leaves[index], index, size, path[:-1], stored.root)
    assert not merkle.verify_inclusion(leaves[index], index, size, [*path, bytes(32)], stored.root)
    place = data.draw(st.integers(0, len(path) - 1))
    assert not merkle.verify_inclusion(leaves[index], index, size, [*path[:place], bytes(32), *path[place + 1 :]], stored.root)


@given(st.data())
def test_a_consistency_proof_fails_for_a_changed_past(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 300))
    old = data.draw(st.integers(1, size - 1))
    changed = data.draw(st.integers(0, old - 1))
    leaves = _leaves(size)
    forged = [*leaves[:changed], merkle.leaf_hash(b"forged"), *leaves[changed + 1 :]]
    honest, false = Stored(leaves), Stored(forged)
    old_root = merkle.root_of(leaves[:old])
    ranges = merkle.consistency_ranges(old, size)
    assert merkle.verify_consistency(old, old_root, size, honest.root, honest.path(ranges))
    assert not merkle.verify_consistency(old, old_root, size, false.root, false.path(ranges))
    assert not merkle.verify_consistency(old, old_root, size, false.root, honest.path(ranges))
    assert not merkle.verify_consistency(old, old_root, size, honest.root, honest.path(ranges)[:-1])
    assert not merkle.verify_consistency(old, old_root, size, honest.root, [*honest.path(ranges), bytes(32)])


@given(st.integers(0, 500), st.integers(0, 100))
def test_a_stored_tree_grows_on_from_its_peaks(size: int, more: int) -> None:
    leaves = _leaves(size + more)
    stored = Stored(leaves[:size])
    tree = Frontier(size, [stored.nodes[node] for node in merkle.range_nodes(Range(0, size))])
    for leaf in leaves[size:]:
        tree.append(leaf)
    assert tree.root() == merkle.root_of(leaves)


def test_a_proof_reads_few_nodes_of_a_great_tree() -> None:
    size = 10**9
    wanted = [node for leaves in merkle.inclusion_ranges(123_456_789, size) for node in merkle.range_nodes(leaves)]
    assert len(wanted) <= 2 * size.bit_length()


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_no_path_for_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        merkle.inclusion_ranges(index, size)
    assert not merkle.verify_inclusion(bytes(32), index, size, [], bytes(32))


def test_no_consistency_with_a_larger_past() -> None:
    with pytest.raises(ValueError, match="larger"):
        merkle.consistency_ranges(5, 4)
    assert not merkle.verify_consistency(5, bytes(32), 4, bytes(32), [])


def test_hashes_of_another_length_are_refused() -> None:
    leaf = merkle.leaf_hash(b"")
    assert not merkle.verify_inclusion(leaf[:31], 0, 1, [], leaf[:31])
    assert not merkle.verify_inclusion(leaf, 0, 2, [leaf + b"x"], merkle.node_hash(leaf, leaf + b"x"))


def test_peaks_that_do_not_fit_the_size_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Frontier(3, [bytes(32)])
