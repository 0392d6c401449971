"""The public face of the log: checkpoints and proofs. Hashes only: nothing here says what happened, or to whom."""

import uuid
from collections.abc import Callable, Mapping
from typing import TypeVar

from flask import Response, jsonify, request
from sqlalchemy import Connection, select

from shared.access import PUBLIC
from shared.audit.proofs import NotInLog, prove_consistency, prove_entry
from shared.audit.store import find_checkpoint
from shared.audit.tables import audit_sequence
from shared.audit.witness import find_witnessed
from shared.context import Context, current_as
from shared.problems import InvalidRequest, NotFound
from shared.routes import Routes

LEAVES_MAX = 1_000
SIZE_DIGITS_MAX = 18

T = TypeVar("T")


bp = Routes("audit_log", __name__, url_prefix="/log/v1", access=PUBLIC)
"""The routes of the log; each service registers them.  Spec: wallet-consent §10.2."""


@bp.get("/key")
def key() -> Response:
    """Answer the verifier key of this log."""
    return _text(current_as(Context).audit_signer.verifier_key)


@bp.get("/checkpoint")
def last_checkpoint() -> Response:
    """Answer the newest checkpoint."""
    return _note(_read(find_checkpoint), "Nothing was signed yet.")


@bp.get("/checkpoints/<int:size>")
def checkpoint(size: int) -> Response:
    """Answer the checkpoint of one size."""
    found = _read(lambda connection: find_checkpoint(connection, size)) if len(str(size)) <= SIZE_DIGITS_MAX else None
    return _note(found, "No checkpoint of that size was signed.")


@bp.get("/consistency")
def consistency() -> Response:
    """Answer the proof that the log of size `from` is the beginning of the log of size `to`."""
    from_size, to_size = _size("from"), _size("to")
    try:
        proof = _read(lambda connection: prove_consistency(connection, from_size, to_size))
    except NotInLog:
        raise NotFound("The log does not have these sizes: `from` is at most `to`, and `to` at most the size of the log.") from None
    return _json({"from": proof["from_size"], "to": proof["to_size"], "path": proof["path"]})


@bp.get("/entries/<uuid:entry_id>/proof")
def entry_proof(entry_id: uuid.UUID) -> Response:
    """Answer the inclusion proof of one entry."""
    size = _size("size") if "size" in request.args else None
    try:
        return _json(_read(lambda connection: prove_entry(connection, entry_id, size=size)))
    except NotInLog:
        raise NotFound("No such entry in a tree of that size. A new entry is under a checkpoint after about a minute.") from None


@bp.get("/leaves")
def leaves() -> Response:
    """Answer the leaf hashes start … end - 1, at most a thousand; fewer where the log ends."""
    start, end = _size("start"), _size("end")
    if not start <= end <= start + LEAVES_MAX:
        raise InvalidRequest(f"`end` is not less than `start`, and at most {LEAVES_MAX} more.")
    place = audit_sequence.c
    query = select(place.leaf_hash).where(place.seq > start, place.seq <= end).order_by(place.seq)
    found = _read(lambda connection: [row.leaf_hash.hex() for row in connection.execute(query)])
    return _json({"start": start, "end": start + len(found), "leaves": found})


@bp.get("/witnessed")
def witnessed() -> Response:
    """Answer the last checkpoint of another service that this one has seen."""
    origin = request.args.get("origin", "")
    if not origin or not origin.isprintable():
        raise InvalidRequest("`origin` is the first line of the other log's checkpoints, such as pay.example/log.")
    return _note(_read(lambda connection: find_witnessed(connection, origin)), "No checkpoint of that log was seen here.")


def _read(read: Callable[[Connection], T]) -> T:
    with current_as(Context).reading() as tx:
        return read(tx.connection)


def _size(name: str) -> int:
    value = request.args.get(name, "")
    if not (value.isascii() and value.isdigit()) or len(value) > SIZE_DIGITS_MAX:
        raise InvalidRequest(f"`{name}` is a whole number of rows, such as 0 or 1200.")
    return int(value)


def _note(note: str | None, absent: str) -> Response:
    if note is None:
        raise NotFound(absent)
    return _text(note)


def _text(text: str) -> Response:
    return Response(text, content_type="text/plain; charset=utf-8")


def _json(value: Mapping[str, object]) -> Response:
    return jsonify(value)
