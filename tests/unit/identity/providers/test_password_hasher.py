"""The real hasher: parameters, pepper, gate, and the same contract as the tests' quick one."""

import base64
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.system import LINUX
from identity.providers.base import Hashed, Hasher, TooBusy
from identity.providers.password_hasher import HASH_NICE, Argon2Hasher, Gate
from tests.factories.identity import QuickHasher

OLD, NEW = (base64.b64encode(letter * 32).decode() for letter in (b"o", b"n"))


def gate() -> Gate:
    return Gate(at_once=1, waiting=1, wait_ms=50)


@pytest.fixture(params=["real", "quick"])
def hasher(request: pytest.FixtureRequest) -> Hasher:
    return Argon2Hasher(f"1:{OLD}", gate()) if request.param == "real" else QuickHasher()


def test_the_contract_of_hashers(hasher: Hasher) -> None:
    stored = hasher.hash("contraseña larga 🦤")
    assert hasher.verify(stored, "contraseña larga 🦤")
    assert not hasher.verify(stored, "contraseña larga")
    assert not hasher.verify(None, "contraseña larga 🦤")
    assert not hasher.is_outdated(stored)


@pytest.mark.rule("identity", "PW-1", "PW-2")
def test_parameters_stand_in_the_hash_and_the_pepper_does_not() -> None:
    stored = Argon2Hasher(f"1:{OLD}", gate()).hash("x")
    assert stored.text.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not Argon2Hasher(f"1:{NEW}", gate()).verify(stored, "x")


@pytest.mark.rule("identity", "PW-2")
def test_an_older_pepper_still_works_and_is_told_to_be_old() -> None:
    stored = Argon2Hasher(f"1:{OLD}", gate()).hash("x")
    newer = Argon2Hasher(f"2:{NEW},1:{OLD}", gate())
    assert newer.verify(stored, "x")
    assert newer.is_outdated(stored)
    assert not Argon2Hasher(f"2:{NEW}", gate()).verify(stored, "x"), "the pepper is gone"


@pytest.mark.rule("identity", "PW-4")
def test_unicode_forms_are_one_and_over_long_is_refused_not_cut() -> None:
    hasher = Argon2Hasher(f"1:{OLD}", gate())
    assert hasher.verify(hasher.hash("caf\u00e9"), "cafe\u0301")
    assert hasher.verify(hasher.hash("x" * 256), "x" * 256)
    assert not hasher.verify(hasher.hash("x" * 257), "x" * 257)


@pytest.mark.rule("identity", "PW-1")
def test_a_damaged_hash_is_a_wrong_password() -> None:
    assert not Argon2Hasher(f"1:{OLD}", gate()).verify(Hashed("$argon2id$nonsense", "1"), "x")


@pytest.mark.rule("identity", "PW-3")
def test_nobody_costs_as_much_as_somebody() -> None:
    """CPU time of this thread, the middle of several: a factor of two would be seen at once."""
    hasher = Argon2Hasher(f"1:{OLD}", gate())
    stored = hasher.hash("x")

    def cost(against: Hashed | None) -> float:
        spent = []
        for _ in range(5):
            before = time.thread_time()
            hasher.verify(against, "wrong")
            spent.append(time.thread_time() - before)
        return sorted(spent)[2]

    assert 0.5 < cost(None) / cost(stored) < 2


@pytest.mark.rule("identity", "PW-2")
def test_the_gate_lets_one_in_one_wait_and_turns_the_third_away() -> None:
    guarded = Gate(at_once=1, waiting=1, wait_ms=10_000)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with guarded.place():
            inside.set()
            leave.wait(10)

    first = threading.Thread(target=hold)
    first.start()
    assert inside.wait(10)
    inside.clear()
    second = threading.Thread(target=hold)
    second.start()
    while guarded._places._value > 0:  # type: ignore[attr-defined]  # how many places are left
        pass
    with pytest.raises(TooBusy), guarded.place():
        raise AssertionError("there was a place")
    leave.set()
    first.join()
    second.join()
    with guarded.place():
        assert guarded._running._value == 0  # type: ignore[attr-defined]  # as above


@pytest.mark.rule("identity", "PW-2")
def test_who_has_a_place_hashes_as_often_as_needed_and_nobody_waits_for_themselves() -> None:
    hasher = Argon2Hasher(f"1:{OLD}", Gate(at_once=1, waiting=0, wait_ms=0))
    with hasher.place():
        assert hasher.verify(hasher.hash("x"), "x")
        with pytest.raises(TooBusy):
            in_another_thread(lambda: hasher.hash("x"))
    assert in_another_thread(lambda: hasher.hash("x")).pepper_version == "1", "the place is free again"


@pytest.mark.skipif(not LINUX, reason="elsewhere a thread has no priority of its own")
def test_hashing_gives_way_to_requests_that_need_no_hash() -> None:
    hasher = Argon2Hasher(f"1:{OLD}", gate())
    hashing = [thread for thread in threading.enumerate() if thread.name.startswith("hash")]
    assert hasher.hash("x").pepper_version == "1"
    assert {os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) for thread in hashing} == {
        max(HASH_NICE, os.getpriority(os.PRIO_PROCESS, 0))
    }


def in_another_thread(work: Callable[[], Hashed]) -> Hashed:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
