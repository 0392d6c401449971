import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from shared.context import Context
from shared.crypto import CannotDecrypt, DataKeys, KeyRing, constant_time_equal, data_keys, sha256_hex

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


def test_key_encryption_key_rotates_while_values_stay(context: Context) -> None:
    before = DataKeys(context.db, KeyRing({"old": OLD}), context.clock)
    sealed, index = before.encrypt("texto", scope="s"), before.blind_index("v", purpose="p")
    both = DataKeys(context.db, KeyRing({"new": NEW, "old": OLD}), context.clock)
    assert both.decrypt(sealed, scope="s") == "texto"
    assert both.blind_index("v", purpose="p") == index
    assert both.rewrap() == 1
    assert both.rewrap() == 0
    after = DataKeys(context.db, KeyRing({"new": NEW}), context.clock)
    assert after.decrypt(sealed, scope="s") == "texto"
    with context.db.begin() as connection:
        assert connection.execute(select(data_keys.c.kek_id)).scalars().all() == ["new"]


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
