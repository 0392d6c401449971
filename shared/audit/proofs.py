"""Proofs about the log, and their check without it: an exported document and the verifier key are enough."""

import binascii
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import Connection, select

from shared.audit import merkle
from shared.audit.canonical import canonical, commit, parse_core
from shared.audit.checkpoint import BadCheckpoint, Verifier
from shared.audit.entries import Cipher, open_side
from shared.audit.members import Membership, member_leaf
from shared.audit.store import find_checkpoint, read_head, read_ranges
from shared.audit.tables import audit_checkpoints, audit_entries, audit_sequence, audit_sides


class NotInLog(LookupError):
    """The log has no such entry, or no such size yet."""


class BadProof(ValueError):
    """The document does not prove what it says; the text says why."""


class InclusionProof(TypedDict):
    """That a leaf stands at `index` in the tree of `tree_size`; hashes in hex.  Spec: wallet-consent §10.2, RFC 9162 §2.1.3."""

    leaf_hash: str
    index: int
    tree_size: int
    path: list[str]


class ConsistencyProof(TypedDict):
    """That the tree of size `from` is the beginning of the tree of size `to`.  Spec: RFC 9162 §2.1.4."""

    from_size: int
    to_size: int
    path: list[str]


class ExportedEntry(InclusionProof, total=False):
    """An entry with all that is needed to check it offline; `salt`, `subject` and `extra` only while the side row exists.

    `member` where the entry is about many people.
    """

    core: dict[str, object]
    salt: str
    subject: str
    extra: dict[str, object]
    checkpoint: str
    member: Membership


@dataclass(frozen=True)
class Proven:
    """What a document was shown to prove."""

    origin: str
    index: int
    tree_size: int
    is_subject_proven: bool


def prove_entry(connection: Connection, entry_id: uuid.UUID, *, size: int | None = None) -> InclusionProof:
    """Return the inclusion proof of an entry, in the tree of `size` or of the last checkpoint.

    Raises: NotInLog (also while the entry is not yet under a checkpoint), LogDamaged.
    """
    place = audit_sequence.c
    row = connection.execute(select(place.seq, place.leaf_hash).where(place.entry_id == entry_id)).one_or_none()
    if size is None:
        size = connection.execute(select(audit_checkpoints.c.size).order_by(audit_checkpoints.c.size.desc()).limit(1)).scalar() or 0
    if row is None or row.seq > size or size > read_head(connection).size:
        raise NotInLog("no such entry in a tree of that size")
    path = read_ranges(connection, merkle.inclusion_ranges(row.seq - 1, size))
    return {"leaf_hash": row.leaf_hash.hex(), "index": row.seq - 1, "tree_size": size, "path": [step.hex() for step in path]}


def prove_consistency(connection: Connection, from_size: int, to_size: int) -> ConsistencyProof:
    """Return the proof that the log of one size is the beginning of the log of another.  Raises: NotInLog, LogDamaged."""
    if not 0 <= from_size <= to_size <= read_head(connection).size:
        raise NotInLog("no such sizes")
    path = read_ranges(connection, merkle.consistency_ranges(from_size, to_size))
    return {"from_size": from_size, "to_size": to_size, "path": [step.hex() for step in path]}


def export_entry(connection: Connection, cipher: Cipher, entry_id: uuid.UUID) -> ExportedEntry:
    """Return an entry with salt, proof and checkpoint, for the person it is about.  Raises: NotInLog, LogDamaged, CannotDecrypt."""
    proof = prove_entry(connection, entry_id)
    side = audit_sides.c
    query = select(audit_entries.c.core, side.salt, side.subject, side.extra).select_from(
        audit_entries.outerjoin(audit_sides, side.entry_id == audit_entries.c.entry_id)
    )
    row = connection.execute(query.where(audit_entries.c.entry_id == entry_id)).one()
    note = find_checkpoint(connection, proof["tree_size"])
    document: ExportedEntry = {
        "core": parse_core(row.core),
        "leaf_hash": proof["leaf_hash"],
        "index": proof["index"],
        "tree_size": proof["tree_size"],
        "path": proof["path"],
        "checkpoint": note or "",
    }
    if row.salt is not None:
        subject, extra = open_side(cipher, row.subject, row.extra)
        document["salt"] = row.salt.hex()
        if subject is not None:
            document["subject"] = subject
        if extra:
            document["extra"] = extra
    return document


def check_proof(document: Mapping[str, object], verifier_key: str) -> Proven:
    """Check an exported entry offline: core → leaf → path → root → signature, and subject → commitment where it is given.

    Raises: BadProof.
    """
    core = document.get("core")
    if not isinstance(core, dict):
        raise BadProof("the document has no core")
    try:
        leaf = merkle.leaf_hash(canonical(core).encode())
        verifier = Verifier.parse(verifier_key)
        checkpoint = verifier.open(_text(document, "checkpoint"))
    except BadCheckpoint as error:
        raise BadProof(f"the checkpoint: {error}") from error
    except ValueError as error:
        raise BadProof("the core has no canonical form") from error
    index, size = _number(document, "index"), _number(document, "tree_size")
    if not hmac.compare_digest(leaf.hex(), _text(document, "leaf_hash")):
        raise BadProof("the leaf hash is not the core's")
    if checkpoint.origin != verifier.name or checkpoint.size != size:
        raise BadProof("the checkpoint is not of this tree")
    if not merkle.verify_inclusion(leaf, index, size, _hashes(document.get("path")), checkpoint.root):
        raise BadProof("the path does not lead from the entry to the signed root")
    return Proven(checkpoint.origin, index, size, _proves_subject(document, core))


def _proves_subject(document: Mapping[str, object], core: Mapping[str, object]) -> bool:
    if "subject" not in document:
        return False
    if "member" in document:
        return _proves_member(document["member"], _text(document, "subject"), core.get("bulk"))
    try:
        commitment = commit(bytes.fromhex(_text(document, "salt")), _text(document, "subject"))
    except ValueError as error:
        raise BadProof("the salt is not one") from error
    if not hmac.compare_digest(commitment, str(core.get("subject"))):
        raise BadProof("the entry is about somebody else")
    return True


def _proves_member(member: object, subject: str, bulk: object) -> bool:
    """Check that a person is one of the many whose root stands in the core.  Raises: BadProof."""
    if not isinstance(member, dict) or not isinstance(bulk, dict):
        raise BadProof("the entry is not about many people")
    try:
        leaf = member_leaf(bytes.fromhex(_text(member, "salt")), subject, _text(member, "outcome"))
        root = bytes.fromhex(_text(bulk, "people"))
    except ValueError as error:
        raise BadProof("the salt or the root is not one") from error
    if not merkle.verify_inclusion(leaf, _number(member, "place"), _number(bulk, "asked"), _hashes(member.get("path")), root):
        raise BadProof("the entry is not about this person, or something else came of it")
    return True


def _text(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise BadProof(f"{name} is missing, or not a text")
    return value


def _number(document: Mapping[str, object], name: str) -> int:
    value = document.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadProof(f"{name} is missing, or not a whole number")
    return value


def _hashes(value: object) -> list[bytes]:
    if not isinstance(value, list) or len(value) > merkle.PROOF_LENGTH_MAX or not all(isinstance(step, str) for step in value):
        raise BadProof("path is missing, or not a list of hashes")
    try:
        return [binascii.unhexlify(step) for step in value]
    except (binascii.Error, ValueError) as error:
        raise BadProof("path holds something that is not hex") from error
