from collections.abc import Sequence

import pytest

from shared.audit.checkpoint import BadCheckpoint, Checkpoint, Signer
from shared.audit.merkle import EMPTY_ROOT, consistency_ranges, leaf_hash, root_of
from shared.audit.witness import NotConsistent, find_witnessed, witness
from tests.unit.shared.audit.conftest import Log

PEER = Signer(b"\x42" * 32, "notify.example/log")


class Peer:
    """Another service: its leaves, its checkpoints, its proofs."""

    def __init__(self, word: str = "honest") -> None:
        self.leaves = [leaf_hash(f"{word} {number}".encode()) for number in range(40)]
        self.asked: list[tuple[int, int]] = []

    def note(self, size: int) -> str:
        return PEER.sign(size, root_of(self.leaves[:size]))

    def prove(self, old: int, new: int) -> Sequence[bytes]:
        self.asked.append((old, new))
        return [root_of(self.leaves[part.start : part.end]) for part in consistency_ranges(old, new)]


def _witness(log: Log, peer: Peer, size: int, key: str = PEER.verifier_key) -> Checkpoint:
    with log.database.begin() as connection:
        return witness(connection, log.clock, peer.note(size), verifier_key=key, fetch_consistency=peer.prove)


def _kept(log: Log) -> int | None:
    note = log.read(lambda connection: find_witnessed(connection, PEER.origin))
    return None if note is None else PEER.verifier.open(note).size


def test_a_log_that_grows_is_followed(log: Log) -> None:
    peer = Peer()
    for size in (0, 3, 3, 8, 21):
        assert _witness(log, peer, size).size == size
        assert _kept(log) == size
    assert peer.asked == [(3, 8), (8, 21)]


def test_an_older_checkpoint_is_checked_and_not_kept(log: Log) -> None:
    _witness(log, Peer(), 21)
    _witness(log, Peer(), 8)
    assert _kept(log) == 21


@pytest.mark.parametrize(("seen", "shown"), [(8, 21), (8, 8), (21, 8)])
def test_a_log_begun_anew_is_an_alarm_with_both_notes(log: Log, seen: int, shown: int) -> None:
    honest, other = Peer(), Peer("forged")
    _witness(log, honest, seen)
    with pytest.raises(NotConsistent, match=PEER.origin) as alarm:
        _witness(log, other, shown)
    assert (alarm.value.seen, alarm.value.shown) == (honest.note(seen), other.note(shown))
    assert _kept(log) == seen


def test_a_proof_of_the_wrong_length_is_an_alarm(log: Log) -> None:
    peer = Peer()
    _witness(log, peer, 8)
    with log.database.begin() as connection, pytest.raises(NotConsistent):
        witness(connection, log.clock, peer.note(21), verifier_key=PEER.verifier_key, fetch_consistency=lambda _old, _new: [])


def test_an_empty_log_with_another_root_is_an_alarm(log: Log) -> None:
    _witness(log, Peer(), 0)
    note = PEER.sign(0, bytes(32))
    assert bytes(32) != EMPTY_ROOT
    with log.database.begin() as connection, pytest.raises(NotConsistent):
        witness(connection, log.clock, note, verifier_key=PEER.verifier_key, fetch_consistency=Peer().prove)


def test_a_checkpoint_without_the_peers_signature_is_refused(log: Log) -> None:
    with pytest.raises(BadCheckpoint):
        _witness(log, Peer(), 3, key=Signer(b"\x43" * 32, PEER.origin).verifier_key)
    assert _kept(log) is None
