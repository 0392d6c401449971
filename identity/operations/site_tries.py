"""The tries of a site check: what the site asks for, one good sign-in, and those that it must refuse (§1.8, §3.11)."""

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

from identity.context import Identity
from identity.operations import site_asking
from identity.operations.faults import Fault
from identity.operations.site_asking import NotAsked, Site
from identity.providers.site_visitor import SiteVisitor
from identity.standards import discovery
from identity.standards.redirect_uris import LOOPBACK
from identity.standards.site_findings import LINES, Finding, Outcome, Seen
from shared.http import OutboundError

STRANGE_STATE = "a-state-that-was-never-sent"
OTHER_ISSUER = "https://other-issuer.example/openid"
FAULTS = {
    "wrong-nonce": Fault.WRONG_NONCE,
    "wrong-signature": Fault.WRONG_SIGNATURE,
    "expired": Fault.EXPIRED,
    "wrong-issuer": Fault.WRONG_ISSUER,
    "wrong-audience": Fault.WRONG_AUDIENCE,
}
Found = dict[str, Finding]


def look(identity: Identity, site: Site) -> list[Finding]:
    """Make all tries and return a finding for each line, in the order of the table."""
    found: Found = {}
    addresses = [url for url in (site.login_url, site.page_url, site.sign_out_url) if url]
    _note(found, "tls", None if all(_is_safe(identity, url) for url in addresses) else Seen.NOT_HTTPS)
    try:
        if _asks_well(identity, site, found):
            _lets_in(identity, site, found)
    except NotAsked as told:
        _note(found, "asks" if told.seen in {Seen.NOT_ASKED, Seen.ELSEWHERE} else "request", told.seen, told.detail)
    except OutboundError as error:
        _note(found, "asks", Seen.NO_ANSWER, str(error))
    if "signs-in" in found and found["signs-in"].outcome is Outcome.PASSED:
        for check, attempt in _attempts(identity, site).items():
            found[check] = _try(check, attempt)
    return [found.get(check, Finding(check, Outcome.NOT_TRIED, Seen.SIGN_IN_FAILED)) for check in LINES]


def _note(found: Found, check: str, wrong: Seen | None = None, detail: str = "") -> None:
    found[check] = Finding(check, Outcome.PASSED) if wrong is None else Finding(check, Outcome.FAILED, wrong, detail)


