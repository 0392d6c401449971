import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from shared.clock import FixedClock
from shared.context import Context
from shared.crypto import LOOK_AGAIN, CannotDecrypt, DataKeys, KeyRing, constant_time_equal, data_key_erasures, data_keys, sha256_hex

OLD, NEW = b"o" * 32, b"n" * 32


def test_value_comes_back_only_in_its_scope(context: Context) -> None:
    sealed = context.cipher.encrypt("Ñandú 🐦", scope="service:1")
    assert "Ñandú".encode() not in sealed
    assert context.cipher.decrypt(sealed, scope="service:1") == "Ñandú 🐦"
    context.cipher.encrypt("x", scope="service:2")
    with pytest.raises(CannotDecrypt):
        context.cipher.decrypt(sealed, scope="service:2")


def test_same_value_is_sealed_differently_each_time(context: Context) -> None:
    assert context.cipher.encrypt("a", scope="s") != context.cipher.encrypt("a", scope="s")


@given(place=st.integers(0, 200), flip=st.integers(1, 255))
def test_altered_value_is_refused(place: int, flip: int) -> None:
    ring = KeyRing({"k": OLD})
    _, wrapped = ring.wrap(b"d" * 32, "s")
    altered = bytearray(wrapped)
    altered[place % len(wrapped)] ^= flip
    with pytest.raises(CannotDecrypt):
        ring.unwrap("k", bytes(altered), "s")


def test_another_process_reads_what_this_one_sealed(context: Context) -> None:
    sealed = context.cipher.encrypt("texto", scope="s")
    other = DataKeys(context.db, context.keyring, context.clock)
    assert other.decrypt(sealed, scope="s") == "texto"


def test_erased_scope_is_gone_for_good(context: Context) -> None:
    sealed = context.cipher.encrypt("texto", scope="person")
    context.cipher.erase("person")
    with pytest.raises(CannotDecrypt, match="no such data key"):
        context.cipher.decrypt(sealed, scope="person")
    context.cipher.encrypt("nuevo", scope="person")
    with pytest.raises(CannotDecrypt):
        context.cipher.decrypt(sealed, scope="person")


def test_another_process_that_holds_the_key_sees_the_erasure_within_seconds(context: Context, clock: FixedClock) -> None:
    sealed, kept = context.cipher.encrypt("texto", scope="person"), context.cipher.encrypt("otro", scope="other")
    other = DataKeys(context.db, context.keyring, clock)
    assert other.decrypt(sealed, scope="person") == "texto"
    assert context.cipher.erase("person") == 1
    assert other.decrypt(sealed, scope="person") == "texto", "for no longer than it may go on without asking"
    clock.advance(seconds=LOOK_AGAIN.total_seconds())
    for _ in range(2):
        with pytest.raises(CannotDecrypt, match="no such data key"):
            other.decrypt(sealed, scope="person")
    assert other.decrypt(kept, scope="other") == "otro"
    assert context.cipher.erase("person") == 0


def test_an_older_backup_that_has_no_count_of_erasures_is_read(context: Context) -> None:
    sealed = context.cipher.encrypt("texto", scope="person")
    with context.db.begin() as connection:
        data_key_erasures.drop(connection)
    assert DataKeys(context.db, context.keyring, context.clock).decrypt(sealed, scope="person") == "texto"


def test_a_clock_that_was_set_back_does_not_keep_an_erased_key(context: Context, clock: FixedClock) -> None:
    sealed = context.cipher.encrypt("texto", scope="person")
    other = DataKeys(context.db, context.keyring, clock)
    assert other.decrypt(sealed, scope="person") == "texto"
    context.cipher.erase("person")
    clock.advance(seconds=-3600)
    with pytest.raises(CannotDecrypt, match="no such data key"):
        other.decrypt(sealed, scope="person")


def test_nothing_is_sealed_for_long_under_a_key_that_was_destroyed_and_made_anew(context: Context, clock: FixedClock) -> None:
    other = DataKeys(context.db, context.keyring, clock)
    other.encrypt("antes", scope="person")
    context.cipher.erase("person")
    context.cipher.encrypt("nuevo", scope="person")
    clock.advance(seconds=LOOK_AGAIN.total_seconds())
    assert context.cipher.decrypt(other.encrypt("después", scope="person"), scope="person") == "después"


def test_a_key_that_was_destroyed_while_it_was_read_is_not_kept(
    context: Context, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed, kept = context.cipher.encrypt("texto", scope="person"), context.cipher.encrypt("otro", scope="other")
    other = DataKeys(context.db, context.keyring, clock)
    read = other._read_or_make

    def read_slowly(scope: str, *, make: bool) -> bytes:
        key = read(scope, make=make)
        if scope == "person":  # it is destroyed now, and another thread hears of it
            context.cipher.erase("person")
            clock.advance(seconds=LOOK_AGAIN.total_seconds())
            assert other.decrypt(kept, scope="other") == "otro"
        return key

    monkeypatch.setattr(other, "_read_or_make", read_slowly)
    assert other.decrypt(sealed, scope="person") == "texto", "it was read before"
    monkeypatch.undo()
    with pytest.raises(CannotDecrypt, match="no such data key"):
        other.decrypt(sealed, scope="person")


def test_key_encryption_key_rotates_while_values_stay(context: Context) -> None:
    before = DataKeys(context.db, KeyRing({"old": OLD}), context.clock)
    sealed, index = before.encrypt("texto", scope="s"), before.blind_index("v", purpose="p")
    both = DataKeys(context.db, KeyRing({"new": NEW, "old": OLD}), context.clock)
    assert both.decrypt(sealed, scope="s") == "texto"
    assert both.blind_index("v", purpose="p") == index
    assert both.rewrap() == 2, "that of the scope, and the root"
    assert both.rewrap() == 0
    after = DataKeys(context.db, KeyRing({"new": NEW}), context.clock)
    assert after.decrypt(sealed, scope="s") == "texto"
    assert after.blind_index("v", purpose="p") == index
    with context.db.begin() as connection:
        assert connection.execute(select(data_keys.c.kek_id)).scalars().all() == ["new", "new"]


def test_value_of_a_ring_that_is_not_ours_is_refused(context: Context) -> None:
    sealed = DataKeys(context.db, KeyRing({"old": OLD}), context.clock).encrypt("texto", scope="s")
    with pytest.raises(CannotDecrypt, match="not in the ring"):
        DataKeys(context.db, KeyRing({"new": NEW}), context.clock).decrypt(sealed, scope="s")


def test_blind_index_depends_on_value_purpose_and_key(context: Context) -> None:
    index = context.cipher.blind_index
    assert index("a", purpose="p") == index("a", purpose="p")
    assert len({index("a", purpose="p"), index("b", purpose="p"), index("a", purpose="q")}) == 3


@pytest.mark.parametrize("text", ["", "a", "a:!!", ":AAAA", "a:" + base64.b64encode(b"short").decode()])
def test_bad_key_ring_is_refused_without_telling_the_key(text: str) -> None:
    with pytest.raises(ValueError, match="key") as caught:
        KeyRing.parse(text)
    assert "short" not in str(caught.value)


def test_hash_and_comparison() -> None:
    assert sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert constant_time_equal("ñ", "ñ".encode())
    assert not constant_time_equal("a", "b")
