"""Identity tells of accounts, and consents, sessions and tokens follow.  Spec: wallet contract §11; RFC 8935; RISC and CAEP 1.0."""

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from tests.factories.wallet import ISSUER, ISSUER_KEY, OTHER_RUN, PUBLIC_URL, RUN, IssuerKeys, World
from wallet.standards import account_events as events
from wallet.standards.account_events import MEDIA_TYPE, TYP

SUB = f"sub-{RUN}"


@pytest.fixture(autouse=True)
def keys(world: World) -> None:
    world.wallet.__dict__["issuer_keys"] = IssuerKeys()


def signed(
    world: World, event: str, *, sub: str = SUB, members: dict[str, object] | None = None, key: ECKey = ISSUER_KEY, **changes: object
) -> str:
    now = int(world.clock.now().timestamp())
    claims = {"iss": ISSUER, "aud": PUBLIC_URL, "iat": now, "jti": world.wallet.ids.token(8), "events": {event: members or {}}}
    claims |= {"sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": sub}, **changes}
    header = {"alg": "ES256", "kid": "issuer", "typ": changes.pop("typ", TYP)}
    return jwt.encode(header, {name: value for name, value in claims.items() if name != "typ"}, key, algorithms=["ES256"])


def push(world: World, token: str, *, media_type: str = MEDIA_TYPE) -> TestResponse:
    return world.app.test_client().post("/events", data=token, headers={"Content-Type": media_type})


def states(world: World) -> list[tuple[str, str | None]]:
    return [tuple(row) for row in world.run_sql("select state, state_reason from consents order by created_at")]


def press(browser: FlaskClient, consent_id: str, decision: str) -> TestResponse:
    soup = BeautifulSoup(browser.get(f"/consents/{consent_id}").text, "html.parser")
    mark = soup.select_one("input[name=csrf_token]")
    assert mark is not None
    return browser.post(f"/consents/{consent_id}/pause", data={"csrf_token": str(mark["value"]), "decision": decision})


@pytest.mark.rule("wallet", "§11")
def test_a_disabled_account_pauses_what_is_in_force_and_an_enabled_one_lets_it_go_on(world: World) -> None:
    consent_id = world.granted()
    paused_by_her = world.granted()
    browser = world.browser()
    assert press(browser, paused_by_her, "pause").status_code == 303
    assert push(world, signed(world, events.DISABLED)).status_code == 202
    assert set(states(world)) == {("suspended", "account_disabled"), ("suspended", None)}
    refused = world.fetch(world.exchange_body(consent_id))
    assert (refused.status_code, refused.json["type"].rpartition(":")[2]) == (403, "consent_suspended")
    assert browser.get("/").status_code == 403
    assert push(world, signed(world, events.ENABLED)).status_code == 202
    assert set(states(world)) == {("active", None), ("suspended", None)}
    assert world.fetch(world.exchange_body(consent_id)).status_code == 200


@pytest.mark.rule("wallet", "§11")
def test_a_compromised_credential_ends_sessions_and_pauses_what_it_gave_lately(world: World) -> None:
    old = world.granted(valid_until=(world.clock.now().replace(year=world.clock.now().year, month=8)).isoformat())
    world.clock.advance(seconds=40 * 86_400)
    new = world.granted()
    browser = world.browser()
    world.clock.advance(seconds=60)
    assert push(world, signed(world, events.COMPROMISED, members={"credential_type": "password"})).status_code == 202
    assert states(world) == [("active", None), ("suspended", "credential_compromise")]
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["Location"].startswith("/login")) == (303, True)
    world.clock.advance(seconds=5)
    again = world.browser()  # signed in anew, with another password
    assert press(again, new, "resume").status_code == 303  # it was she: her word lets it go on
    assert [state for state, _ in states(world)] == ["active", "active"]
    assert old != new


