"""Keys are replaced while people sign in, on two processes at once, and no client meets a token that it cannot check."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet

from identity.app import create_app
from identity.context import create_context
from identity.models.signing_key import KeyState
from identity.operations import keys, people
from identity.standards import jose
from identity.standards.oidc_claims import Facts
from shared.clock import FixedClock, SystemClock
from shared.ids import SystemIds
from shared.run import check_digit, parse_run
from tests.engines import Engines
from tests.factories.identity import CALLBACK, PASSWORD, SECRET, VERIFIER, Browser, QuickHasher, furnished_copy, make_settings

CLIENTS, LOGINS, ROTATIONS = 16, 3, 3
RUNS = [f"{number}-{check_digit(number)}" for number in range(20_000_000, 20_000_000 + CLIENTS)]


@dataclass
class RelyingParty:
    """A client that keeps the keys, and asks again when a token names one that it does not have."""

    run: str
    signs_in_at: Flask
    asks_keys_at: Flask
    kept: KeySet = field(default_factory=lambda: KeySet([]))
    kids: set[str] = field(default_factory=set)

    def log_in(self) -> None:
        """Sign a person in and check the ID token; a key that is not published fails the test."""
        code = Browser(self.signs_in_at.test_client()).sign_in(self.run)["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        reply = self.signs_in_at.test_client().post("/openid/token", data={**form, "client_id": "web", "client_secret": SECRET}).json
        kid = jose.read_header(reply["id_token"]).kid
        if kid not in {key.kid for key in self.kept.keys}:
            self.kept = KeySet.import_key_set(self.asks_keys_at.test_client().get("/openid/jwks").json)
        jwt.decode(reply["id_token"], self.kept, algorithms=["ES256"])
        self.kids.add(str(kid))


@pytest.fixture
def processes(engines: Engines, run_folder: Path) -> Iterator[list[Flask]]:
    with furnished_copy(engines, run_folder) as url:
        contexts = []
        for _ in range(2):
            context = create_context(make_settings(url, cache_ttl_ms=150, database_pool_size=20), clock=SystemClock(), ids=SystemIds())
            context.__dict__["hasher"] = QuickHasher()
            contexts.append(context)
        for run in RUNS:
            person = people.create_person(contexts[0], Facts(parse_run(run), ("Ana",), ("Rojas",)), actor="test")
            people.set_password(contexts[0], person, PASSWORD, actor="test")
        yield [create_app(context=context) for context in contexts]
        for context in contexts:
            context.close()


@pytest.mark.rule("identity", "KY-2", "KY-4", "§2.24")
def test_emergency_rotation_while_sixteen_clients_log_in(processes: list[Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    made = jose.generate_key
    monkeypatch.setattr(jose, "generate_key", lambda _alg: made("ES256"))  # RSA keys take long, and nothing here signs with them
    one, two = processes
    parties = [RelyingParty(run, one, two) if number % 2 else RelyingParty(run, two, one) for number, run in enumerate(RUNS)]
    done, changed = 0, threading.Condition()

    def log_in_often(party: RelyingParty) -> None:
        nonlocal done
        for _ in range(LOGINS):
            party.log_in()
            with changed:
                done += 1
                changed.notify_all()

    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(log_in_often, party) for party in parties]
        for rotation in range(1, ROTATIONS + 1):
            with changed:
                wanted = rotation * CLIENTS * LOGINS // (ROTATIONS + 1)
                changed.wait_for(lambda wanted=wanted: done >= wanted or any(future.done() for future in running), 60)
            keys.rotate_keys(one.extensions["andamio"].context, actor="test", emergency=True)
        for future in running:
            future.result()
    published = two.test_client().get("/openid/jwks").json["keys"]
    assert len(set().union(*(party.kids for party in parties))) >= 2, "a new key came into use meanwhile"
    assert {kid for party in parties for kid in party.kids} <= {jwk["kid"] for jwk in published}, "the old ones stay published"


@pytest.mark.rule("identity", "KY-4")
def test_a_key_of_an_emergency_signs_once_every_process_publishes_it(processes: list[Flask]) -> None:
    context = processes[0].extensions["andamio"].context
    before = context.keys.signer("ES256").kid
    keys.rotate_keys(context, actor="test", emergency=True)
    active = next(stored for stored in context.keys.published() if stored.alg == "ES256" and stored.state is KeyState.ACTIVE)
    assert active.kid != before
    clock = FixedClock(active.created_at + timedelta(milliseconds=299))
    context.clock = clock
    assert context.keys.signer("ES256").kid == before
    clock.advance(seconds=1)
    assert context.keys.signer("ES256").kid == active.kid
