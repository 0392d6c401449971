"""The audit log: append-only, in one form for all services, and provable to people who trust neither us nor our database.

Nouns
    entry        what happened, as canonical JSON (the *core*); written in the business transaction, never changed
    side row     what makes an entry speak of a person: salt, subject, further clear values; encrypted, and erasable
    sequence     the place of each entry in the log, without gaps, with its leaf hash and the row chain
    node         the hash of a complete subtree of the Merkle tree over the leaves
    checkpoint   size and root of the tree, signed by the service
    witnessed    the checkpoint of another service, as seen and checked by this one

Invariants
    An entry is committed with the change it tells of, or neither is.
    Sequence numbers are 1, 2, 3 … without gaps; entry number n is leaf n - 1 of the tree.
    A checkpoint of size n commits to the first n entries and to their order. Nobody without the key can make another one.
    Deleting side rows leaves every hash, proof and checkpoint valid.

`docs/audit.md` gives the format to an auditor.  Spec: RFC 8785, RFC 9162 §2, C2SP signed-note and tlog-checkpoint.
"""
