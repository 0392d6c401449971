"""Consoles of teams and of the operator: secrets, sign-ins by day, and ending what was granted in a span of time (§3.11, §3.12)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from identity.models.organisation import Role
from identity.operations import operating, register, team_clients, teams
from identity.operations.refusals import NotOfTheTeam
from shared.run import parse_run
from shared.states import WrongState
from tests.conformance.identity.test_account import form_at
from tests.conformance.identity.test_passkeys import enter
from tests.factories.identity import RUN, RUN_TOTP, House


@pytest.fixture
def team(house: House) -> House:
    """José owns organisation one and operates the suite; Camila does neither."""
    house.identity.settings = replace(house.identity.settings, staff_level=1)
    register.make_owner(house.identity, "org-one", house.person_id(RUN_TOTP))
    register.add_member(house.identity, org_id="org-one", run=parse_run(RUN_TOTP), role=Role.OPERATOR, expires_at=None, actor="test")
    return house


def userinfo(house: House, token: str) -> int:
    return house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.mark.rule("identity", "§3.11", "CA-9")
def test_a_secret_is_removed_after_the_change_but_never_the_last(team: House) -> None:
    owner = team.person_id(RUN_TOTP)
    made = register.add_client_secret(team.identity, "web", actor="test")
    view = teams.look(team.identity, owner, "service-one")
    old, new = [secret for secret in team_clients.list_secrets(team.identity, view) if secret.client_id == "web"]
    with pytest.raises(NotOfTheTeam):
        team_clients.remove_secret(team.identity, team.person_id(RUN), "service-one", old.id)
    browser = enter(team, RUN_TOTP)
    browser.open("/team/services/service-one")
    browser.send({}, form=form_at(browser, f"/secrets/{old.id}/remove"))
    code = team.new_code()
    assert team.token(team.code_form(code)).status_code == 401, "the old one is gone at once"
    assert team.token(team.code_form(code, client_secret=str(made.client_secret))).status_code == 200
    with pytest.raises(WrongState):
        team_clients.remove_secret(team.identity, owner, "service-one", new.id)
    assert len(team.audited("identity:client-secret:removed")) == 1


@pytest.mark.rule("identity", "§3.11")
def test_a_team_sees_sign_ins_by_day_and_nobody(team: House) -> None:
    team.new_code()
    team.clock.advance(seconds=86_400)
    for _ in range(2):
        team.new_code()
    view = teams.look(team.identity, team.person_id(RUN_TOTP), "service-one")
    days = team_clients.statistics(team.identity, view)
    assert [day.sign_ins for day in days[:3]] == [2, 1, 0]
    assert days[0].day - days[1].day == timedelta(days=1)
    assert len(days) == team_clients.DAYS


@pytest.mark.rule("identity", "§3.12")
def test_the_operator_ends_what_was_granted_in_a_span_of_time(team: House) -> None:
    def token() -> str:
        return str((team.token(team.code_form(team.new_code())).json or {})["access_token"])

    before = token()
    team.clock.advance(seconds=600)
    within = token()
    team.clock.advance(seconds=600)
    after = token()
    browser = enter(team, RUN_TOTP)
    browser.open("/operator")
    now = team.clock.now()
    span = {"since": f"{now - timedelta(seconds=700):%Y-%m-%dT%H:%M}", "until": f"{now - timedelta(seconds=500):%Y-%m-%dT%H:%M}"}
    values = {**span, "revoke_client": "web", "revoke_reason": "Un fallo nuestro de hoy"}
    for wrong in ({"revoke_reason": "x"}, {"since": "ayer"}, {"revoke_client": "no-such"}):
        assert browser.send({**values, **wrong}, form=form_at(browser, "/revoke")).status_code == 400
    assert [userinfo(team, one) for one in (before, within, after)] == [200, 200, 200]
    browser.send(values, form=form_at(browser, "/revoke"))
    assert [userinfo(team, one) for one in (before, within, after)] == [200, 401, 200]
    (row,) = team.audited("identity:grants:revoked")
    assert (row["data"]["ended"], row["data"]["reason"]) == (1, "Un fallo nuestro de hoy")
    everything = {"client_id": "", "reason": "todo", "operator_id": team.person_id(RUN_TOTP)}
    assert operating.revoke_between(team.identity, now - timedelta(days=1), now, **everything) >= 2
