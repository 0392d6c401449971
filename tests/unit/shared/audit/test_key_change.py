"""The key of the checkpoints is changed: two keys sign for a while, then the old one is known as retired."""

import pytest

from shared.audit.checkpoint import BadCheckpoint, Signer, Verifier
from shared.audit.report import FaultKind
from shared.audit.verify import verify
from shared.audit.witness import witness
from tests.unit.shared.audit.conftest import ORIGIN, Log

OLD = Signer(b"\x01" * 32, ORIGIN)
BOTH = Signer(b"\x02" * 32, ORIGIN, beside=[OLD])
NEW = Signer(b"\x02" * 32, ORIGIN)


def test_a_log_whose_key_was_changed_verifies_with_the_new_key_and_the_retired_one(log: Log) -> None:
    log.make(3)
    for signer, first in ((BOTH, 4), (NEW, 7)):
        log.write(3, first=first)
        log.sequence()
        log.sign(signer=signer)
    with log.database.engine.connect() as connection:
        assert verify(connection, NEW.verifier_key, earlier_keys=[OLD.verifier_key]).ok
        alone = verify(connection, NEW.verifier_key)
    assert alone.first_fault is not None
    assert alone.first_fault.kind is FaultKind.BAD_SIGNATURE  # the first checkpoint has no signature of the new key


def test_who_knows_only_one_of_the_keys_can_check_while_both_sign() -> None:
    note = BOTH.sign(3, b"r" * 32)
    assert OLD.verifier.open(note) == NEW.verifier.open(note)
    assert BOTH.verifier_key == NEW.verifier_key
    with pytest.raises(BadCheckpoint):
        OLD.verifier.open(NEW.sign(4, b"r" * 32))


def test_a_witness_goes_from_the_old_key_to_the_new_while_both_sign(log: Log) -> None:
    def see(signer: Signer, key: Signer, size: int) -> None:
        with log.database.begin() as connection:
            witness(connection, log.clock, signer.sign(size, b"r" * 32), verifier_key=key.verifier_key, fetch_consistency=lambda _o, _n: [])

    see(OLD, OLD, 5)
    see(BOTH, OLD, 5)
    with pytest.raises(BadCheckpoint):
        see(NEW, OLD, 5)


def test_an_earlier_key_of_another_log_is_refused() -> None:
    other = Signer(b"\x03" * 32, "other.example/log")
    with pytest.raises(BadCheckpoint):
        Verifier.parse(NEW.verifier_key, earlier=[other.verifier_key])
