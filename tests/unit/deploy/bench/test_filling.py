"""Rows that the bench puts into a log by COPY are such as the sequencer would have left: verification passes, proofs hold."""

from itertools import repeat

import pytest

from deploy.bench.filling import fill
from shared.audit.proofs import check_proof, export_entry
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.audit.verify import verify
from tests.factories.wallet import RUN, World


@pytest.mark.rule("wallet", "§10.2")
def test_a_filled_log_verifies_and_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.bench.filling.CHUNK", 7)
    wallet = world.wallet
    world.fetch(world.exchange_body())
    with wallet.db.begin() as connection:
        sequence_pending(connection)
    made = fill(wallet, [f"cl-run:{RUN}"] * 20, repeat({"outcome": "released"}))
    world.fetch(world.exchange_body())
    with wallet.db.begin() as connection:
        sequence_pending(connection)
        sign_checkpoint(connection, wallet.audit_signer, wallet.clock, every_seconds=0)
    with wallet.db.begin() as connection:
        report = verify(connection, wallet.audit_signer.verifier_key, cipher=wallet.cipher)
        exported = export_entry(connection, wallet.cipher, made[-1])
    assert report.ok, report.faults
    assert report.size == 22
    assert check_proof(exported, wallet.audit_signer.verifier_key)
