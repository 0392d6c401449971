import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from shared import chores
from shared.audit.checkpoint import Signer
from shared.audit.merkle import consistency_ranges, leaf_hash, root_of
from shared.audit.witness import find_witnessed
from shared.context import Context
from shared.http import OutboundFailed, Reply
from shared.idempotency import claim
from shared.tasks import Jobs
from tests.factories.counted import forgotten
from tests.unit.shared.conftest import make_settings

PEER = Signer(b"\x42" * 32, "notify.example/log")
URL = "https://notify.example"


class Peer:
    """Another service at the other end of `http`: serves its checkpoint and its proofs, or something else."""

    def __init__(self, word: str = "honest") -> None:
        self.leaves = [leaf_hash(f"{word} {number}".encode()) for number in range(40)]
        self.size = 3
        self.status = 200
        self.away = False
        self.path: Sequence[str] | None = None

    def request(self, _method: str, url: str, **_options: Any) -> Reply:
        if self.away:
            raise OutboundFailed("no connection", sent=False)
        if url.endswith("/checkpoint"):
            return Reply(self.status, {}, PEER.sign(self.size, root_of(self.leaves[: self.size])).encode())
        older, newer = (int(part.partition("=")[2]) for part in url.partition("?")[2].split("&"))
        path = [root_of(self.leaves[part.start : part.end]).hex() for part in consistency_ranges(older, newer)]
        return Reply(200, {}, json.dumps({"path": self.path if self.path is not None else path}).encode())


@pytest.fixture
def witnessing(context: Context) -> Context:
    settings = make_settings(context.settings.database_url.reveal(), "redis://localhost", witnessed_logs=(f"{URL}={PEER.verifier_key}",))
    context.settings = settings
    return context


def kept(context: Context) -> int | None:
    with context.reading() as tx:
        note = find_witnessed(tx.connection, PEER.origin)
    return PEER.verifier.open(note).size if note else None


def look(context: Context, peer: Peer) -> list[Any]:
    context.__dict__["http"] = peer
    structlog.reset_defaults()
    with capture_logs() as lines:
        chores.witness_logs(context)
    return [line["event"] for line in lines]


def test_growing_log_is_followed(witnessing: Context) -> None:
    peer = Peer()
    for size in (3, 3, 20):
        peer.size = size
        assert look(witnessing, peer) == []
        assert kept(witnessing) == size


def test_log_that_was_begun_anew_raises_the_alarm_and_the_evidence_stays(witnessing: Context) -> None:
    look(witnessing, Peer())
    rogue = Peer("rogue")
    rogue.size = 20
    assert look(witnessing, rogue) == ["a log was begun anew"]
    assert kept(witnessing) == 3


@pytest.mark.parametrize("path", [["zz"], [5], ["00"]])
def test_nonsense_for_a_proof_is_not_taken(witnessing: Context, path: list[Any]) -> None:
    peer = Peer()
    look(witnessing, peer)
    peer.size, peer.path = 20, path
    assert look(witnessing, peer)
    assert kept(witnessing) == 3


def test_peer_that_is_away_or_has_signed_nothing_is_asked_again_later(witnessing: Context) -> None:
    peer = Peer()
    peer.away = True
    assert look(witnessing, peer) == ["log not witnessed"]
    peer.away, peer.status = False, 404
    assert look(witnessing, peer) == []
    assert kept(witnessing) is None


def test_old_idempotency_keys_are_forgotten(context: Context) -> None:
    with context.transaction() as tx:
        moment = context.clock.now() - timedelta(hours=25)
        claim(tx.connection, scope="toy", key="old", fingerprint="f", result={}, now=moment)
        claim(tx.connection, scope="toy", key="new", fingerprint="f", result={}, now=context.clock.now())
    with forgotten("toy") as gone:
        chores.forget_old(context)
    assert gone == {"idempotency_keys": 1}
    with context.db.begin() as connection:
        assert connection.exec_driver_sql("select key from idempotency_keys").scalars().all() == ["new"]


def test_every_service_has_the_chores() -> None:
    jobs: Jobs[Context] = chores.with_chores(Jobs())
    assert {periodic.job for periodic in jobs.periodic} == {"forget_old", "verify_log", "witness_logs"}
    assert "verify_log_part" in jobs.definitions
