"""A login interaction against a plain model: in any order of forms, only the whole way leads to a code."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pyotp
import pytest
from bs4 import BeautifulSoup
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from identity.models.interaction import INTERACTION_STATES, InteractionState
from shared.clock import FixedClock
from shared.ids import SeededIds
from shared.states import WrongState
from tests.engines import Engines
from tests.factories.identity import (
    PASSWORD,
    PUBLIC_URL,
    RUN,
    RUN_TOTP,
    TOTP_SECRET,
    House,
    authorization,
    furnished_copy,
    open_house,
    sent_to_client,
)


@pytest.fixture
def house(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True) as furnished:
        yield furnished


class LoginMachine(RuleBasedStateMachine):
    """The model: who has shown the password (`known`), who is signed in (`signed_in`), and whether the request is over."""

    house: ClassVar[House]

    @initialize()
    def begin(self) -> None:
        self.house.clock.advance(seconds=7200)
        self.browser = self.house.browser()
        page = self.browser.http.get("/openid/authorize", query_string=authorization(), base_url=PUBLIC_URL)
        self.path = page.headers["Location"]
        self.known: str | None = None
        self.signed_in: str | None = None
        self.over = False

    def _post(self, path: str, values: dict[str, str]) -> int:
        page = self.browser.open(self.path + "?change=1")
        field = BeautifulSoup(page.get_data(as_text=True), "html.parser").find("input", {"name": "csrf_token"})
        assert field is not None
        mark = {"csrf_token": str(field["value"])}
        self.answer = self.browser.http.post(path, data=mark | values, base_url=PUBLIC_URL)
        return self.answer.status_code

    def _went_to_client(self) -> bool:
        return self.answer.status_code == 303 and self.answer.headers["Location"].startswith("https://client.example/callback?")

    @precondition(lambda self: not self.over)
    @rule(run=st.sampled_from([RUN, RUN_TOTP]), right=st.booleans())
    def send_password(self, run: str, right: bool) -> None:
        self.house.clock.advance(seconds=61)
        status = self._post(self.path, {"run": run, "password": PASSWORD if right else "wrong"})
        if not right:
            assert status == 400
            assert not self._went_to_client()
        elif run == RUN:
            assert "code" in sent_to_client(self.answer)
            self.signed_in, self.over = RUN, True
        else:
            assert self.answer.headers["Location"] == self.path + "/code"
            self.known = RUN_TOTP

    @precondition(lambda self: not self.over)
    @rule(right=st.booleans())
    def send_code(self, right: bool) -> None:
        self.house.clock.advance(seconds=61)
        code = pyotp.TOTP(TOTP_SECRET).at(self.house.clock.now()) if right else "abcdef"
        self._post(self.path + "/code", {"code": code})
        if right and self.known:
            assert "code" in sent_to_client(self.answer)
            self.signed_in, self.over = RUN_TOTP, True
        else:
            assert not self._went_to_client()

    @precondition(lambda self: not self.over)
    @rule()
    def grant_unasked(self) -> None:
        self._post(self.path + "/consent", {"decision": "grant"})
        assert not self._went_to_client()

    @precondition(lambda self: not self.over)
    @rule()
    def go_back(self) -> None:
        self._post(self.path + "/cancel", {})
        assert sent_to_client(self.answer)["error"] == "access_denied"
        self.over = True

    @rule()
    def look_silently(self) -> None:
        sent = sent_to_client(self.browser.authorize(prompt="none"))
        assert ("code" in sent) is (self.signed_in is not None)


@pytest.mark.rule("identity", "AZ-10", "AZ-22", "AZ-24")
def test_only_the_whole_way_leads_to_a_code(house: House) -> None:
    LoginMachine.house = house
    run_state_machine_as_test(LoginMachine, settings=settings(max_examples=8, stateful_step_count=8))


@pytest.mark.rule("identity", "AZ-24")
def test_the_table_of_moves_is_the_law() -> None:
    for present in InteractionState:
        for target in InteractionState:
            if (present, target) not in INTERACTION_STATES.moves:
                with pytest.raises(WrongState):
                    INTERACTION_STATES.check(present, target)
    assert INTERACTION_STATES.finals() == {InteractionState.FINISHED, InteractionState.REFUSED, InteractionState.EXPIRED}
