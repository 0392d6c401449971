"""What recipients do with their consents, and who may pause and resume.  Spec: wallet contract §4, §5.4, X6."""

import uuid
from typing import Any

import pytest

from tests.factories.wallet import AGREEMENT, RUN, STRANGER, World
from wallet.errors import ConsentExpired, IllegalTransition, NotPausedByYou
from wallet.models.consent import Consent, ConsentState, find_consent
from wallet.models.consent_request import ConsentRequestItem
from wallet.operations.consent_moves import Actor, drop_requests, end_all, move
from wallet.operations.consents import get_consent, pause, resume, withdraw


def call(world: World, method: str, path: str, body: dict[str, Any] | None = None, client_id: str = "wallet-consumer") -> Any:
    return world.app.test_client().open(path, method=method, json=body, headers=world.bearer(client_id))


def code(answer: Any) -> str:
    return str(answer.json["type"]).removeprefix("urn:andamio:problem:")


@pytest.mark.rule("wallet", "§5.4")
def test_a_client_lists_its_own_consents_by_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.operations.recipients.PAGE", 2)
    given = [world.granted() for _ in range(3)]
    first = call(world, "GET", "/consents").json
    second = call(world, "GET", f"/consents?cursor={first['next_cursor']}").json
    assert sorted(one["consent_id"] for one in [*first["consents"], *second["consents"]]) == sorted(given)
    assert second["next_cursor"] is None
    assert first["consents"][0]["state"] == "active"
    assert RUN not in str(first)
    assert call(world, "GET", "/consents", client_id=STRANGER).json["consents"] == []
    assert call(world, "GET", "/consents?cursor=x").status_code == 400
    assert call(world, "GET", f"/consents?cursor={first['next_cursor']}", client_id=STRANGER).status_code == 404


@pytest.mark.rule("wallet", "§5.4")
def test_changes_come_in_order_once_and_without_uses(world: World) -> None:
    consent_id = world.granted()
    world.fetch(world.exchange_body(consent_id))
    first = call(world, "GET", "/consents/changes").json
    assert [one["type"] for one in first["changes"]] == ["granted"]
    withdraw(world.wallet, world.presence(), uuid.UUID(consent_id))
    then = call(world, "GET", f"/consents/changes?since={first['next_since']}").json
    assert [(one["type"], one["state"]) for one in then["changes"]] == [("withdrawn", "withdrawn")]
    assert call(world, "GET", f"/consents/changes?since={then['next_since']}").json["changes"] == []


@pytest.mark.rule("wallet", "§4")
@pytest.mark.parametrize(("reason", "state"), [(None, "revoked"), ("mistake", "revoked"), ("procedure_closed", "expired")])
def test_a_recipient_gives_up_its_right_and_the_person_sees_why(world: World, reason: str | None, state: str) -> None:
    consent_id = world.granted()
    body = {"reason_code": reason} if reason else {}
    answers = [call(world, "POST", f"/consents/{consent_id}/terminate", body) for _ in range(2)]
    assert [(one.status_code, one.json["state"]) for one in answers] == [(200, state)] * 2
    view = get_consent(world.wallet, world.presence(), uuid.UUID(consent_id))
    assert [event.type for event in view.events] == ["granted", "revoked" if state == "revoked" else "expired"]
    assert view.events[-1].reason_code == (reason or "no_longer_needed")
    assert call(world, "POST", f"/consents/{consent_id}/terminate", {"reason_code": "x"}).status_code == 400


@pytest.mark.rule("wallet", "§5.4")
def test_another_client_cannot_end_it(world: World) -> None:
    consent_id = world.granted()
    assert call(world, "POST", f"/consents/{consent_id}/terminate", {}, STRANGER).status_code == 404
    withdraw(world.wallet, world.presence(), uuid.UUID(consent_id))
    answer = call(world, "POST", f"/consents/{consent_id}/terminate", {})
    assert (answer.status_code, code(answer)) == (409, "illegal_transition")


def keep(world: World) -> str:
    """A consent by which data may be kept, used once and withdrawn."""
    world.run_sql("alter table agreements disable trigger user")
    world.run_sql("""update agreements set limits = limits || '{"modes": ["view", "store"]}' where agreement_id = :id""", id=AGREEMENT)
    world.run_sql("alter table agreements enable trigger user")
    consent_id = world.granted(mode="store")
    assert world.fetch(world.exchange_body(consent_id)).status_code == 200
    return consent_id


