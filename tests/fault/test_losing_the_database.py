"""PostgreSQL is killed under load on all four services: what was answered 2xx stays, and the processes go on by themselves."""

import contextlib
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from deploy.sandbox.clients import Answer, MachineTokens, WalletClient
from deploy.sandbox.example.office import consent_request
from deploy.services import SERVICES
from tests.fault.conftest import Note
from tests.fault.senders import Sender
from tests.fault.suite import Suite, until

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("fault")]
RUN = "33333333-3"
BEFORE = 8
AFTER = 8


@dataclass
class Caller:
    """Calls one service again and again; what it was answered with a 2xx is in `kept`."""

    call: Callable[[], object | None]
    kept: list[object] = field(default_factory=list)
    refused: int = 0

    def run(self, stop: threading.Event) -> None:
        """Call until told to stop."""
        while not stop.wait(0.05):
            got = None
            with contextlib.suppress(httpx.TransportError, OSError):
                got = self.call()
            if got is None:
                self.refused += 1
            else:
                self.kept.append(got)


class Load:
    """One caller for each service, and what must be true afterwards of all that they were answered."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.sender = Sender(suite, "database")
        self.callers = {name: Caller(getattr(self, f"_{name}")) for name in SERVICES}

    def check(self, since: str) -> None:
        """Tokens are honoured, messages delivered once; a repeat finds the payment and the request that were made."""
        for token in self.callers["identity"].kept:
            assert self._look(str(token), str(uuid.uuid4())).status == 404
        self.sender.check_delivered_once(since)
        for made in self.callers["pay"].kept:
            assert isinstance(made, tuple)
            assert self._create_payment(str(made[0])) == made
        for request_id in self.callers["wallet"].kept:
            answer = self._wallet_client().ask(self._wanted(str(request_id)))
            assert (answer.status, answer.body["request_id"]) == (200, request_id)

    def _identity(self) -> str:
        return self._tokens().token(audience=self.suite.url("wallet"), scope="wallet:consents")

    def _notify(self) -> str | None:
        return self.sender.post("sms")

    def _pay(self) -> tuple[str, str] | None:
        return self._create_payment(str(uuid.uuid4()))

    def _wallet(self) -> str | None:
        request_id = str(uuid.uuid4())
        answer = self._wallet_client().ask(self._wanted(request_id))
        return request_id if _accepted(answer.status) else None

    def _create_payment(self, key: str) -> tuple[str, str] | None:
        """Create a payment under an idempotency key; the key and the payment's id."""
        url, token = self.suite.url("pay"), self.suite.sandbox.text("pay", "api_keys", "load")
        body = {"amount": 1000, "reference": key, "description": "Postulación", "return_url": f"{self.suite.facts['example']}/pay/return"}
        answer = self.suite.http.post(f"{url}/v1/payments", json=body, headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key})
        return (key, answer.json()["payment_id"]) if _accepted(answer.status_code) else None

    def _wanted(self, request_id: str) -> dict[str, object]:
        facts, today = self.suite.facts["wallet"], datetime.now(UTC).replace(hour=0, minute=0, second=0)
        wanted = consent_request(facts, run=RUN, request_id=request_id, redirect_uri=self._return_url, language="es", now=today)
        return {**wanted}

    @property
    def _return_url(self) -> str:
        return f"{self.suite.facts['example']}/consent/return"

    def _tokens(self) -> MachineTokens:
        consumer = self.suite.facts["wallet"]["consumer"]
        issuer = self.suite.sandbox.text("identity", "issuer")
        return MachineTokens(issuer=issuer, client_id=consumer["client_id"], private_jwk=consumer["private_jwk"])

    def _wallet_client(self) -> WalletClient:
        if "client" not in self.__dict__:
            self.client = WalletClient(self.suite.url("wallet"), self._tokens(), self.suite.http)
        return self.client

    def _look(self, token: str, request_id: str) -> Answer:
        answer = self.suite.http.get(
            f"{self.suite.url('wallet')}/consent-requests/{request_id}", headers={"Authorization": f"Bearer {token}"}
        )
        return Answer(status=answer.status_code, body=answer.json())


def _accepted(status: int) -> bool:
    """Whether it was accepted; a refusal that is not the engine's absence fails the test."""
    assert status < 300 or status >= 500, status
    return status < 300


def test_what_was_answered_before_and_after_postgresql_is_killed_is_kept(suite: Suite, since: str, note: Note) -> None:
    load, stop = Load(suite), threading.Event()
    programs = [*SERVICES, *(f"{service}-worker" for service in SERVICES), "relay"]
    before = {name: suite.pid(name) for name in programs}
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        running = [pool.submit(caller.run, stop) for caller in load.callers.values()]
        try:
            until(lambda: all(len(caller.kept) >= BEFORE for caller in load.callers.values()), "all four services work")
            death = suite.kill("postgres")
            note("PostgreSQL back after kill -9", death.recovered())
            at_death = {name: len(caller.kept) for name, caller in load.callers.items()}
            until(lambda: all(len(load.callers[name].kept) >= count + AFTER for name, count in at_death.items()), "all four work again")
            note("all four services answer again after PostgreSQL's death", death.seconds)
        finally:
            stop.set()
        for one in running:
            one.result()
    assert any(caller.refused for caller in load.callers.values()), "nobody noticed that the database was gone"
    load.check(since)
    assert {name: suite.pid(name) for name in programs} == before, "a process had to be started again"
