"""The wallet's processes die while a person decides and while the gate fetches: nothing half granted, nothing released unlogged."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from deploy.journey.pages import Page
from deploy.journey.person import Person
from deploy.sandbox.clients import Answer, MachineTokens, WalletClient
from deploy.sandbox.example.office import consent_request, exchange_request
from tests.fault.conftest import Note
from tests.fault.people import browser_client, insist, person
from tests.fault.suite import Suite, until

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("fault")]
RUN = "11111111-1"
EXCHANGES = 4


@dataclass
class Case:
    """One office that asks one person."""

    suite: Suite
    person: Person
    wallet: WalletClient
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def return_url(self) -> str:
        """Where the person goes after deciding."""
        return f"{self.suite.facts['example']}/consent/return"

    def ask(self) -> Page:
        """The office asks, the person signs in and stands before the question."""
        facts, now = self.suite.facts["wallet"], datetime.now(UTC)
        wanted = consent_request(facts, run=RUN, request_id=self.request_id, redirect_uri=self.return_url, language="es", now=now)
        answer = self.wallet.ask(wanted)
        assert answer.status == 201, answer
        return self.person.arrive(answer.body["view_uri"], back_at=(self.return_url,))

    def grant(self, page: Page) -> Page:
        """Press "grant"."""
        return self.person.press(page, name="decision", value="grant")

    def item(self) -> dict[str, str]:
        """How the request stands."""
        answer = insist(lambda: self.wallet.look(self.request_id))
        assert answer.status == 200, answer
        [item] = answer.body["items"]
        return dict(item)

    def exchanges(self, count: int) -> list[dict[str, object]]:
        """Requests to the gate, each with an id of its own."""
        return [exchange_request(self.suite.facts["wallet"], RUN, self.item()["consent_id"]) for _ in range(count)]


@pytest.fixture
def case(suite: Suite) -> Iterator[Case]:
    consumer = suite.facts["wallet"]["consumer"]
    issuer = suite.sandbox.text("identity", "issuer")
    tokens = MachineTokens(issuer=issuer, client_id=consumer["client_id"], private_jwk=consumer["private_jwk"])
    with browser_client() as client:
        yield Case(suite, person(suite, client, RUN), WalletClient(suite.url("wallet"), tokens, suite.http))


@pytest.mark.rule("wallet", "§5.4")
def test_a_grant_cut_off_is_no_grant_and_the_person_can_still_decide(suite: Suite, case: Case, note: Note) -> None:
    page = case.ask()
    with ThreadPoolExecutor(1) as pool:
        with suite.held("wallet", "consents"):
            pressed = pool.submit(case.grant, page)
            until(lambda: suite.is_waited_for("wallet", "consents"), "the grant is half written")
            death = suite.kill("wallet", "wallet-worker")
        assert isinstance(pressed.exception(), httpx.TransportError)
    assert case.item()["state"] not in {"accepted", "refused"}
    note("wallet web and worker back after kill -9", death.recovered())
    back = insist(lambda: case.grant(page))
    assert back.url.startswith(case.return_url)
    assert case.item()["state"] == "accepted"
    assert suite.row("wallet", "SELECT count(*) FROM consents WHERE consent_id = %s", case.item()["consent_id"]) == (1,)
    [wanted] = case.exchanges(1)
    assert case.wallet.fetch(wanted).status == 200


@pytest.mark.rule("wallet", "§8.1", "S3", "X7")
def test_exchanges_cut_off_are_in_the_log_and_are_released_once_when_repeated(suite: Suite, case: Case, note: Note) -> None:
    """All wait for the register when the process dies; all but one are repeated, that one is closed by the clock."""
    case.grant(case.ask())
    wanted = case.exchanges(EXCHANGES)
    with ThreadPoolExecutor(EXCHANGES) as pool:
        with suite.frozen("side"):
            asked = [pool.submit(case.wallet.fetch, one) for one in wanted]
            until(lambda: len([one for one in wanted if _row(suite, one)]) == EXCHANGES, "every attempt is written")
            death = suite.kill("wallet", "wallet-worker")
        for cut_off in asked:
            assert isinstance(cut_off.exception(), httpx.TransportError)
    *repeated, left = wanted
    answers = [insist(_answered(case, one)) for one in repeated]
    note(f"{len(repeated)} exchanges answered after the process's death", death.seconds)
    for one, answer in zip(repeated, answers, strict=True):
        state, txn = _row(suite, one)[0]
        assert (state, txn) == ("released", answer.body["txn"])
        assert _outcomes(suite, txn) == {"attempt": 2, "released": 1}
    [(state, txn)] = _row(suite, left)
    assert (state, _outcomes(suite, txn)) == ("attempt", {"attempt": 1})
    _let_time_pass(suite, left)
    assert _outcomes(suite, txn) == {"attempt": 1, "failed": 1}
    assert suite.row("wallet", "SELECT uses FROM consents WHERE consent_id = %s", case.item()["consent_id"]) == (len(repeated),)


def _answered(case: Case, request: dict[str, object]) -> Callable[[], Answer]:
    def fetch() -> Answer:
        answer = case.wallet.fetch(request)
        if answer.status >= 500:
            raise httpx.ReadError(f"answered {answer.status}")
        assert answer.status == 200, answer
        return answer

    return fetch


def _row(suite: Suite, request: dict[str, object]) -> list[tuple[str, str]]:
    return suite.rows("wallet", "SELECT state, txn::text FROM exchanges WHERE request_id = %s", request["request_id"])


def _outcomes(suite: Suite, txn: str) -> dict[str, int]:
    """What the access log says of a transaction."""
    entries = suite.rows("wallet", "SELECT core::jsonb ->> 'outcome' FROM audit_entries WHERE core::jsonb ->> 'txn' = %s", txn)
    return dict(Counter(outcome for (outcome,) in entries))


def _let_time_pass(suite: Suite, request: dict[str, object]) -> None:
    """Make the attempt an hour old and have the periodic job run now, which closes what is left open."""
    suite.rows(
        "wallet", "UPDATE exchanges SET attempted_at = attempted_at - interval '1 hour' WHERE request_id = %s", request["request_id"]
    )

    def closed() -> bool:
        suite.rows("wallet", "UPDATE outbox SET due_at = now() WHERE job = 'close_interrupted_exchanges' AND runner IS NULL")
        return _row(suite, request)[0][0] == "failed"

    until(closed, "the attempt is closed as failed")