@pytest.mark.rule("wallet", "X6")
@pytest.mark.parametrize(
    ("report", "state", "words"),
    [
        ({"outcome": "erased", "at": "2026-06-08T16:00:00Z"}, "erased", "Dicen que borraron sus datos"),
        ({"outcome": "kept", "ground": "Ley 18.575, artículo 7"}, "kept", "Ley 18.575, artículo 7"),
    ],
)
def test_what_was_kept_is_to_be_erased_and_the_person_sees_it(world: World, report: dict[str, str], state: str, words: str) -> None:
    consent_id = keep(world)
    assert call(world, "POST", f"/consents/{consent_id}/erasure", report).status_code == 404
    withdraw(world.wallet, world.presence(), uuid.UUID(consent_id))
    browser = world.browser()
    assert "Deben borrar lo que guardaron" in browser.get(f"/consents/{consent_id}").text
    answers = [call(world, "POST", f"/consents/{consent_id}/erasure", report) for _ in range(2)]
    assert [(one.status_code, one.json["state"]) for one in answers] == [(200, state)] * 2
    assert words in browser.get(f"/consents/{consent_id}").text
    other = {"outcome": "kept", "ground": "otra ley"} if state == "erased" else {"outcome": "erased", "at": "2026-06-08T16:00:00Z"}
    assert call(world, "POST", f"/consents/{consent_id}/erasure", other).status_code == 409
    assert call(world, "POST", f"/consents/{consent_id}/erasure", report, STRANGER).status_code == 404


@pytest.mark.rule("wallet", "X6")
@pytest.mark.parametrize(
    "body",
    [{}, {"outcome": "kept"}, {"outcome": "erased"}, {"outcome": "lost"}, {"outcome": "kept", "ground": "x", "at": "2026-06-08T16:00:00Z"}],
)
def test_a_report_of_erasure_says_when_or_by_which_law(world: World, body: dict[str, str]) -> None:
    assert call(world, "POST", f"/consents/{uuid.uuid4()}/erasure", body).status_code == 400


@pytest.mark.rule("wallet", "§4")
def test_whoever_paused_lets_it_go_on(world: World) -> None:
    consent_id, person = world.granted(), world.presence()
    number = uuid.UUID(consent_id)
    pause(world.wallet, person, number)
    pause(world.wallet, person, number)
    assert world.fetch(world.exchange_body(consent_id)).status_code == 403
    resume(world.wallet, person, number)
    assert world.fetch(world.exchange_body(consent_id)).status_code == 200
    with world.wallet.transaction() as tx:
        consent = find_consent(tx.session, number, lock=True)
        assert consent is not None
        authority = Actor(kind="authority", id="staff:1")
        move(world.wallet, tx, consent, ConsentState.SUSPENDED, actor=authority, subject=person.subject, reason_code="inquiry")
    with pytest.raises(NotPausedByYou):
        resume(world.wallet, person, number)
    assert "Dejar que siga" not in world.browser().get(f"/consents/{consent_id}").text


@pytest.mark.rule("wallet", "§4")
def test_a_paused_consent_still_ends_by_the_clock_and_by_its_person(world: World) -> None:
    first, second, person = world.granted(), world.granted(), world.presence()
    for one in (first, second):
        pause(world.wallet, person, uuid.UUID(one))
    assert withdraw(world.wallet, person, uuid.UUID(second)).state == "withdrawn"
    world.clock.advance(seconds=31 * 86_400)
    with pytest.raises(ConsentExpired):
        resume(world.wallet, person, uuid.UUID(first))
    with pytest.raises(IllegalTransition):
        resume(world.wallet, person, uuid.UUID(second))


@pytest.mark.rule("wallet", "R2", "S6")
def test_what_a_consent_rests_on_goes_and_the_consent_with_it(world: World) -> None:
    consent_id = world.granted()
    world.fetch(world.exchange_body(consent_id))
    world.ask()
    with world.wallet.transaction() as tx:
        system = Actor(kind="system", id="system:registry")
        ended = end_all(
            world.wallet,
            tx,
            Consent.dataset_id == "police-record",
            target=ConsentState.INVALIDATED,
            actor=system,
            reason_code="dataset_retired",
        )
        dropped = drop_requests(
            world.wallet, tx, ConsentRequestItem.dataset_id == "police-record", actor=system.id, reason_code="dataset_retired"
        )
    assert (ended, dropped) == (1, 1)
    assert code(world.fetch(world.exchange_body(consent_id))) == "consent_expired"
    outcomes = [core["outcome"] for core in world.log()]
    assert outcomes == ["attempt", "released", "denied"], "past releases stay in the log"


@pytest.mark.rule("wallet", "U7")
def test_sensitive_data_need_a_stronger_sign_in(world: World) -> None:
    object.__setattr__(world.wallet.settings, "sensitive_grant_level", 2)
    browser = world.browser()
    answer = world.decide(browser, world.ask().json["view_uri"], "grant")
    assert (answer.status_code, "level=2" in answer.location) == (303, True)
    assert world.run_sql("select count(*) from consents") == [(0,)]
    plain = world.ask(world.request_body(world.item(fields=["full_name"]))).json["view_uri"]
    assert "level=" not in world.decide(browser, plain, "grant").location
    refused = world.decide(browser, world.ask().json["view_uri"], "refuse")
    assert "level=" not in refused.location, "no harder to refuse"
