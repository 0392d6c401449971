"""Argon2id with a pepper, behind a gate that bounds memory and waiting.  Spec: identity-oidc PW-1…PW-4."""

import base64
import hmac
import os
import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress

from argon2 import PasswordHasher as Argon2
from argon2 import Type
from argon2.exceptions import InvalidHashError, VerificationError

from identity.providers import foreign_hashes
from identity.providers.base import Hashed, TooBusy

LENGTH_MAX = 256
MEMORY_KIB, TIME_COST, PARALLELISM = 19 * 1024, 2, 1
HASH_NICE = 10
"""Where cores are short, a request that needs no hash goes before those that do: a crowd at the sign-in page does not slow tokens down."""


class Gate:
    """Lets `at_once` in, `waiting` queue for at most `wait_ms`, and turns others away.

    Who is in may enter again: a sign-in takes its place before it begins, and each hash of it finds that it has one.
    """

    def __init__(self, *, at_once: int, waiting: int, wait_ms: int) -> None:
        self._running = threading.BoundedSemaphore(at_once)
        self._places = threading.BoundedSemaphore(at_once + waiting)
        self.at_once = at_once
        self._wait_seconds = wait_ms / 1000
        self._mine = threading.local()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one place.  Raises: TooBusy."""
        if getattr(self._mine, "is_in", False):
            yield
            return
        if not self._places.acquire(blocking=False):
            raise TooBusy
        try:
            if not self._running.acquire(timeout=self._wait_seconds):
                raise TooBusy
            self._mine.is_in = True
            try:
                yield
            finally:
                self._mine.is_in = False
                self._running.release()
        finally:
            self._places.release()


class Argon2Hasher:
    """Argon2id over HMAC-SHA-256 of the password in NFC; `peppers` is `version:base64,…`, newest first."""

    def __init__(self, peppers: str, gate: Gate) -> None:
        parts = [part.strip().partition(":") for part in peppers.split(",")]
        self._peppers = {version: base64.b64decode(key, validate=True) for version, _, key in parts}
        self._newest = parts[0][0]
        self._gate = gate
        self._threads = ThreadPoolExecutor(gate.at_once, "hash", initializer=_step_back)
        self._argon2 = Argon2(TIME_COST, MEMORY_KIB, PARALLELISM, hash_len=32, salt_len=16, type=Type.ID)
        self._nobody = self.hash("nobody has this password")

    def place(self) -> AbstractContextManager[None]:
        """Hold one of the places of those who may hash.  Raises: TooBusy."""
        return self._gate.place()

    def hash(self, password: str) -> Hashed:
        """Return the hash to store.  Raises: TooBusy."""
        with self._gate.place():
            text = self._threads.submit(self._argon2.hash, self._peppered(password, self._newest)).result()
            return Hashed(text, self._newest)

    def verify(self, stored: Hashed | None, password: str) -> bool:
        """Answer whether the password is the stored one, at the same cost where there is none (PW-3).  Raises: TooBusy."""
        if stored is not None and stored.pepper_version == foreign_hashes.FOREIGN_VERSION:
            return self._verify_foreign(stored, password)
        usable = stored if stored is not None and stored.pepper_version in self._peppers else None
        against = usable or self._nobody
        with self._gate.place():
            try:
                self._verify(against.text, self._peppered(password, against.pepper_version))
            except (VerificationError, InvalidHashError):
                return False
        return usable is not None and len(password) <= LENGTH_MAX

    def _verify_foreign(self, stored: Hashed, password: str) -> bool:
        """Check a hash from elsewhere, and spend what one of ours would cost besides."""
        with self._gate.place():
            is_right = foreign_hashes.verify(stored.text, password) and len(password) <= LENGTH_MAX
            with suppress(VerificationError):
                self._verify(self._nobody.text, self._peppered(password, self._newest))
        return is_right

    def _verify(self, text: str, peppered: str) -> None:
        """Raises: VerificationError, InvalidHashError."""
        self._threads.submit(self._argon2.verify, text, peppered).result()

    def is_outdated(self, stored: Hashed) -> bool:
        """Answer whether a hash should be made anew."""
        return stored.pepper_version != self._newest or self._argon2.check_needs_rehash(stored.text)

    def _peppered(self, password: str, version: str) -> str:
        normal = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
        return hmac.new(self._peppers[version], normal, "sha256").hexdigest()


def _step_back() -> None:
    """Lower the priority of this thread; where threads have none of their own (other than on Linux) it keeps the process's."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASH_NICE)
