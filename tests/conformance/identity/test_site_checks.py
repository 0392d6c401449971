"""The automatic certification of a team's test site, against a small one that runs here: right, and wrong in each way (§3.11)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import text

from identity.context import Identity
from identity.errors import RegisterNotFound
from identity.models.organisation import Role
from identity.models.service import Stage
from identity.models.site_check import SiteCheck
from identity.operations import register, site_checks, teams
from identity.operations.refusals import NotOfTheTeam
from identity.operations.site_checks import AddressNotOfTheSite, Wanted
from identity.standards.site_findings import LINES
from shared.run import parse_run
from shared.states import WrongState
from tests.engines import Engines
from tests.factories.identity import RUN, RUN_TOTP, SECRET, TOTP_SECRET, web_client, words_of
from tests.factories.identity_account import AccountHelpers
from tests.factories.identity_live import LiveIdentity, live_identity
from tests.factories.relying_party import CLIENT_ID, RelyingParty, relying_party

pytestmark = pytest.mark.rule("identity", "§3.11")
SERVICE = "service-trial"


@dataclass
class Team(AccountHelpers):
    """A running identity whose José owns a service on trial, and the site of that service."""

    live: LiveIdentity
    site: RelyingParty

    @property
    def identity(self) -> Identity:  # type: ignore[override]  # read only here
        """The context of the running identity."""
        return self.live.identity

    def wanted(self, **changes: str) -> Wanted:
        """What the team asks for."""
        origin = self.site.origin
        values = {
            "client_id": CLIENT_ID,
            "login_url": origin + "/login",
            "page_url": origin + "/mine",
            "sign_out_url": origin + "/sign-out",
        }
        return Wanted(**{**values, **changes})

    def check(self, *forgets: str, **changes: str) -> dict[str, tuple[str, str]]:
        """Have the site looked at, as it is when it forgets some checks; return outcome and what was seen of what is not in order."""
        self.site.forgets = frozenset(forgets)
        site_checks.ask(self.identity, self.person_id(RUN_TOTP), SERVICE, self.wanted(**changes))
        self.live.run_jobs()
        found = self.newest()
        assert found.state == "done"
        assert [one["check"] for one in found.findings] == list(LINES)
        return {one["check"]: (one["outcome"], one["seen"]) for one in found.findings if one["outcome"] != "passed"}

    def newest(self) -> SiteCheck:
        """The newest check."""
        return site_checks.look(self.identity, self.person_id(RUN_TOTP), SERVICE)[1][CLIENT_ID]


@pytest.fixture(scope="module")
def team(engines: Engines, run_folder: Path) -> Iterator[Team]:
    with relying_party() as site:

        def furnish(identity: Identity) -> None:
            register.add_member(identity, org_id="org-one", run=parse_run(RUN_TOTP), role=Role.OWNER, expires_at=None, actor="test")
            about = {"purpose": "Pruebas.", "start_url": site.origin, "contact_email": "equipo@example.com", "actor": "test"}
            register.create_service(
                identity, service_id=SERVICE, org_id="org-one", name="En prueba", stage=Stage.TRIAL, release_basis="law", **about
            )
            new = web_client(client_id=CLIENT_ID, service_id=SERVICE, redirect_uris=(site.origin + "/callback",), scopes=("openid",))
            register.create_client(identity, replace(new, post_logout_redirect_uris=(site.origin + "/",)), actor="test", secret=SECRET)

        with live_identity(engines, run_folder, furnish=furnish, outbound_private_hosts=(site.origin.removeprefix("http://"),)) as live:
            site.provider = live.origin + "/openid"
            yield Team(live, site)


def is_proven(team: Team) -> bool:
    view = teams.look(team.identity, team.person_id(RUN_TOTP), SERVICE)
    return next(check.done for check in view.checks if "test site" in check.words)


def test_a_site_that_checks_everything_is_in_order_and_may_go_on_to_live(team: Team) -> None:
    assert not is_proven(team)
    assert team.check() == {}
    assert team.newest().is_clean
    assert is_proven(team)
    with team.identity.db.engine.connect() as connection:
        lasting = text("SELECT count(*) FROM sso_sessions WHERE device = 'Andamio' AND ended_at IS NULL")
        granted = text(
            "SELECT count(*) FROM grants g JOIN sso_sessions s ON s.id = g.session_id WHERE s.device = 'Andamio' AND revoked_at IS NULL"
        )
        assert connection.execute(lasting).scalar_one() == 0, "what was begun for the check is over"
        assert connection.execute(granted).scalar_one() == 0


LET_IN = ("failed", "let-in")


@pytest.mark.parametrize(
    ("forgets", "found"),
    [
        (("state",), {"strange-state": LET_IN, "stolen-state": ("failed", "code-used")}),
        (("own-state",), {"stolen-state": ("failed", "code-used")}),
        (("nonce",), {"wrong-nonce": LET_IN}),
        (("signature",), {"wrong-signature": LET_IN}),
        (("exp", "iss", "aud"), {"expired": LET_IN, "wrong-issuer": LET_IN, "wrong-audience": LET_IN}),
        (("sender",), {"other-sender": ("advice", "let-in")}),
        (("page",), {"signs-out": ("failed", "still-in")}),
        (("logout",), {"signs-out": ("failed", "no-logout")}),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else "",
)
def test_each_check_that_a_site_forgets_is_named_and_nothing_else(
    team: Team, forgets: tuple[str, ...], found: dict[str, tuple[str, str]]
) -> None:
    assert team.check(*forgets) == found
    assert team.newest().is_clean is all(outcome != "failed" for outcome, _ in found.values())


def test_a_site_that_asks_everybody_with_the_same_values_is_told(team: Team) -> None:
    found = team.check("fresh")
    assert {found[check] for check in ("state", "nonce", "pkce")} == {("failed", "twice-the-same")}
    assert not is_proven(team), "the newest check counts"


def test_what_does_not_work_at_all_is_told_in_words(team: Team) -> None:
    origin = team.site.origin
    assert team.check(login_url=origin + "/")["asks"] == ("failed", "not-asked")
    assert team.check(page_url=origin + "/")["closed"] == ("failed", "open-to-all")
    assert team.check(sign_out_url="") == {"signs-out": ("not-tried", "no-sign-out")}
    provider, team.site.provider = team.site.provider, "http://elsewhere.example"
    assert team.check()["asks"] == ("failed", "elsewhere")
    team.site.provider = provider
    team.site.origin = "http://localhost:1"
    try:
        assert team.check(login_url=origin + "/login", page_url=origin + "/mine", sign_out_url="")["request"] == ("failed", "refused")
    finally:
        team.site.origin = origin


def test_only_the_teams_own_site_is_visited_and_only_by_who_manages_it(team: Team) -> None:
    owner, visited = team.person_id(RUN_TOTP), len(team.site.asked)
    for url in (
        "http://169.254.169.254/latest",
        "http://localhost:1/login",
        "file:///etc/passwd",
        "javascript:1",
        "",
        team.site.origin + "/\u00e1",
    ):
        with pytest.raises(AddressNotOfTheSite, match="login_url"):
            site_checks.ask(team.identity, owner, SERVICE, team.wanted(login_url=url))
    with pytest.raises(NotOfTheTeam):
        site_checks.ask(team.identity, team.person_id(RUN), SERVICE, team.wanted())
    with pytest.raises(RegisterNotFound):
        site_checks.ask(team.identity, owner, SERVICE, team.wanted(client_id="web"))
    with pytest.raises(WrongState, match="live"):
        site_checks.ask(team.identity, owner, "service-one", team.wanted(client_id="web"))
    assert len(team.site.asked) == visited


def test_the_page_starts_one_check_at_a_time_and_tells_what_was_found(team: Team) -> None:
    browser = team.live.browser()
    browser.open("/account")
    browser.log_in(RUN_TOTP)
    browser.send({"code": pyotp.TOTP(TOTP_SECRET).now()})
    browser.open(f"/team/services/{SERVICE}")
    browser.open(f"/team/services/{SERVICE}/check")
    wanted = {name: getattr(team.wanted(), name) for name in ("login_url", "page_url", "sign_out_url")}
    assert browser.send({**wanted, "page_url": "https://otro.example/"}).status_code == 400
    team.site.forgets = frozenset({"nonce"})
    assert "La revisión está en curso" in words_of(browser.send(wanted))
    assert browser.send(wanted).status_code == 400
    team.live.run_jobs()
    shown = words_of(browser.open(f"/team/services/{SERVICE}/check"))
    assert "Por corregir" in shown
    assert "Compare el nonce del ID token" in shown