@pytest.mark.rule("wallet", "§11")
@pytest.mark.parametrize(("event", "reason"), [(events.PURGED, "account_purged"), (events.DECEASED, "subject_deceased")])
def test_a_purged_account_and_a_death_close_all(world: World, event: str, reason: str) -> None:
    world.granted()
    world.ask()
    assert push(world, signed(world, event)).status_code == 202
    assert states(world) == [("invalidated", reason)]
    assert [row[0] for row in world.run_sql("select state from consent_request_items order by state")] == ["accepted", "invalidated"]
    assert world.browser().get("/").status_code == 403


@pytest.mark.rule("wallet", "§11")
def test_a_revoked_session_is_over_here_and_permissions_stay(world: World) -> None:
    world.granted()
    browser, stranger = world.browser(), world.browser(OTHER_RUN)
    assert (browser.get("/").status_code, stranger.get("/").status_code) == (200, 200)
    world.clock.advance(seconds=60)
    assert push(world, signed(world, events.SIGNED_OUT, members={"reason_admin": {"en": "device lost"}})).status_code == 202
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["Location"].startswith("/login")) == (303, True)
    assert stranger.get("/").status_code == 200
    world.clock.advance(seconds=5)
    assert world.browser().get("/").status_code == 200  # who signs in anew is let in
    assert states(world) == [("active", None)]


@pytest.mark.rule("wallet", "§11")
def test_another_name_for_an_account(world: World) -> None:
    world.granted()
    browser = world.browser()
    world.clock.advance(seconds=60)
    assert push(world, signed(world, events.CHANGED, members={"new-value": "new-sub"})).status_code == 202
    assert browser.get("/").status_code == 303
    world.clock.advance(seconds=60)
    assert push(world, signed(world, events.DISABLED, sub="new-sub")).status_code == 202
    assert states(world) == [("suspended", "account_disabled")]


@pytest.mark.rule("wallet", "§11")
def test_a_repeat_does_nothing_and_strangers_are_nobody(world: World) -> None:
    world.granted()
    token = signed(world, events.DISABLED)
    assert [push(world, token).status_code for _ in range(2)] == [202, 202]
    assert world.run_sql("select count(*) from consent_events where type = 'suspended'")[0][0] == 1
    assert push(world, signed(world, events.DISABLED, sub=f"sub-{OTHER_RUN}")).status_code == 202
    assert push(world, signed(world, "https://schemas.example/unknown")).status_code == 202


@pytest.mark.rule("wallet", "§11")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://evil.example"}, "invalid_issuer"),
        ({"aud": "https://pay.example"}, "invalid_audience"),
        ({"events": {events.DISABLED: {}, events.PURGED: {}}}, "invalid_request"),
        ({"sub_id": {"format": "opaque", "id": "x"}}, "invalid_request"),
        ({"jti": None}, "invalid_request"),
        ({"typ": "at+jwt"}, "invalid_key"),
        ({"key": ECKey.generate_key("P-256", {"kid": "issuer"}, private=True)}, "authentication_failed"),
    ],
)
def test_what_is_not_identitys_event_for_us_is_refused_by_its_code(world: World, changes: dict[str, object], code: str) -> None:
    world.granted()
    answer = push(world, signed(world, events.PURGED, **changes))  # type: ignore[arg-type]  # a table of changes
    assert (answer.status_code, answer.json["err"]) == (400, code)
    assert states(world) == [("active", None)]


@pytest.mark.rule("wallet", "§11")
@pytest.mark.parametrize(
    ("body", "media_type"), [("", MEDIA_TYPE), ("x.y.z", MEDIA_TYPE), ("a" * 20_000, MEDIA_TYPE), ("{}", "application/json")]
)
def test_a_body_that_is_no_event_is_refused(world: World, body: str, media_type: str) -> None:
    answer = push(world, body, media_type=media_type)
    assert (answer.status_code, answer.json["err"]) == (400, "invalid_request")
