import json
import uuid
from typing import Any

import pytest

from shared.audit import merkle
from shared.audit.checkpoint import Signer
from shared.audit.entries import Entry
from shared.audit.proofs import BadProof, NotInLog, check_proof, export_entry, prove_consistency, prove_entry
from shared.audit.sides import erase_subject
from tests.unit.shared.audit.conftest import ORIGIN, Log

ROWS = 13


@pytest.fixture
def entries(log: Log) -> list[Entry]:
    return log.make(ROWS)


def _export(log: Log, entry: Entry) -> dict[str, Any]:
    """An exported entry as it comes out of a file."""
    document = log.read(lambda connection: export_entry(connection, log.cipher, entry.entry_id))
    read: dict[str, Any] = json.loads(json.dumps(document))
    return read


def test_wallet_10_2_every_entry_is_proven_in_every_size(log: Log, entries: list[Entry]) -> None:
    leaves = [entry.leaf_hash for entry in entries]
    with log.database.engine.connect() as connection:
        for size in range(1, ROWS + 1):
            root = merkle.root_of(leaves[:size])
            for index in range(size):
                proof = prove_entry(connection, entries[index].entry_id, size=size)
                assert (proof["leaf_hash"], proof["index"], proof["tree_size"]) == (leaves[index].hex(), index, size)
                path = [bytes.fromhex(step) for step in proof["path"]]
                assert merkle.verify_inclusion(leaves[index], index, size, path, root)


def test_wallet_10_2_every_size_is_proven_to_begin_every_later_one(log: Log, entries: list[Entry]) -> None:
    roots = [merkle.root_of([entry.leaf_hash for entry in entries[:size]]) for size in range(ROWS + 1)]
    with log.database.engine.connect() as connection:
        for new in range(ROWS + 1):
            for old in range(new + 1):
                path = [bytes.fromhex(step) for step in prove_consistency(connection, old, new)["path"]]
                assert merkle.verify_consistency(old, roots[old], new, roots[new], path)


@pytest.mark.parametrize("size", [0, 2, ROWS + 1])
def test_no_proof_in_a_tree_that_does_not_hold_the_entry(log: Log, entries: list[Entry], size: int) -> None:
    with log.database.engine.connect() as connection, pytest.raises(NotInLog):
        prove_entry(connection, entries[2].entry_id, size=size)


def test_no_proof_for_an_unknown_or_waiting_entry(log: Log, entries: list[Entry]) -> None:
    (waiting,) = log.write(1, first=50)
    with log.database.engine.connect() as connection:
        for entry_id in (uuid.uuid4(), waiting.entry_id):
            with pytest.raises(NotInLog):
                prove_entry(connection, entry_id)
    log.sequence()
    with log.database.engine.connect() as connection, pytest.raises(NotInLog):
        prove_entry(connection, waiting.entry_id)  # it has its number, but no signature stands over it yet


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (0, ROWS + 1)])
def test_no_consistency_proof_for_sizes_the_log_has_not(log: Log, entries: list[Entry], old: int, new: int) -> None:
    with log.database.engine.connect() as connection, pytest.raises(NotInLog):
        prove_consistency(connection, old, new)


def test_wallet_10_2_an_exported_entry_is_checked_offline(log: Log, entries: list[Entry]) -> None:
    document = _export(log, entries[4])
    assert document["subject"] == "cl-run:5-0"
    proven = check_proof(document, log.signer.verifier_key)
    assert (proven.origin, proven.index, proven.tree_size, proven.is_subject_proven) == (ORIGIN, 4, ROWS, True)


def test_wallet_10_1_an_erased_side_leaves_the_proof_and_takes_the_person(log: Log, entries: list[Entry]) -> None:
    with log.database.begin() as connection:
        erase_subject(connection, log.cipher, "cl-run:5-0")
    document = _export(log, entries[4])
    assert "cl-run" not in json.dumps(document)
    assert {"salt", "subject", "extra"} & document.keys() == set()
    assert not check_proof(document, log.signer.verifier_key).is_subject_proven


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["core"].update(outcome="other"), "leaf hash"),
        (lambda d: d["core"].update(extra=2.0**80), "leaf hash"),
        (lambda d: d.update(core="text"), "no core"),
        (lambda d: d.pop("core"), "no core"),
        (lambda d: d.update(leaf_hash="00" * 32), "leaf hash"),
        (lambda d: d.update(index=3), "path"),
        (lambda d: d.update(index=-1), "path"),
        (lambda d: d.update(index="4"), "whole number"),
        (lambda d: d.update(index=True), "whole number"),
        (lambda d: d.update(tree_size=12), "not of this tree"),
        (lambda d: d["path"].pop(), "path"),
        (lambda d: d["path"].append("00" * 32), "path"),
        (lambda d: d["path"].append("zz"), "not hex"),
        (lambda d: d["path"].append(7), "list of hashes"),
        (lambda d: d.update(path=["00" * 32] * 100), "list of hashes"),
        (lambda d: d.pop("path"), "list of hashes"),
        (lambda d: d.update(subject="cl-run:6-0"), "somebody else"),
        (lambda d: d.update(salt="00"), "salt"),
        (lambda d: d.pop("salt"), "salt"),
        (lambda d: d.update(checkpoint=""), "checkpoint"),
        (lambda d: d.update(checkpoint=d["checkpoint"].replace("\n13\n", "\n14\n")), "does not fit"),
        (lambda d: d.update(checkpoint=Signer(b"\x09" * 32, ORIGIN).sign(ROWS, bytes(32))), "not signed by the key"),
    ],
)
def test_a_document_changed_anywhere_proves_nothing(log: Log, entries: list[Entry], change: Any, reason: str) -> None:
    document = _export(log, entries[4])
    change(document)
    with pytest.raises(BadProof, match=reason):
        check_proof(document, log.signer.verifier_key)


def test_a_key_that_is_none_proves_nothing(log: Log, entries: list[Entry]) -> None:
    with pytest.raises(BadProof, match="verifier key"):
        check_proof(_export(log, entries[4]), "none")
