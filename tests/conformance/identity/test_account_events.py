"""Receivers are told of disabled, enabled and compromised accounts and of deaths.  Spec: RFC 8417, RFC 8935; wallet contract §11."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import text

from identity.models.person import PersonState
from identity.operations import account_events, giving, mandates, people, register, security
from identity.operations.giving import Gift
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
    assert [list(one["events"]) for one in tokens] == [[account_events.COMPROMISED]] * 3
    assert len({one["jti"] for one in tokens}) == 1
    told.clock.advance(seconds=86_400)
    told.run_jobs()
    assert len(receiver.calls) == 3


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
