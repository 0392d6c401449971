"""Consoles of teams and of the operator: secrets, sign-ins by day, and ending what was granted in a span of time (§3.11, §3.12)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from identity.models.announcement import AnnouncementKind
from identity.models.organisation import Role
from identity.operations import announcing, dead_jobs, operating, register, team_clients, teams
from identity.operations.announcing import Words
from identity.operations.refusals import AnnouncementRefused, NotOfTheTeam
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


WORK = {
    "kind": "work",
    "text_es": "No habrá ingreso por una hora.",
    "text_en": "Nobody can sign in for an hour.",
    "begins_at": "2026-06-12T04:00",
    "ends_at": "2026-06-12T05:00",
}


@pytest.mark.rule("identity", "§3.12")
def test_planned_work_is_announced_two_days_ahead_on_every_page_in_its_language(team: House) -> None:
    operator, stranger = enter(team, RUN_TOTP), team.browser()
    operator.open("/operator/announcements")
    assert operator.send({**WORK, "begins_at": "2026-06-09T04:00"}).status_code == 400
    assert operator.send({**WORK, "text_en": ""}).status_code == 400
    assert operator.send({**WORK, "ends_at": "2026-06-12T03:00"}).status_code == 400
    assert operator.send({**WORK, "ends_at": "soon"}).status_code == 400
    assert operator.send(WORK).status_code == 200
    shown = stranger.authorize().get_data(as_text=True)
    assert "No habrá ingreso por una hora." in shown
    assert "Trabajos programados" in shown
    assert "Nobody can sign in" in stranger.open("/about/status?lang=en").get_data(as_text=True)
    team.clock.advance(seconds=4 * 86_400)
    assert "No habrá" not in team.browser().authorize().get_data(as_text=True)
    assert len(team.audited("identity:announcement:made")) == 1


@pytest.mark.rule("identity", "§3.12")
def test_news_stand_from_their_beginning_until_they_are_taken_away(team: House) -> None:
    operator = enter(team, RUN_TOTP)
    operator.open("/operator/announcements")
    at = team.clock.now()
    news = {
        "kind": "news",
        "begins_at": f"{at + timedelta(minutes=5):%Y-%m-%dT%H:%M}",
        "ends_at": f"{at + timedelta(hours=5):%Y-%m-%dT%H:%M}",
    }
    operator.send({**WORK, **news})
    assert "No habrá" not in team.browser().authorize().get_data(as_text=True)
    team.clock.advance(seconds=301)
    assert "No habrá" in team.browser().authorize().get_data(as_text=True)
    operator.open("/operator/announcements")
    operator.send({}, form=form_at(operator, "/withdraw"))
    assert "No habrá" not in team.browser().authorize().get_data(as_text=True)
    assert len(team.audited("identity:announcement:withdrawn")) == 1


@pytest.mark.rule("identity", "§3.12")
def test_jobs_that_were_given_up_are_shown_without_what_they_are_about_and_run_again(team: House) -> None:
    operator = enter(team, RUN_TOTP)
    with team.identity.transaction() as tx:
        tx.enqueue("send_notice", {"person_id": "a-person"})
        tx.enqueue("ping_client", {"request_id": "another"})
    with team.identity.db.begin() as connection:
        connection.execute(text("UPDATE outbox SET state = 'dead', last_error = 'KeyError' WHERE payload::text LIKE '%a%'"))
    page = operator.open("/operator/jobs").get_data(as_text=True)
    assert "KeyError" in page
    assert "a-person" not in page
    before = len(dead_jobs.list_dead(team.identity))
    operator.send({"job_id": str(dead_jobs.list_dead(team.identity)[0].id)}, form=0)
    assert len(dead_jobs.list_dead(team.identity)) == before - 1
    for nonsense in ("x", "9" * 19, "999999", "-1"):
        assert operator.send({"job_id": nonsense}, form=0).status_code == 200
    assert len(dead_jobs.list_dead(team.identity)) == before - 1
    operator.send({}, form=form_at(operator, "/replay") + before - 1)
    assert dead_jobs.list_dead(team.identity) == []
    assert next(entry["data"] for entry in team.audited("identity:jobs:replayed")) == {"jobs": 1}
    assert enter(team, RUN).open("/operator/jobs").status_code == 403


@pytest.mark.rule("identity", "§3.12")
@pytest.mark.parametrize(
    "changes", [{"text_es": "a\x00b"}, {"begins_at": datetime(1, 1, 1, tzinfo=UTC)}, {"ends_at": datetime(9999, 12, 31, tzinfo=UTC)}]
)
def test_an_announcement_that_no_page_could_show_is_refused(team: House, changes: dict[str, Any]) -> None:
    now = team.clock.now()
    words = Words(AnnouncementKind.NEWS, "Hola", "Hello", now, now + timedelta(days=1))
    with pytest.raises(AnnouncementRefused):
        announcing.announce(team.identity, team.person_id(RUN), replace(words, **changes))
