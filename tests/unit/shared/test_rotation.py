"""The encryption key is changed while processes with the old and the new settings work: nobody meets a value they cannot read."""

import hmac
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.context import Context
from shared.crypto import ROOT, CannotDecrypt, DataKeys, KeyRing, data_keys

OLD, NEW = b"o" * 32, b"n" * 32
BEFORE = KeyRing({"k1": OLD})
ANNOUNCED = KeyRing({"k1": OLD}, {"k2": NEW})
TURNED = KeyRing({"k2": NEW, "k1": OLD})
GONE = KeyRing({"k2": NEW})
Sealed = list[tuple[str, bytes]]


def work(context: Context, ring: KeyRing, stop: threading.Event, sealed: list[tuple[str, bytes]]) -> int:
    """Seal and open in ever new scopes, as a process that starts with an empty cache, until told to stop; return how often."""
    done = 0
    while not stop.is_set() or done == 0:
        fresh = DataKeys(context.db, ring, context.clock)
        scope = f"{ring.newest}:{threading.get_ident()}:{done}"
        sealed.append((scope, fresh.encrypt(scope, scope=scope)))
        for known, value in sealed[-20:]:
            assert fresh.decrypt(value, scope=known) == known
        done += 1
    return done


def side_by_side(
    context: Context, rings: tuple[KeyRing, KeyRing], sealed: list[tuple[str, bytes]], meanwhile: Callable[[], object]
) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        workers = [pool.submit(work, context, ring, stop, sealed) for ring in rings]
        try:
            meanwhile()
        finally:
            stop.set()
        assert all(worker.result() > 0 for worker in workers)


def test_every_stage_of_the_change_runs_beside_the_one_before(context: Context) -> None:
    sealed: list[tuple[str, bytes]] = []
    turned = DataKeys(context.db, TURNED, context.clock)
    side_by_side(context, (BEFORE, ANNOUNCED), sealed, lambda: None)
    side_by_side(context, (ANNOUNCED, TURNED), sealed, turned.rewrap)
    side_by_side(context, (TURNED, TURNED), sealed, turned.rewrap)
    turned.rewrap()
    assert set(turned.count_by_key()) == {"k2"}
    last = DataKeys(context.db, GONE, context.clock)
    assert all(last.decrypt(value, scope=scope) == scope for scope, value in sealed)


@pytest.mark.parametrize("in_use", [True, False], ids=["a database of an earlier release", "a new one"])
def test_the_first_encryption_key_leaves_and_what_was_found_and_proven_by_it_still_is(context: Context, in_use: bool) -> None:
    before = DataKeys(context.db, BEFORE, context.clock)
    if in_use:
        as_an_earlier_release_left_it(context)
    index, mark = before.blind_index("v", purpose="p"), before.derive("csrf")
    DataKeys(context.db, TURNED, context.clock).rewrap()
    after = DataKeys(context.db, GONE, context.clock)
    assert (after.blind_index("v", purpose="p"), after.derive("csrf")) == (index, mark)


def test_a_database_of_an_earlier_release_goes_on_with_what_was_derived_from_its_first_key(context: Context) -> None:
    as_an_earlier_release_left_it(context)
    found = DataKeys(context.db, TURNED, context.clock).blind_index("v", purpose="p")
    assert found == hmac.digest(HKDF(SHA256(), 32, None, b"blind-index:p").derive(OLD), b"v", "sha256")


def test_the_first_encryption_key_can_go_though_nothing_was_searched_for_before(context: Context) -> None:
    """`rotate encryption` sees to the root, or a later process would make another one of the keys it has."""
    as_an_earlier_release_left_it(context)
    DataKeys(context.db, TURNED, context.clock).rewrap()
    found = DataKeys(context.db, GONE, context.clock).blind_index("v", purpose="p")
    assert found == hmac.digest(HKDF(SHA256(), 32, None, b"blind-index:p").derive(OLD), b"v", "sha256")


def test_what_is_found_by_in_a_new_database_does_not_come_from_an_encryption_key(context: Context) -> None:
    cipher = DataKeys(context.db, BEFORE, context.clock)
    cipher.encrypt("x", scope="person:1")
    assert cipher.derive("p") != HKDF(SHA256(), 32, None, b"p").derive(OLD)


def test_processes_that_begin_at_once_in_a_new_database_agree(context: Context) -> None:
    def begin(number: int) -> bytes:
        cipher = DataKeys(context.db, BEFORE, context.clock)
        if number % 2:
            cipher.encrypt("x", scope=f"person:{number}")
        return cipher.derive("p")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(begin, range(8)))) == 1


def as_an_earlier_release_left_it(context: Context) -> None:
    """With a data key, and without the root, which earlier releases did not have."""
    DataKeys(context.db, BEFORE, context.clock).encrypt("x", scope="person:1")
    with context.db.begin() as connection:
        connection.execute(data_keys.delete().where(data_keys.c.scope == ROOT))


def test_without_the_announcement_an_old_process_meets_what_it_cannot_read(context: Context) -> None:
    """Why there is a stage in which the new key is only announced."""
    sealed = DataKeys(context.db, TURNED, context.clock).encrypt("x", scope="s")
    with pytest.raises(CannotDecrypt, match="k2 is not in the ring"):
        DataKeys(context.db, BEFORE, context.clock).decrypt(sealed, scope="s")
    assert DataKeys(context.db, ANNOUNCED, context.clock).decrypt(sealed, scope="s") == "x"


def test_an_announced_key_is_written_with_a_plus_and_wraps_nothing() -> None:
    ring = KeyRing.parse("+k2:bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=,k1:b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28=")
    assert (ring.newest, ring.oldest) == ("k1", OLD)
    with pytest.raises(ValueError, match="no key-encryption key"):
        KeyRing.parse("+k2:bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=")


def test_more_data_keys_than_one_batch_are_all_wrapped_anew(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.crypto.REWRAP_BATCH", 3)
    before = DataKeys(context.db, BEFORE, context.clock)
    for number in range(10):
        before.encrypt("x", scope=f"s{number}")
    assert DataKeys(context.db, TURNED, context.clock).rewrap() == 11  # the root too