def _is_safe(identity: Identity, url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (identity.settings.is_sandbox and parts.hostname in LOOPBACK)


def _asks_well(identity: Identity, site: Site, found: Found) -> bool:
    """Compare what two visitors are sent with; answer whether the page is closed to them.  Raises: NotAsked, OutboundError."""
    one, two = (site_asking.ask(identity, site, site.visitor(identity)) for _ in range(2))
    _note(found, "asks")
    _note(found, "request")
    for check, values in {
        "state": (one.state, two.state),
        "nonce": (one.nonce, two.nonce),
        "pkce": (one.code_challenge, two.code_challenge),
    }.items():
        _note(found, check, Seen.MISSING if not all(values) else Seen.TWICE_THE_SAME if values[0] == values[1] else None)
    is_open = site.visitor(identity).open(site.page_url).is_shown
    _note(found, "closed", Seen.OPEN_TO_ALL if is_open else None)
    return not is_open


def _lets_in(identity: Identity, site: Site, found: Found) -> None:
    """Sign in as it should be.  Raises: NotAsked, OutboundError."""
    visitor = site.visitor(identity)
    used = _answer(identity, site, visitor)
    _note(found, "back-end", None if used else Seen.CODE_NOT_USED)
    arrival = visitor.open(site.page_url)
    wrong = None if arrival.is_shown and used else Seen.STILL_OUT if used else Seen.CODE_NOT_USED
    _note(found, "signs-in", wrong, str(arrival.status))


def _answer(
    identity: Identity, site: Site, visitor: SiteVisitor, fault: Fault | None = None, spoiled: Mapping[str, str] | None = None
) -> bool:
    """Have the site ask, and answer; return whether it exchanged the code.  Raises: NotAsked, OutboundError."""
    request = site_asking.ask(identity, site, visitor)
    code = site_asking.give_code(identity, site, request, fault)
    site_asking.answer(identity, visitor, request, {"code": code, **(spoiled or {})})
    return site_asking.was_used(identity, code)


def _attempts(identity: Identity, site: Site) -> dict[str, Callable[[], Finding]]:
    return {
        "strange-state": partial(_strange_answer, identity, site, "strange-state", Outcome.FAILED, {"state": STRANGE_STATE}),
        "stolen-state": partial(_stolen_answer, identity, site),
        **{check: partial(_spoiled_token, identity, site, check, fault) for check, fault in FAULTS.items()},
        "other-sender": partial(_strange_answer, identity, site, "other-sender", Outcome.ADVICE, {"iss": OTHER_ISSUER}),
        "person-refuses": partial(_refusal, identity, site),
        "signs-out": partial(_signing_out, identity, site),
    }


def _try(check: str, attempt: Callable[[], Finding]) -> Finding:
    try:
        return attempt()
    except NotAsked as told:
        return Finding(check, Outcome.NOT_TRIED, told.seen, told.detail)
    except OutboundError as error:
        return Finding(check, Outcome.NOT_TRIED, Seen.NO_ANSWER, str(error))


def _strange_answer(identity: Identity, site: Site, check: str, outcome: Outcome, spoiled: Mapping[str, str]) -> Finding:
    """Answer with something that the site can see to be wrong before it exchanges the code."""
    visitor = site.visitor(identity)
    used = _answer(identity, site, visitor, spoiled=spoiled)
    return _verdict(site, check, visitor, used, outcome)


def _stolen_answer(identity: Identity, site: Site) -> Finding:
    """Bring one visitor's answer to another, who has begun to sign in as well."""
    victim, thief = site.visitor(identity), site.visitor(identity)
    site_asking.ask(identity, site, victim)
    request = site_asking.ask(identity, site, thief)
    code = site_asking.give_code(identity, site, request)
    site_asking.answer(identity, victim, request, {"code": code})
    return _verdict(site, "stolen-state", victim, site_asking.was_used(identity, code), Outcome.FAILED)


def _verdict(site: Site, check: str, visitor: SiteVisitor, used: bool, outcome: Outcome) -> Finding:
    if visitor.open(site.page_url).is_shown:
        return Finding(check, outcome, Seen.LET_IN)
    return Finding(check, outcome, Seen.CODE_USED) if used else Finding(check, Outcome.PASSED)


def _spoiled_token(identity: Identity, site: Site, check: str, fault: Fault) -> Finding:
    """Give an ID token with one thing wrong for the code."""
    visitor = site.visitor(identity)
    used = _answer(identity, site, visitor, fault)
    if visitor.open(site.page_url).is_shown:
        return Finding(check, Outcome.FAILED, Seen.LET_IN)
    return Finding(check, Outcome.PASSED) if used else Finding(check, Outcome.NOT_TRIED, Seen.CODE_NOT_USED)


def _refusal(identity: Identity, site: Site) -> Finding:
    """Answer that the person said no."""
    visitor = site.visitor(identity)
    request = site_asking.ask(identity, site, visitor)
    arrival = site_asking.answer(identity, visitor, request, {"error": "access_denied"})
    if visitor.open(site.page_url).is_shown:
        return Finding("person-refuses", Outcome.FAILED, Seen.LET_IN)
    return Finding("person-refuses", *_told(arrival.status))


def _told(status: int) -> tuple[Outcome, Seen, str]:
    return (Outcome.ADVICE, Seen.OWN_FAULT, str(status)) if status >= 500 else (Outcome.PASSED, Seen.AS_IT_SHOULD, "")


def _signing_out(identity: Identity, site: Site) -> Finding:
    """Sign in, sign out, and look whether both sides forgot."""
    if not site.sign_out_url:
        return Finding("signs-out", Outcome.NOT_TRIED, Seen.NO_SIGN_OUT)
    visitor = site.visitor(identity)
    _answer(identity, site, visitor)
    arrival = visitor.open(site.sign_out_url)
    if visitor.open(site.page_url).is_shown:
        return Finding("signs-out", Outcome.FAILED, Seen.STILL_IN)
    if arrival.leads_to is None or not site_asking.leads_to(identity, arrival.leads_to, discovery.END_SESSION.path):
        return Finding("signs-out", Outcome.FAILED, Seen.NO_LOGOUT)
    return Finding("signs-out", Outcome.PASSED)
