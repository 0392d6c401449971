"""Requests that a person answers elsewhere, device flow and CIBA, against a plain model of their state table."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from identity.errors import RemoteRequestNotFound
from identity.models.finders import find_credentials
from identity.models.remote_request import REMOTE_STATES, RemoteState
from identity.operations import remote_requests, sessions
from identity.operations.remote_requests import REQUESTS
from identity.operations.sessions import Origin, Session
from identity.standards import ciba, rfc8628
from shared.clock import FixedClock
from shared.crypto import sha256_hex
from shared.ids import SeededIds
from shared.run import parse_run
from shared.states import WrongState
from tests.conformance.identity.test_ciba import KEY, channel, request_object
from tests.engines import Engines
from tests.factories.identity import RUN, House, furnished_copy, open_house, web_client
from tests.factories.identity_protocol import Strict, enter

DAYS = 3 * 86_400
"""So far apart are the requests of the machine: what was refused before does not block the next (CB-10)."""


@pytest.fixture
def house(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True) as furnished:
        kiosk = web_client(client_id="kiosk", policy="public", native=True, redirect_uris=("cl.example.app:/cb",), sector="kiosk.example")
        enter(furnished, replace(kiosk, grant_types=("authorization_code", rfc8628.GRANT_TYPE), post_logout_redirect_uris=()))
        enter(furnished, channel("channel"))
        yield furnished


class RemoteMachine(RuleBasedStateMachine):
    """The model: in which state the request is, when its time is over, how long its client has to wait, and when it asked last."""

    house: ClassVar[House]

    @initialize(is_ciba=st.booleans())
    def begin(self, is_ciba: bool) -> None:
        self.house.clock.advance(seconds=DAYS)
        self.is_ciba, self.state, self.interval, self.asked_at = is_ciba, RemoteState.PENDING, 5, None
        body = self._ask_channel() if is_ciba else self._post("device_authorization", {"client_id": "kiosk", "scope": "openid run"})
        self.code = str(body["auth_req_id" if is_ciba else "device_code"])
        self.match = str(body.get("match_code", ""))
        self.ends_at = self._now() + int(body["expires_in"])
        self.person = self._sign_in()
        with self.house.identity.reading() as tx:
            found = select(REQUESTS.c.id).where(REQUESTS.c.code_hash == sha256_hex(self.code))
            self.request_id: UUID = tx.connection.execute(found).scalar_one()

    def _now(self) -> float:
        return self.house.clock.now().timestamp()

    @property
    def _is_open(self) -> bool:
        return self.state is RemoteState.PENDING and self._now() < self.ends_at

    def _post(self, path: str, form: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        answer = self.house.client().post(f"/openid/{path}", data=form, headers=headers or {})
        return dict(answer.json)

    def _ask_channel(self) -> dict[str, Any]:
        caller = Strict(self.house, "channel", key=KEY)
        return self._post("bc-authorize", caller.authenticated(request=request_object(self.house, "channel")))

    def _sign_in(self) -> Session:
        identity = self.house.identity
        with identity.transaction() as tx:
            found = find_credentials(tx.connection, identity.cipher, parse_run(RUN))
            assert found is not None
            session, _ = sessions.begin_session(identity, tx, found.person_id, ("pwd",), before=None, origin=Origin())
        return session

    @rule(seconds=st.sampled_from([1, 4, 6, 20, 130, 601]))
    def wait(self, seconds: int) -> None:
        self.house.clock.advance(seconds=seconds)

    @rule(right=st.booleans())
    def agree(self, right: bool) -> None:
        typed = self.match if right else "xx"
        if not self._is_open:
            with pytest.raises(RemoteRequestNotFound):
                remote_requests.approve(self.house.identity, self.request_id, self.person, match_code=typed)
            return
        fits = right or not self.is_ciba
        assert remote_requests.approve(self.house.identity, self.request_id, self.person, match_code=typed) is fits
        self.state = RemoteState.APPROVED if fits else RemoteState.DENIED

    @rule(not_me=st.booleans())
    def refuse(self, not_me: bool) -> None:
        if not self._is_open:
            with pytest.raises(RemoteRequestNotFound):
                remote_requests.deny(self.house.identity, self.request_id, self.person, not_me=not_me)
            return
        remote_requests.deny(self.house.identity, self.request_id, self.person, not_me=not_me)
        self.state = RemoteState.DENIED

    @rule()
    def poll(self) -> None:
        answer = self._poll()
        assert answer.get("error", "tokens") == self._expected()
        if "error" not in answer:
            self.state = RemoteState.REDEEMED

    def _poll(self) -> dict[str, Any]:
        if not self.is_ciba:
            return self._post("token", {"grant_type": rfc8628.GRANT_TYPE, "device_code": self.code, "client_id": "kiosk"})
        caller = Strict(self.house, "channel", key=KEY)
        form = caller.authenticated(grant_type=ciba.GRANT_TYPE, auth_req_id=self.code)
        return self._post("token", form, {"DPoP": caller.dpop("/openid/token")})

    def _expected(self) -> str:
        if self.state is RemoteState.REDEEMED:
            return "invalid_grant"
        if self.state is RemoteState.DENIED:
            return "access_denied"
        if self._now() >= self.ends_at:
            return "expired_token"
        if self.state is RemoteState.APPROVED:
            return "tokens"
        is_early = self.asked_at is not None and self._now() - self.asked_at < self.interval
        self.asked_at, self.interval = self._now(), self.interval + (5 if is_early else 0)
        return "slow_down" if is_early else "authorization_pending"

    @precondition(lambda self: self.state is RemoteState.APPROVED)
    @rule()
    def another_client_gets_nothing(self) -> None:
        form = self.house.code_form("x", grant_type=rfc8628.GRANT_TYPE, device_code=self.code)
        assert self._post("token", form)["error"] in {"unauthorized_client", "invalid_grant"}


@pytest.mark.rule("identity", "§2.19", "CB-6", "CB-9")
def test_a_code_gives_tokens_once_and_only_after_its_person_agreed(house: House) -> None:
    RemoteMachine.house = house
    run_state_machine_as_test(RemoteMachine, settings=settings(max_examples=14, stateful_step_count=10))


@pytest.mark.rule("identity", "§2.19", "CB-6")
def test_the_table_of_moves_is_the_law() -> None:
    for present in RemoteState:
        for target in RemoteState:
            if (present, target) not in REMOTE_STATES.moves:
                with pytest.raises(WrongState):
                    REMOTE_STATES.check(present, target)
    assert REMOTE_STATES.finals() == {RemoteState.DENIED, RemoteState.EXPIRED, RemoteState.REDEEMED}
