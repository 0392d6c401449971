"""Receivers are told of disabled, enabled and compromised accounts, of ended sessions and of deaths.

Spec: RFC 8417, RFC 8935; wallet contract §11.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import text

from identity.models.finders import subject_of
from identity.models.person import PersonState
from identity.operations import account_events, giving, mandates, people, register, security
from identity.operations.giving import Gift
from identity.standards.oidc_claims import Facts
from shared.http import OutboundFailed, Reply
from shared.run import parse_run
from tests.factories.identity import RUN, RUN_TOTP, SECRET, House, web_client

URL = "https://wallet.example/events"


class Receiver:
    """The wallet's own server: answers in turn, then 202."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        monkeypatch.setattr(house.identity.http, "request", self.request)

    def request(self, _method: str, url: str, **call: Any) -> Reply:
        answer = self.answers.pop(0) if self.answers else 202
        if url != URL:
            return Reply(204, {}, b"")
        self.calls.append((url, call))
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, {}, b"")


@pytest.fixture
def told(house: House) -> House:
    register.create_client(house.identity, web_client(client_id="wallet-portal", sector="wallet.example"), actor="test", secret=SECRET)
    house.identity.settings = replace(house.identity.settings, event_receivers=(f"wallet-portal={URL}",))
    with house.identity.transaction() as tx:
        for run in (RUN, RUN_TOTP):  # they have been there
            subject_of(tx.connection, house.identity.pairwise_key, house.person_id(run), "wallet.example")
    return house


def claims_of(house: House, call: Mapping[str, Any]) -> dict[str, Any]:
    token = jwt.decode(call["body"].decode(), KeySet.import_key_set(house.client().get("/openid/jwks").json), algorithms=["ES256"])
    assert token.header["typ"] == "secevent+jwt"
    return dict(token.claims)


@pytest.mark.rule("wallet", "§11")
@pytest.mark.parametrize(
    ("state", "event"),
    [
        (PersonState.SUSPENDED, account_events.DISABLED),
        (PersonState.ACTIVE, account_events.ENABLED),
        (PersonState.DECEASED, account_events.DECEASED),
    ],
)
def test_a_new_state_of_an_account_is_told_by_the_receivers_own_name_for_it(
    told: House, monkeypatch: pytest.MonkeyPatch, state: PersonState, event: str
) -> None:
    receiver = Receiver(told, monkeypatch)
    people.set_state(told.identity, told.person_id(RUN), state, actor="test")
    told.run_jobs()
    ((_, call),) = receiver.calls
    assert call["headers"]["Content-Type"] == "application/secevent+jwt"
    claims = claims_of(told, call)
    assert claims["aud"] == "https://wallet.example"
    assert list(claims["events"]) == [event]
    assert claims["sub_id"]["format"] == "iss_sub"
    assert RUN not in str(claims)
    assert not {"sub", "exp"} & claims.keys()


@pytest.mark.rule("wallet", "§11")
def test_this_was_not_me_is_told_as_a_compromise_and_tried_again_until_it_is_taken(told: House, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver(told, monkeypatch, 500, OutboundFailed("away", sent=False), 202)
    security.lock_down(told.identity, told.person_id(RUN), event_id=None)
    told.run_jobs()
    for seconds in account_events.RETRY_SECONDS[:2]:
        told.clock.advance(seconds=seconds)
        told.run_jobs()
    tokens = [claims_of(told, call) for _, call in receiver.calls]
    told_of = [next(iter(one["events"])) for one in tokens]
    assert sorted(told_of) == sorted([account_events.SIGNED_OUT, account_events.SIGNED_OUT, *[account_events.COMPROMISED] * 2])
    assert len({one["jti"] for one in tokens}) == 2, "each has one name, however often it is tried"
    told.clock.advance(seconds=86_400)
    told.run_jobs()
    assert len(receiver.calls) == 4


@pytest.mark.rule("wallet", "§11")
@pytest.mark.rule("identity", "§3.9")
def test_closing_all_sessions_is_told_and_closing_one_is_not(told: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One session is told by logout tokens to the clients that were used in it; all of them, to receivers too."""
    receiver, person_id = Receiver(told, monkeypatch), told.person_id(RUN)
    for _ in range(2):
        told.browser().sign_in()
    first, second = security.list_sessions(told.identity, person_id, None)
    security.close_elsewhere(told.identity, person_id, only_id=first.id, present=None)
    told.run_jobs()
    assert receiver.calls == []
    security.close_elsewhere(told.identity, person_id, only_id=None, present=second.id)
    told.run_jobs()
    ((_, call),) = receiver.calls
    ((event, members),) = claims_of(told, call)["events"].items()
    assert (event, members["initiating_entity"]) == (account_events.SIGNED_OUT, "user")
    assert members["event_timestamp"] == int(told.clock.now().timestamp())


@pytest.mark.rule("wallet", "§11")
def test_a_new_password_ends_the_sessions_of_receivers_too(told: House, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver(told, monkeypatch)
    security.change_password(told.identity, told.person_id(RUN), "lluvia tejado naranja reloj", session_id=None)
    told.run_jobs()
    assert [next(iter(claims_of(told, call)["events"])) for _, call in receiver.calls] == [account_events.SIGNED_OUT]


@pytest.mark.rule("wallet", "§11")
def test_a_receiver_hears_of_nobody_who_was_never_there(told: House, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver(told, monkeypatch)
    facts = Facts(parse_run("7654321-6"), ("Rosa",), ("Quilodrán",))
    stranger = people.create_person(told.identity, facts, actor="test")
    people.set_state(told.identity, stranger, PersonState.SUSPENDED, actor="test")
    told.run_jobs()
    assert receiver.calls == []


@pytest.mark.rule("wallet", "§11")
def test_without_receivers_nothing_waits(house: House) -> None:
    people.set_state(house.identity, house.person_id(RUN), PersonState.SUSPENDED, actor="test")
    with house.identity.db.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM outbox WHERE job = 'push_account_event'")).scalar() == 0


@pytest.mark.rule("wallet", "§6", "§11")
@pytest.mark.rule("identity", "RP-5")
def test_the_end_of_a_mandate_is_told_of_who_held_it(told: House, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver, now = Receiver(told, monkeypatch), told.clock.now()
    gift = Gift(parse_run(RUN), ("read", "sign"), (), now, now + timedelta(days=30))
    told.identity.settings = replace(told.identity.settings, mandate_level=1)
    mandate_id = giving.give(told.identity, told.person_id(RUN_TOTP), gift)
    giving.accept(told.identity, told.person_id(RUN), mandate_id)
    mandates.set_suspended(told.identity, told.person_id(RUN_TOTP), mandate_id, suspended=True)
    mandates.end(told.identity, told.person_id(RUN_TOTP), mandate_id)
    told.run_jobs()
    for _, call in receiver.calls:
        ((event, members),) = claims_of(told, call)["events"].items()
        assert (event, members["mandate_id"]) == (account_events.MANDATE_ENDED, mandate_id)
    assert len(receiver.calls) == 2
